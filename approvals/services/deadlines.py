"""Deadlines: expire what nobody decided in time. A time-out never approves; the agent is told and goes on."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction

from approvals.domain import record, spans
from approvals.models import ApprovalRequest
from approvals.queries import requests
from approvals.services import requests as opening
from approvals.services import rows
from orchestrator.domain import errors
from orchestrator.services import release

log = structlog.get_logger(__name__)

AT_ONCE = 200


def expire_due(now: dt.datetime) -> int:
    """Expire the requests whose time to decide is over; returns how many. Safe to call from several tickers.

    `now` is for looking; whether a request is due is judged by the database's clock in the statement itself.
    """
    due = list(
        ApprovalRequest.objects.filter(status="pending", decide_by__lte=now)
        .order_by("decide_by")
        .values_list("pk", "run")[:AT_ONCE]
    )
    expired = 0
    for request, run in due:
        try:
            expired += _expire(str(request), str(run))
        except errors.CountersignError as error:
            # One broken run must not keep the others' requests open.
            log.warning("expire_failed", request=str(request), run=str(run), error=error.message)
    return expired


def _expire(request: str, run: str) -> bool:
    with transaction.atomic():
        release.lock(run=run)
        before = requests.load(request)
        if before.status != "pending":
            return False
        at = rows.database_time()
        if opening.withdraw_settled(found=before, at=at):
            return False
        reason = f"Nobody decided within {spans.in_words(before.opened.clocks.decide_by)}."
        fact = record.Expired(request=request, reason=reason, at=at)
        if not rows.step(before, fact, by="system", at=at, only_if=f"decide_by<={rows.CLOCK}"):
            return False
        opened = before.opened
        release.refuse(
            run=run,
            action=opened.action,
            source="expiry",
            reason=reason,
            request=request,
            digest=opened.digest,
            policy=opened.policy,
            policy_revision=opened.policy_revision,
            sign_offs=[],
            by="system",
            now=at,
        )
    return True
