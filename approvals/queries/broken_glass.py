"""Where the glass was broken lately: shown to everybody who looks at the whole."""

from __future__ import annotations

import datetime as dt
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


def broken_glass(now: dt.datetime) -> list[BrokenGlass]:
    """Requests released past their quorum within a day, or called for and waiting for the second person."""
    released = Q(is_break_glass=True, decided_at__gt=now - LOOK_BACK)
    called = Q(status="pending") & ~Q(calls=[])
    found = ApprovalRequest.objects.filter(released | called).order_by("-changed_at")[:MOST]
    return [
        BrokenGlass(
            pk=row.pk,
            sentence=row.sentence,
            callers=tuple(dict.fromkeys(call["person"] for call in row.calls)),
            is_released=row.is_break_glass,
        )
        for row in found
    ]
