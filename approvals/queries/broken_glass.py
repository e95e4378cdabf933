"""Where the glass was broken lately: shown to everybody who looks at the whole."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from approvals.models import ApprovalRequest

LOOK_BACK = dt.timedelta(hours=24)


def broken_glass(now: dt.datetime) -> list[ApprovalRequest]:
    """Requests released past their quorum within a day, or called for and waiting for the second person."""
    released = Q(is_break_glass=True, decided_at__gt=now - LOOK_BACK)
    called = Q(status="pending") & ~Q(calls=[])
    return list(ApprovalRequest.objects.filter(released | called).order_by("-changed_at")[:5])
