"""The few numbers that answer "does anything need me?", each with a small trend."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncHour
from django.utils import timezone

from orchestrator import models
from orchestrator.queries.runs import IN_PROGRESS

HOURS = 24
DAYS = 7


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts now. Trends are oldest first: hours of the last day, days of the last week. Spend is in USD."""

    in_progress: int
    paused: int
    started_by_hour: tuple[int, ...]
    waiting: int
    unconfirmed: int
    oldest_waiting: dt.datetime | None
    held_by_hour: tuple[int, ...]
    faults: int
    failed_today: int
    failed_by_day: tuple[int, ...]
    spent_today: Decimal
    unpriced_today: int
    spent_by_day: tuple[float, ...]
    runs_ever: bool


def figures(*, now: dt.datetime) -> Figures:
    """The figures at this moment; days begin at midnight in the organisation's time zone."""
    runs, actions, turns = models.Run.objects, models.Action.objects, models.Turn.objects
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    week = midnight - dt.timedelta(days=DAYS - 1)
    hour = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    day = hour - dt.timedelta(hours=HOURS - 1)
    counted = runs.filter(state__in=IN_PROGRESS).aggregate(
        in_progress=Count("id"),
        paused=Count("id", filter=Q(state="paused")),
        faults=Count("id", filter=Q(is_fault=True)),
    )
    waiting = actions.filter(state__in=("held", "unconfirmed")).aggregate(
        held=Count("id", filter=Q(state="held")),
        unconfirmed=Count("id", filter=Q(state="unconfirmed")),
        oldest=Min("proposed_at"),
    )
    failed = runs.filter(state="failed", ended_at__gte=week)
    spent = turns.filter(ended_at__gte=week).exclude(model="")
    today = spent.filter(ended_at__gte=midnight).aggregate(
        spent=Sum("cost"), unpriced=Count("id", filter=Q(cost__isnull=True))
    )
    hours = [day + dt.timedelta(hours=step) for step in range(HOURS)]
    days = [week + dt.timedelta(days=step) for step in range(DAYS)]
    started = _counted(runs.filter(started_at__gte=day), TruncHour("started_at"))
    held = _counted(actions.filter(proposed_at__gte=day).exclude(tier=""), TruncHour("proposed_at"))
    failures = _counted(failed, TruncDay("ended_at"))
    costs = {
        row["bucket"].date(): float(row["sum"] or 0)
        for row in spent.annotate(bucket=TruncDay("ended_at")).values("bucket").annotate(sum=Sum("cost"))
    }
    return Figures(
        in_progress=counted["in_progress"],
        paused=counted["paused"],
        started_by_hour=tuple(started.get(bucket, 0) for bucket in hours),
        waiting=waiting["held"],
        unconfirmed=waiting["unconfirmed"],
        oldest_waiting=waiting["oldest"],
        held_by_hour=tuple(held.get(bucket, 0) for bucket in hours),
        faults=counted["faults"],
        failed_today=failed.filter(ended_at__gte=midnight).count(),
        failed_by_day=tuple(failures.get(bucket, 0) for bucket in days),
        spent_today=today["spent"] or Decimal(0),
        unpriced_today=today["unpriced"],
        spent_by_day=tuple(costs.get(bucket.date(), 0.0) for bucket in days),
        runs_ever=has_run(),
    )


def has_run() -> bool:
    """Whether any run was ever started here."""
    return models.Run.objects.exists()


def _counted(found: QuerySet[Any], bucket: TruncDay | TruncHour) -> dict[dt.datetime, int]:
    rows = found.annotate(bucket=bucket).values("bucket").annotate(count=Count("id"))
    return {row["bucket"]: row["count"] for row in rows}
