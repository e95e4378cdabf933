"""A reviewer's own desk: putting a request aside for a while, and keeping filters under a name.

Both are rows without an event: they change nothing that anybody decided or could decide, and are nobody else's
business. What an auditor asks about (who was shown what, and answered how) is on the record of the request.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import IntegrityError, transaction

from approvals.models import SavedFilter, Snooze
from approvals.queries import requests
from orchestrator.domain import errors

SNOOZE = dt.timedelta(hours=1)
MOST_FILTERS = 20
NAME_LENGTH, QUERY_LENGTH = 60, 1000


class NotSnoozed(errors.Refused):
    """This request cannot be put aside."""


class FilterNotKept(errors.Refused):
    """This filter cannot be kept. Give it a name of its own."""


def snooze(*, request: str, by: Any, now: dt.datetime) -> dt.datetime:
    """Put a request aside for this person alone; returns until when.

    An hour, or less: a quarter of the time that is left is always kept for deciding. Raises NotSnoozed.
    """
    found = requests.load(request)
    if found.status != "pending":
        raise NotSnoozed("This request does not wait any more, so there is nothing to put aside.")
    if found.opened.tier == "critical":
        raise NotSnoozed("A critical request is not put aside. Decide it, or leave it to a colleague.")
    left = found.opened.decide_by - now
    if left <= dt.timedelta(minutes=1):
        raise NotSnoozed("Its time is nearly over, so it is not put aside.")
    until = now + min(SNOOZE, left * 0.75)
    me = by.get_username()
    Snooze.objects.update_or_create(person=me, request_id=uuid.UUID(request), defaults={"until": until})
    return until


def wake(*, request: str, by: Any) -> None:
    """Take a request back from aside."""
    Snooze.objects.filter(person=by.get_username(), request_id=uuid.UUID(request)).delete()


def keep_filter(*, name: str, query: str, by: Any) -> None:
    """Keep a filter of the inbox; the same name replaces it. Raises FilterNotKept."""
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or len(query) > QUERY_LENGTH:
        raise FilterNotKept(f"Give the filter a name of at most {NAME_LENGTH} characters.")
    me = by.get_username()
    mine = SavedFilter.objects.filter(person=me)
    if mine.exclude(name=name).count() >= MOST_FILTERS:
        raise FilterNotKept(f"{MOST_FILTERS} filters are kept for a person. Drop one first.")
    try:
        with transaction.atomic():
            mine.update_or_create(person=me, name=name, defaults={"query": query})
    except IntegrityError:
        mine.filter(name=name).update(query=query)


def drop_filter(*, filter: int, by: Any) -> None:
    """Drop a filter of one's own."""
    SavedFilter.objects.filter(pk=filter, person=by.get_username()).delete()
