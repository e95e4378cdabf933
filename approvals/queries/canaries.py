"""Canaries as administrators see them: what was planted, and who noticed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from django.db.models import Count, Value
from django.db.models.functions import Concat

from approvals.domain.requests import WORDS, State
from approvals.models import ApprovalRequest, Canary
from approvals.queries import requests
from orchestrator import blobs, sql
from orchestrator.queries import external

MOST = 100


@dataclass(frozen=True)
class CanaryCard:
    """One canary. `request` is empty until its run has asked."""

    flaw: str
    planted_by: str
    shown_as: str
    planted_at: dt.datetime
    request: str
    sentence: str
    status: str
    status_words: str
    decided_by: str
    was_caught: bool | None


@dataclass(frozen=True)
class Sample:
    """A request that a canary may be made to look like. `beside` counts what else its run asked for: the canary's run asks
    for one thing, which who reads both closely may notice."""

    id: str
    sentence: str
    tool: str
    agent: str
    beside: int


def planted() -> tuple[CanaryCard, ...]:
    """The latest canaries."""
    rows = list(Canary.objects.order_by("-planted_at")[:MOST])
    asked: dict[object, ApprovalRequest] = {}
    for found in ApprovalRequest.objects.filter(run__in=[row.run for row in rows]).order_by("revision"):
        asked[found.run] = found
    return tuple(_card(row, asked.get(row.run)) for row in rows)


def samples() -> tuple[Sample, ...]:
    """The latest request of each tool and agent that is no canary itself and whose agent works here."""
    elsewhere = Concat(Value(external.workflow_of("")), "agent")
    own = ApprovalRequest.objects.exclude(run__in=Canary.objects.values("run")).exclude(workflow=elsewhere)
    latest = own.order_by("tool", "agent", "-opened_at").distinct("tool", "agent")[:20]
    found = list(latest)
    of_run = ApprovalRequest.objects.filter(run__in=[row.run for row in found]).order_by()
    asked = dict(of_run.values_list("run").annotate(count=Count("action", distinct=True)))
    return tuple(
        Sample(str(row.id), row.sentence, row.tool, row.agent, asked.get(row.run, 1) - 1) for row in found
    )


@lru_cache(maxsize=20_000)
def planted_by(run: str) -> str:
    """Who planted the canary that this run is; empty when it is none.

    A run is a canary from its first moment or never, so what was found stays true: workers ask once for each run.
    """
    found = sql.run("SELECT planted_by FROM approvals_canary WHERE run=$1::uuid", [run])
    return str(found[0][0]) if found else ""


def is_canary(run: str) -> bool:
    return bool(planted_by(run))


def uncounted() -> list[str]:
    """The runs of canaries that wait: what they ask for counts against no limit."""
    rows = sql.run(
        "SELECT run::text FROM approvals_canary AS one WHERE EXISTS (SELECT FROM approvals_approvalrequest AS asked "
        "WHERE asked.run=one.run AND asked.status='pending')"
    )
    return [run for (run,) in rows]


def flaw_of(run: str) -> str:
    """What is wrong with the canary of this run; empty when it is none."""
    return Canary.objects.filter(run=run).values_list("flaw", flat=True).first() or ""


def call_of(request: str) -> tuple[dict[str, Any], str]:
    """The arguments of a request, and its agent's reason. Raises UnknownRequest."""
    opened = requests.load(request).opened
    return dict(blobs.value(opened.arguments)), opened.stated_reason


def _card(row: Canary, found: ApprovalRequest | None) -> CanaryCard:
    status = found.status if found is not None else ""
    caught = {"rejected": True, "approved": False, "lapsed": False, "revoked": False, "stale": False}
    return CanaryCard(
        flaw=row.flaw,
        planted_by=row.planted_by,
        shown_as=row.shown_as,
        planted_at=row.planted_at,
        request=str(found.id) if found is not None else "",
        sentence=found.sentence if found is not None else "",
        status=status,
        status_words=WORDS[cast(State, found.status)] if found is not None else "not asked yet",
        decided_by=found.decided_by if found is not None else "",
        was_caught=caught.get(status),
    )
