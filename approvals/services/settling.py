"""Tell the run what became of a request, in the transaction that decided it: the action is released or refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

from approvals.domain import record
from approvals.queries import canaries as queries
from approvals.services import canaries
from orchestrator.services import release

BREAK_GLASS = "break-glass"
GRANT = "standing grant"


def settle(after: record.Request, *, by: str, at: dt.datetime) -> str:
    """Release the action of an approved request, or refuse that of a rejected one; returns what follows, in words.
    `by` is a username or a grant.

    A canary is never released, whoever approved it; decided, its run's record says what it was.
    """
    opened = after.opened
    common: dict[str, Any] = {
        "run": opened.run,
        "action": opened.action,
        "request": opened.request,
        "digest": opened.digest,
        "policy": opened.policy,
        "policy_revision": opened.policy_revision,
        "sign_offs": signed_by(after),
        "by": "system" if opened.grant else f"user:{by}",
        "now": at,
    }
    is_canary = queries.is_canary(opened.run)
    if after.status == "approved" and not is_canary:
        release.release(**common)
        return opened.follows
    said = "" if after.status == "approved" else f"{by} rejected it: {after.reason}"
    reason = " ".join(filter(None, [said, canaries.OVER if is_canary else ""]))
    release.refuse(source="reviewer", reason=reason, **common)
    return f"{canaries.OVER} Nothing runs." if is_canary else ""


def signed_by(request: record.Request) -> list[release.SignedBy]:
    """Everybody who answers for it: the sign-offs that stand, or the two people who broke the glass."""
    if request.opened.grant:
        return [
            release.SignedBy(
                who=one.reviewer,
                role=GRANT,
                verb=one.verb,
                at=one.decided_at.isoformat(),
                seen_digest=one.seen_digest,
                seen_version=one.seen_version,
                reason=one.reason,
            )
            for one in request.standing
        ]
    if request.is_break_glass:
        return [
            release.SignedBy(
                who=call.person,
                role=BREAK_GLASS,
                verb="approve",
                at=call.at.isoformat(),
                seen_digest=call.seen_digest,
                seen_version=call.seen_version,
                reason=call.reason,
            )
            for call in request.calls[-2:]
        ]
    return [
        release.SignedBy(
            who=f"{one.reviewer} for {one.acting_for}" if one.acting_for else one.reviewer,
            role=one.role,
            verb=one.verb,
            at=one.decided_at.isoformat(),
            seen_digest=one.seen_digest,
            seen_version=one.seen_version,
            reason=one.reason,
        )
        for one in request.standing
    ]
