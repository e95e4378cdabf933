"""What is unusual about a request, from earlier requests alone: said only where there is something to compare with."""

from __future__ import annotations

from decimal import Decimal

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from approvals.domain import money, record
from approvals.domain.visible import visible
from approvals.models import ApprovalRequest, Canary
from approvals.projections import comparable_amount

# Below this many earlier amounts a median says little; below this factor it is not worth a reviewer's time.
ENOUGH = 5
FACTOR = Decimal(3)
# What is usual is what is usual of late, and opening a case costs no more after years of requests.
LATEST = 500


def unusual(request: record.Request) -> tuple[str, ...]:
    """Sentences on what sets this request apart; none when nothing does."""
    found = (_refused_before(request), _first_target(request), _amount(request))
    return tuple(sentence for sentence in found if sentence)


def _real() -> QuerySet[ApprovalRequest]:
    """Requests that are no canaries: what was planted makes no payee known and no amount usual."""
    return ApprovalRequest.objects.exclude(Exists(Canary.objects.filter(run=OuterRef("run"))))


def _refused_before(request: record.Request) -> str:
    earlier = (
        _real()
        .filter(digest=request.opened.digest, status="rejected")
        .filter(opened_at__lt=request.opened.opened_at)
        .order_by("-decided_at")
        .first()
    )
    if earlier is None:
        return ""
    return f"The very same action was rejected before, by {earlier.decided_by}: {earlier.reason}"


def _first_target(request: record.Request) -> str:
    opened = request.opened
    if not opened.target:
        return ""
    earlier = _real().filter(tool=opened.tool, opened_at__lt=opened.opened_at)
    if not earlier.exists() or earlier.filter(target=visible(opened.target)).exists():
        return ""
    return f"This is the first request of {visible(opened.tool)} for {visible(opened.target)}."


def _amount(request: record.Request) -> str:
    opened = request.opened
    amount = comparable_amount(opened.amount)
    if amount is None or not opened.currency:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) FROM ("
            "SELECT r.amount FROM approvals_approvalrequest AS r "
            "WHERE r.tool=%s AND r.currency=%s AND r.amount IS NOT NULL AND r.opened_at < %s "
            "AND NOT EXISTS (SELECT FROM approvals_canary AS c WHERE c.run=r.run) "
            "ORDER BY r.opened_at DESC LIMIT %s) AS alike",
            [opened.tool, visible(opened.currency), opened.opened_at, LATEST],
        )
        count, median = cursor.fetchone()
    if count < ENOUGH or not median or amount < FACTOR * median:
        return ""
    usual = money.shown(median.normalize(), opened.currency)
    of = f"the last {count}" if count == LATEST else f"{count} earlier"
    return f"The amount is {amount / median:.1f} times the usual (median of {of} requests: {usual})."
