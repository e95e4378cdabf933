"""The turns of a run: who was asked, what it took, what it cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, Sum

from orchestrator import models


@dataclass(frozen=True, slots=True)
class TurnCard:
    """One invocation of one agent. `cost` in USD is None when unknown or not charged; `output` is a digest."""

    turn: str
    stage: str
    agent: str
    attempt: int
    number: int
    state: str
    outcome: str
    requested_seq: int
    requested_at: dt.datetime
    ended_at: dt.datetime | None
    note: str
    error: str
    feedback: str
    model: str
    input_tokens: int
    output_tokens: int
    cost: Decimal | None
    milliseconds: int

    @property
    def is_unpriced(self) -> bool:
        return bool(self.model) and self.cost is None


@dataclass(frozen=True, slots=True)
class TurnPage:
    """Turns in the order they were asked for. `after` is the cursor of the next page, 0 when there is none."""

    cards: tuple[TurnCard, ...]
    total: int
    after: int


@dataclass(frozen=True, slots=True)
class AgentCost:
    """What one agent used in a run. `unpriced` counts calls whose price is not known."""

    agent: str
    turns: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost: Decimal
    unpriced: int
    milliseconds: int


def turn_page(run: str, *, after: int = 0, limit: int = 100) -> TurnPage:
    found = models.Turn.objects.filter(run_id=run)
    rows = list(found.filter(requested_seq__gt=after).order_by("requested_seq")[: limit + 1])
    cards = cards_of(rows[:limit])
    return TurnPage(cards, found.count(), cards[-1].requested_seq if len(rows) > limit else 0)


def cards_of(rows: Iterable[models.Turn]) -> tuple[TurnCard, ...]:
    return tuple(
        TurnCard(
            turn=row.turn,
            stage=row.stage,
            agent=row.agent,
            attempt=row.attempt,
            number=row.number,
            state=row.state,
            outcome=row.outcome,
            requested_seq=row.requested_seq,
            requested_at=row.requested_at,
            ended_at=row.ended_at,
            note=row.note,
            error=row.error,
            feedback=row.feedback,
            model=row.model,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost=row.cost,
            milliseconds=row.milliseconds,
        )
        for row in rows
    )


def notes_of(run: str, outputs: Iterable[str]) -> dict[str, str]:
    """What an agent said of these outputs (digests) when it gave them, by output. It is its own account."""
    return noted(models.Turn.objects.filter(run_id=run, output__in=set(outputs)).order_by("requested_seq"))


def noted(rows: Iterable[models.Turn]) -> dict[str, str]:
    return {row.output: row.note for row in rows if row.output and row.note}


JUDGES = "Judges"


def agent_costs(run: str) -> tuple[AgentCost, ...]:
    """What each agent's turns took, and what the judges of their outputs did: the run's totals hold both."""
    agents = _turn_costs(run)
    whole = (
        models.Run.objects.filter(pk=run).values("input_tokens", "output_tokens", "cost", "unpriced").first()
    )
    return agents if whole is None else with_judges(agents, **whole)


def with_judges(
    agents: tuple[AgentCost, ...], *, input_tokens: int, output_tokens: int, cost: Decimal, unpriced: int
) -> tuple[AgentCost, ...]:
    """The agents, and what the run's totals hold beyond them: that was used by judges."""
    judged = AgentCost(
        agent=JUDGES,
        turns=0,
        failed=0,
        input_tokens=input_tokens - sum(one.input_tokens for one in agents),
        output_tokens=output_tokens - sum(one.output_tokens for one in agents),
        cost=cost - sum((one.cost for one in agents), Decimal(0)),
        unpriced=unpriced - sum(one.unpriced for one in agents),
        milliseconds=0,
    )
    return (*agents, judged) if judged.input_tokens or judged.output_tokens else agents


def _turn_costs(run: str) -> tuple[AgentCost, ...]:
    rows = (
        models.Turn.objects.filter(run_id=run)
        .values("agent")
        .annotate(
            count=Count("id"),
            broken=Count("id", filter=Q(state="failed")),
            given=Sum("input_tokens"),
            said=Sum("output_tokens"),
            spent=Sum("cost"),
            unknown=Count("id", filter=Q(cost__isnull=True) & ~Q(model="")),
            took=Sum("milliseconds"),
        )
        .order_by("-spent", "agent")
    )
    return tuple(
        AgentCost(
            agent=row["agent"],
            turns=row["count"],
            failed=row["broken"],
            input_tokens=row["given"] or 0,
            output_tokens=row["said"] or 0,
            cost=row["spent"] or Decimal(0),
            unpriced=row["unknown"],
            milliseconds=row["took"] or 0,
        )
        for row in rows
    )
