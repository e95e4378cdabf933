"""A run as it was after one of its events: the log is folded up to there, and the rows are what they were then.

Rows are the log's shadow, so the projections that the append uses give the rows of any moment. It costs one pass
over the events up to there, read a page at a time, and keeps nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchestrator import eventlog, models, projections
from orchestrator.domain import events as e
from orchestrator.domain.state import RunState, evolve
from orchestrator.queries import actions, commitments, runs, stages, turns

PAGE = 1000


@dataclass(frozen=True)
class Past:
    """A run at the moment `at`, right after its event `seq`. Its questions are those of the present."""

    seq: int
    at: dt.datetime
    detail: stages.RunDetail
    _actions: tuple[models.Action, ...]
    _turns: tuple[models.Turn, ...]
    _commitments: tuple[models.Commitment, ...] = ()

    def action_page(self, *, after: int = 0, limit: int = 50, state: str = "") -> actions.ActionPage:
        found = [row for row in self._actions if not state or row.state == state]
        rows = [row for row in found if row.proposed_seq > after][: limit + 1]
        cards = actions.cards_of(rows[:limit])
        return actions.ActionPage(cards, len(found), cards[-1].proposed_seq if len(rows) > limit else 0)

    def commitment_page(self, *, after: int = 0, limit: int = 50) -> commitments.CommitmentPage:
        rows = [row for row in self._commitments if row.created_seq > after][: limit + 1]
        cards = commitments.cards_of(rows[:limit])
        more = cards[-1].created_seq if len(rows) > limit else 0
        return commitments.CommitmentPage(cards, len(self._commitments), more)

    def turn_page(self, *, after: int = 0, limit: int = 100) -> turns.TurnPage:
        rows = [row for row in self._turns if row.requested_seq > after][: limit + 1]
        cards = turns.cards_of(rows[:limit])
        return turns.TurnPage(cards, len(self._turns), cards[-1].requested_seq if len(rows) > limit else 0)

    def notes(self) -> dict[str, str]:
        return turns.noted(self._turns)

    def agent_costs(self) -> tuple[turns.AgentCost, ...]:
        by_agent: dict[str, list[models.Turn]] = {}
        for row in self._turns:
            by_agent.setdefault(row.agent, []).append(row)
        found = [_cost(agent, rows) for agent, rows in by_agent.items()]
        card = self.detail.card
        return turns.with_judges(
            tuple(sorted(found, key=lambda one: (-one.cost, one.agent))),
            input_tokens=card.input_tokens,
            output_tokens=card.output_tokens,
            cost=card.cost or Decimal(0),
            unpriced=card.unpriced,
        )


def as_it_was(run: str, seq: int) -> Past:
    """The run right after its event `seq`, or after its last when it has fewer. Raises UnknownRun."""
    state = RunState(run)
    rows: dict[tuple[str, Any], dict[str, Any]] = {}
    moment: dt.datetime | None = None
    while state.seq < seq:
        page = eventlog.events_after(run, state.seq, min(PAGE, seq - state.seq))
        if not page:
            break
        before, recorded = state, []
        for stored in page:
            event = e.Event(stored.seq, stored.at, stored.actor, stored.cause, stored.body)
            state = evolve(state, event)
            recorded.append(event)
        for put in projections.rows(run, recorded, before, state):
            rows.setdefault((put.table, put.key), {}).update(put.columns)
        moment = page[-1].occurred_at
    if moment is None or ("run", run) not in rows:
        raise runs.UnknownRun(run=run)
    card = runs.card_of(_row(models.Run, run, rows["run", run]))
    return Past(
        seq=state.seq,
        at=moment,
        detail=stages.detail_of(card, state, is_past=True),
        _actions=tuple(sorted(_rows("action", rows), key=lambda row: row.proposed_seq)),
        _turns=tuple(sorted(_rows("turn", rows), key=lambda row: row.requested_seq)),
        _commitments=tuple(sorted(_rows("commitment", rows), key=lambda row: row.created_seq)),
    )


def _rows(table: str, rows: dict[tuple[str, Any], dict[str, Any]]) -> list[Any]:
    model = projections.TABLES[table]
    return [_row(model, key, columns) for (of, key), columns in rows.items() if of == table]


def _row(model: Any, key: Any, columns: dict[str, Any]) -> Any:
    """A row as it was; it is in no table."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.primary_key:
            values[field.attname] = field.to_python(key)
        elif field.column in columns:
            target = field.target_field if field.is_relation else field
            values[field.attname] = target.to_python(columns[field.column])
        else:
            values[field.attname] = field.db_default if field.has_db_default() else None
    return model(**values)


def _cost(agent: str, rows: Sequence[models.Turn]) -> turns.AgentCost:
    return turns.AgentCost(
        agent=agent,
        turns=len(rows),
        failed=sum(row.state == "failed" for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cost=sum((row.cost for row in rows if row.cost is not None), Decimal(0)),
        unpriced=sum(bool(row.model) and row.cost is None for row in rows),
        milliseconds=sum(row.milliseconds for row in rows),
    )
