"""Set and end delegations and leave: for oneself, or by an administrator for somebody who is away already."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import connection, transaction
from msgspec.structs import replace

from approvals import projections
from approvals.domain import delegations
from approvals.domain.delegations import Delegation
from approvals.models import Delegation as Row
from approvals.queries import delegations as queries
from approvals.queries import people
from approvals.services import recording, rows
from orchestrator.domain import errors

MANAGE = "config.manage_people"
# Any number, the same for everybody who sets a delegation: two at once must see each other.
LOCK = 0x64656C65


class NotYours(errors.NotPermitted):
    """A delegation is set and ended by the person themselves or by an administrator."""


class UnknownDelegation(errors.NotFound):
    """There is no such delegation. It may have been removed from the page you see; reload it."""


def set_delegation(
    *,
    person: str,
    delegate: str = "",
    is_leave: bool = False,
    starts_at: dt.datetime | None = None,
    until: dt.datetime,
    reason: str = "",
    by: Any,
    now: dt.datetime,
) -> Delegation:
    """Have another decide from a moment (now, when none is given) until another, or go on leave, or both.

    Raises NotYours, delegations.BadDelegation.
    """
    _may_touch(person, by)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        at = rows.database_time()
        new = Delegation(
            id=str(uuid.uuid4()),
            person=person,
            delegate=delegate,
            is_leave=is_leave,
            starts_at=max(starts_at or at, at),
            until=until,
            reason=reason.strip(),
            set_by=by.get_username(),
            set_at=at,
        )
        delegations.check(new, queries.coming(at))
        _may_decide(new)
        fact = delegations.DelegationSet(delegation=new)
        recording.record_delegation(fact, id=new.id, by=f"user:{new.set_by}", at=at)
        Row.objects.create(**projections.delegation_columns(new))
    return new


def end_delegation(*, delegation: str, by: Any, now: dt.datetime) -> Delegation:
    """End one before its time. Raises UnknownDelegation, NotYours, delegations.DelegationOver."""
    with transaction.atomic():
        row = Row.objects.select_for_update().filter(pk=delegation).first()
        if row is None:
            raise UnknownDelegation()
        _may_touch(row.person, by)
        at = rows.database_time()
        if row.ended_at is not None or row.until <= at:
            raise delegations.DelegationOver()
        me = by.get_username()
        fact = delegations.DelegationEnded(
            id=str(row.pk), by=me, at=at, person=row.person, delegate=row.delegate
        )
        recording.record_delegation(fact, id=fact.id, by=f"user:{me}", at=at)
        Row.objects.filter(pk=row.pk).update(ended_at=at, ended_by=me)
    return replace(queries.from_row(row), ended_at=at, ended_by=me)


def _may_touch(person: str, by: Any) -> None:
    if person != by.get_username() and not by.has_perm(MANAGE):
        raise NotYours()


def _may_decide(new: Delegation) -> None:
    """Both must be people who decide; who is missing, deactivated or a program cannot stand in."""
    known = people.reviewers([new.person, *([new.delegate] if new.delegate else [])])
    for name in filter(None, (new.person, new.delegate)):
        one = known[name]
        if not one.is_active or one.is_service or not one.may_sign_off:
            field = "person" if name == new.person else "delegate"
            raise delegations.BadDelegation(
                f"{name} does not decide requests. Choose somebody who does.", field=field
            )
