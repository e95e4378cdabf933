"""How grave a request is: all that must be known of it before an answer is looked at."""

from __future__ import annotations

import uuid

from approvals.models import ApprovalRequest
from orchestrator import sql


def waiting_tier(request: uuid.UUID) -> str:
    """The tier of a request that waits; empty when none of this id does."""
    table = ApprovalRequest._meta.db_table
    rows = sql.run(f"SELECT tier FROM \"{table}\" WHERE id=$1::uuid AND status='pending'", [request])
    return str(rows[0][0]) if rows else ""
