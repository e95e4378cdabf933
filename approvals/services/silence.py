"""Silence: a reminder when half of the time is over, and up to the administrators when four fifths are.

Each happens once, as an event. Nothing is ever approved because nobody answered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import structlog
from django.db import transaction

from approvals.domain import happenings, quorum, record, spans
from approvals.models import ApprovalRequest
from approvals.queries import pools, requests
from approvals.services import rows
from orchestrator.domain import errors
from orchestrator.services import release

log = structlog.get_logger(__name__)

AT_ONCE = 200


def speak_up(now: dt.datetime) -> int:
    """Remind and escalate what is due; returns how many. Safe to call from several tickers."""
    waiting = ApprovalRequest.objects.filter(status="pending")
    to_remind = waiting.filter(reminded_at__isnull=True, remind_at__lte=now).order_by("remind_at")
    to_escalate = waiting.filter(escalated_at__isnull=True, escalate_at__lte=now).order_by("escalate_at")
    done = 0
    for due, speak in ((to_remind, _remind), (to_escalate, _escalate)):
        for request, run in list(due.values_list("pk", "run")[:AT_ONCE]):
            try:
                done += _once(str(request), str(run), speak)
            except errors.CountersignError as error:
                log.warning("reminding_failed", request=str(request), run=str(run), error=error.message)
    return done


def awaited(found: record.Request, at: dt.datetime) -> tuple[str, ...]:
    """Who is waited for now: members of the levels that are open, without those who answered or are away."""
    opened = found.opened
    open_now = quorum.tally(opened.levels, found.answers, opened.editors).open
    by_group = pools.awaited(found, at)
    return tuple(dict.fromkeys(name for level in open_now for name in by_group.get(level.group, ())))


def _once(
    request: str, run: str, speak: Callable[[record.Request, dt.datetime], tuple[record.Fact, str, str]]
) -> bool:
    with transaction.atomic():
        release.lock(run=run)
        before = requests.load(request)
        if before.status != "pending":
            return False
        at = rows.database_time()
        fact, done, due = speak(before, at)
        only_if = f"{done} IS NULL AND {due}<={rows.CLOCK}"
        return rows.step(before, fact, by="system", at=at, only_if=only_if)


def _remind(before: record.Request, at: dt.datetime) -> tuple[record.Fact, str, str]:
    fact = happenings.Reminded(request=before.opened.request, at=at, people=awaited(before, at))
    return fact, "reminded_at", "remind_at"


def _escalate(before: record.Request, at: dt.datetime) -> tuple[record.Fact, str, str]:
    left = spans.in_words(before.opened.decide_by - at)
    people = pools.above(before.opened, at)
    fact = happenings.Escalated(
        request=before.opened.request,
        at=at,
        reason=f"Nobody has decided, and {left} are left.",
        people=people,
    )
    return fact, "escalated_at", "escalate_at"
