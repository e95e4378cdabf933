"""One answer to several requests: of one tool, of low or medium tier, on the digests captured when they were selected.

Each request is answered in a transaction of its own, with all the checks of a single answer, so that one which somebody
decided first is skipped with their name and the others still count. Nothing is granted for what comes later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from approvals.models import ApprovalRequest
from approvals.services import sign_offs
from orchestrator.domain import errors

MOST = 100
TIERS = ("low", "medium")


class NotTogether(errors.Refused):
    """These requests cannot be answered together, so none was. Open them one by one."""


class Selected(NamedTuple):
    """A request as it was when it was selected."""

    request: str
    digest: str
    version: int


class Outcome(NamedTuple):
    """What became of one of them. `said` is the sentence for the person."""

    request: str
    sentence: str
    is_applied: bool
    said: str


def sign_off_many(
    *, selected: Sequence[Selected], by: Any, verb: str, reason: str, now: dt.datetime
) -> tuple[Outcome, ...]:
    """Answer each of them alike; returns what became of each, in the order they were given.

    Raises NotTogether and ReasonMissing before anything is answered.
    """
    reason = reason.strip()
    if not reason:
        raise sign_offs.ReasonMissing("Give one reason for all of them: your colleagues read it.")
    if not selected or len(selected) > MOST or len({one.request for one in selected}) != len(selected):
        raise NotTogether(f"Select between 1 and {MOST} requests, each once. Nothing was decided.")
    known = {
        str(key): (tool, tier, sentence)
        for key, tool, tier, sentence in ApprovalRequest.objects.filter(
            pk__in=[one.request for one in selected]
        ).values_list("pk", "tool", "tier", "sentence")
    }
    if len({tool for tool, _, _ in known.values()}) != 1 or len(known) != len(selected):
        raise NotTogether("Only requests of one tool are answered together, so none was.")
    if any(tier not in TIERS for _, tier, _ in known.values()):
        raise NotTogether("High and critical requests are answered one by one, so none was.")
    return tuple(
        _answered(one, known[one.request][2], by=by, verb=verb, reason=reason, now=now) for one in selected
    )


def _answered(one: Selected, sentence: str, *, by: Any, verb: str, reason: str, now: dt.datetime) -> Outcome:
    try:
        answered = sign_offs.sign_off(
            request=one.request,
            by=by,
            verb=verb,
            seen_digest=one.digest,
            seen_version=one.version,
            reason=reason,
            now=now,
        )
    except (errors.Refused, errors.Conflict, errors.NotPermitted) as refused:
        return Outcome(one.request, sentence, False, refused.message)
    if answered.repeated:
        return Outcome(one.request, sentence, False, "You gave this answer already; it counts once.")
    if answered.status == "pending":
        return Outcome(one.request, sentence, True, "Approved by you; it waits for more people.")
    words = {"approved": f"Approved. {answered.follows}", "rejected": "Rejected. The agent is told why."}
    return Outcome(one.request, sentence, True, words.get(answered.status, answered.status))
