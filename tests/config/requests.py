"""Rows of approval requests for what only looks at their columns."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from approvals.models import ApprovalRequest
from tests.approvals.rows import unguarded


def row(*, execute_by: timedelta | None = None, **columns: Any) -> ApprovalRequest:
    """One request, pending and critical unless said otherwise; `execute_by` counts from now."""
    now = timezone.now()
    is_decided = columns.get("status", "pending") != "pending"
    with unguarded():
        return ApprovalRequest.objects.create(
            **{
                "id": uuid.uuid4(),
                "run": uuid.uuid4(),
                "action": "a1",
                "revision": 1,
                "digest": "0" * 64,
                "status": "pending",
                "version": 1,
                "tier": "critical",
                "rank": 0,
                "policy_revision": 1,
                "levels": [],
                "excluded": [],
                "opened": "{}",
                "opened_at": now,
                "decide_by": now + timedelta(minutes=15),
                "decided_at": now if is_decided else None,
                "execute_by": now + execute_by if execute_by is not None else None,
                "changed_at": now,
                "remind_at": now + timedelta(minutes=7),
                "escalate_at": now + timedelta(minutes=12),
                "open_groups": [],
                "questions": [],
                "calls": [],
                "is_break_glass": False,
                **columns,
            }
        )
