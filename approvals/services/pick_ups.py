"""Picking up a case: colleagues see who is looking at it. It ends by itself, and it never keeps anybody out."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import connection, transaction

from approvals.models import PickUp
from approvals.queries import requests
from approvals.services import rows
from orchestrator import sql
from orchestrator.domain import errors

LENGTH = dt.timedelta(minutes=5)


class PickedUp(errors.Conflict):
    """A colleague picked this case up. You may decide it all the same."""


class NotWaiting(errors.Refused):
    """This request does not wait any more, so there is nothing to pick up."""


def pick_up(*, request: str, by: Any, now: dt.datetime) -> dt.datetime:
    """Say that one is looking at this case; returns until when. Picking up another lets go of this one.

    Raises PickedUp while a colleague has it.
    """
    if requests.load(request).status != "pending":
        raise NotWaiting()
    me = by.get_username()
    with transaction.atomic():
        PickUp.objects.filter(person=me).exclude(request_id=uuid.UUID(request)).delete()
        until = rows.database_time() + LENGTH
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO approvals_pickup (request_id, person, until) VALUES (%s, %s, %s) "
                "ON CONFLICT (request_id) DO UPDATE SET person = excluded.person, until = excluded.until "
                "WHERE approvals_pickup.person = excluded.person OR approvals_pickup.until <= clock_timestamp()",
                [request, me, until],
            )
            if cursor.rowcount == 1:
                return until
        holder = PickUp.objects.get(request_id=uuid.UUID(request))
    raise PickedUp(
        f"{holder.person} picked this up and has it until {holder.until:%H:%M}. You may decide it all the same.",
        by=holder.person,
    )


def let_go(*, person: str, request: str = "") -> None:
    """Stop looking at a case, or at whichever one has."""
    sql.run(
        'DELETE FROM "approvals_pickup" WHERE person=$1 AND ($2::uuid IS NULL OR request_id=$2::uuid)',
        [person, request or None],
    )
