"""Where the glass was broken lately: shown to everybody who looks at the whole."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from dataclasses import dataclass

from django.db.models import Q

from approvals.models import ApprovalRequest

LOOK_BACK = dt.timedelta(hours=24)
MOST = 5


@dataclass(frozen=True)
class BrokenGlass:
    """One case: what it was about, who called, and whether it was released."""

    pk: uuid.UUID
    sentence: str
    callers: tuple[str, ...]
    is_released: bool

    @property
    def said(self) -> str:
        """Who did what, in one line."""
        if self.is_released:
            return f"The glass was broken by {' and '.join(self.callers)}"
        return f"{self.callers[-1]} called to break the glass: a second person must call within the hour"


def broken_glass(now: dt.datetime) -> list[BrokenGlass]:
    """Requests released past their quorum within a day, or called for and waiting for the second person.

    Few are looked at: whoever calls gives a reason that every administrator reads."""
    released = Q(is_break_glass=True, decided_at__gt=now - LOOK_BACK)
    called = Q(status="pending") & ~Q(calls=[])
    rows = ApprovalRequest.objects.filter(released | called).order_by("-changed_at").iterator()
    found = itertools.islice((row for row in rows if row.is_break_glass or _waits(row, now)), MOST)
    return [
        BrokenGlass(
            pk=row.pk,
            sentence=row.sentence,
            callers=tuple(dict.fromkeys(call["person"] for call in row.calls[-2:])),
            is_released=row.is_break_glass,
        )
        for row in found
    ]


def _waits(row: ApprovalRequest, now: dt.datetime) -> bool:
    """Whether a call still waits for a second person; after its hour it releases nothing."""
    return any(dt.datetime.fromisoformat(call["until"]) > now for call in row.calls)
