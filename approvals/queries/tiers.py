"""How grave a request is: all that must be known of it before an answer is looked at."""

from __future__ import annotations

import uuid

from approvals.models import ApprovalRequest


def waiting_tier(request: uuid.UUID) -> str:
    """The tier of a request that waits; empty when none of this id does."""
    waiting = ApprovalRequest.objects.filter(pk=request, status="pending")
    return waiting.values_list("tier", flat=True).first() or ""
