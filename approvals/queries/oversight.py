"""How people review: by person and policy, from the sign-offs and the requests as they stand. Counts, no judgement."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Q

from approvals.models import ApprovalRequest

# Below this nobody has read a case.
QUICK = dt.timedelta(seconds=3)
# How an answer of a standing grant is marked: no person gave it.
GRANT = "standing grant"


@dataclass(frozen=True)
class ReviewerLine:
    """One person under one policy. Times are medians in seconds, None where no page was opened."""

    reviewer: str
    policy: str
    answers: int
    approved: int
    to_open: float | None
    to_decide: float | None
    quick: int
    timed: int
    reversed: int
    canaries: int
    canaries_approved: int

    @property
    def approve_share(self) -> int:
        return _share(self.approved, self.answers)

    @property
    def quick_share(self) -> int:
        return _share(self.quick, self.timed)


@dataclass(frozen=True)
class PolicyLine:
    """What became of the requests of one policy."""

    policy: str
    requests: int
    decided: int
    expired: int
    waiting: int


_REVIEWERS = """
SELECT given.reviewer, request.policy, count(*),
    count(*) FILTER (WHERE given.verb = 'approve'),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM given.opened_at - request.opened_at)),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM given.decided_at - given.opened_at)),
    count(*) FILTER (WHERE given.decided_at - given.opened_at < %(quick)s),
    count(given.opened_at),
    count(*) FILTER (WHERE given.retracted_at IS NOT NULL
        OR (given.verb = 'approve' AND request.status = 'revoked')),
    count(canary.id),
    count(canary.id) FILTER (WHERE given.verb = 'approve')
FROM approvals_signoff AS given
JOIN approvals_approvalrequest AS request ON request.id = given.request_id
LEFT JOIN approvals_canary AS canary ON canary.run = request.run AND request.revision = 1
    AND given.retracted_at IS NULL
WHERE given.decided_at >= %(since)s AND given.role <> %(grant)s AND (%(person)s = '' OR given.reviewer = %(person)s)
GROUP BY given.reviewer, request.policy ORDER BY given.reviewer, request.policy
"""


def reviewer_lines(*, since: dt.datetime, person: str = "") -> tuple[ReviewerLine, ...]:
    """Everybody's answers since a moment, or one person's."""
    asked: dict[str, Any] = {"since": since, "person": person, "quick": QUICK, "grant": GRANT}
    with connection.cursor() as cursor:
        cursor.execute(_REVIEWERS, asked)
        return tuple(ReviewerLine(*row) for row in cursor.fetchall())


def policy_lines(*, since: dt.datetime) -> tuple[PolicyLine, ...]:
    """What became of the requests that were opened since a moment. What a grant answered asked nobody."""
    found = ApprovalRequest.objects.filter(opened_at__gte=since).values("policy").order_by("policy")
    rows = found.annotate(
        requests=Count("pk"),
        decided=Count("pk", filter=Q(status__in=["approved", "rejected", "revoked", "stale", "lapsed"])),
        expired=Count("pk", filter=Q(status="expired")),
        waiting=Count("pk", filter=Q(status="pending")),
    )
    return tuple(PolicyLine(**row) for row in rows)


def _share(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
