"""A reviewer's own desk: their filters, and whether they put a request aside."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from approvals.models import SavedFilter, Snooze


@dataclass(frozen=True)
class FilterCard:
    """One filter of a person's own."""

    id: int
    name: str
    query: str


def filters_of(person: Any) -> tuple[FilterCard, ...]:
    rows = SavedFilter.objects.filter(person=person.get_username()).order_by("name")
    return tuple(FilterCard(row.pk, row.name, row.query) for row in rows)


def snoozed_until(request: str, person: Any, at: dt.datetime) -> dt.datetime | None:
    """Until when this person put the request aside; None when they did not."""
    mine = Snooze.objects.filter(request=uuid.UUID(request), person=person.get_username(), until__gt=at)
    return mine.values_list("until", flat=True).first()
