"""What the retention policy lets go, and letting it go. By default nothing is.

Nothing goes that is still needed: by a run that has not ended, a request that waits, an action whose outcome is
not known, or anything that stays and names it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from celery import current_app
from django.conf import settings
from django.db import transaction

from approvals.services import retention as approvals
from monitoring.domain import retention
from monitoring.services import audit_index
from orchestrator.domain.people import Person
from orchestrator.services import references, removal

# So many runs are removed in one transaction, with the fact that they were.
AT_ONCE = 20
TASK = "monitoring.tasks.apply_retention"


@dataclass(frozen=True)
class Proposal:
    """What would go: content as (digest, size), runs, the streams of their requests; and what would have gone by
    its age, but is named by something that stays."""

    contents: tuple[tuple[str, int], ...]
    runs: tuple[str, ...]
    requests: tuple[str, ...]
    still_named: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.contents)


def policy() -> dict[str, int]:
    """Days by kind, as set. Raises MalformedRetention."""
    return retention.days_of(settings.RETENTION_DAYS)


def propose(days: Mapping[str, int], *, now: dt.datetime) -> Proposal:
    """What a policy would let go now. It reads the whole log once, and changes nothing."""
    ended = approvals.requests_of(_owed_nothing(days, "run", now))
    named = removal.named_by_others(ended)
    leaving = {run: requests for run, requests in ended.items() if run not in named}
    old = sorted({*_owed_nothing(days, "content", now), *leaving})
    streams = [*old, *_flat(approvals.requests_of(old))]
    contents: list[tuple[str, int]] = []
    if old:
        needed = references.blobs_of(removal.other_streams(streams))
        contents = removal.sizes_of(sorted(references.blobs_of(streams) - needed))
    return Proposal(tuple(contents), tuple(leaving), tuple(_flat(leaving)), tuple(sorted(named)))


def apply(days: Mapping[str, int], *, by: str, now: dt.datetime) -> Proposal:
    """Let go what the policy says; returns what went. Content first, then runs with their requests."""
    found = propose(days, now=now)
    said = ", ".join(f"{kind} after {number} days" for kind, number in sorted(days.items()))
    reason = f"Retention: {said}"
    removal.erase(found.contents, reason=reason, by=by, now=now)
    for first in range(0, len(found.runs), AT_ONCE):
        runs = found.runs[first : first + AT_ONCE]
        with transaction.atomic():
            streams = [*runs, *_flat(approvals.requests_of(runs))]
            removal.remove_streams(streams, reason=reason, by=by, now=now)
            approvals.remove_rows(runs)
            audit_index.forget(streams)
    return found


def hand_out() -> None:
    """Let a worker do it: it reads the whole log, and the ticker must go on ringing."""
    current_app.send_task(TASK, queue="watch")


def erase_content(*, digest: str, reason: str, by: Person, now: dt.datetime) -> None:
    """Erase one content for a reason, such as personal data in it. Raises StillNeeded, UnknownContent, NoReason."""
    removal.erase_content(
        digest=digest.strip().lower(),
        reason=reason,
        by=f"user:{by.get_username()}",
        now=now,
        needed_by=approvals.waiting_requests(),
    )


def _owed_nothing(days: Mapping[str, int], kind: str, now: dt.datetime) -> list[str]:
    if kind not in days:
        return []
    waiting = approvals.waiting_runs()
    ended: Sequence[str] = removal.ended_runs(now - dt.timedelta(days=days[kind]))
    return [run for run in ended if run not in waiting]


def _flat(requests: Mapping[str, Sequence[str]]) -> list[str]:
    return [request for of_run in requests.values() for request in of_run]
