"""Actions of the past as the gate saw them: the stored call with its declaration and scope, and earlier results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from orchestrator import blobs, eventlog
from orchestrator.domain import events as e
from orchestrator.domain.replies import Evidence
from orchestrator.domain.state import RunState
from orchestrator.ports import ActionFacts
from orchestrator.queries import actions
from orchestrator.queries.actions import ActionCard


def results(run: str, *, before: str = "", limit: int = 50) -> list[tuple[str, str, Any]]:
    """What the run's last executed actions gave, the earliest first: (action, tool, value). `before` is left out,
    with all that was proposed after it."""
    cards = actions.latest(run, state="executed", limit=limit, before=before)
    tools = {card.action: card.tool for card in cards}
    found = []
    for stored in eventlog.events_caused_by(run, [card.proposed_seq for card in cards]):
        body = stored.body
        if isinstance(body, e.ActionExecuted) and body.action in tools:
            found.append((body.action, tools[body.action], blobs.value(body.result)))
    return found


def facts_of(cards: Iterable[ActionCard]) -> Iterator[tuple[ActionCard, ActionFacts | None]]:
    """The facts of recorded actions as the gate is told them, one run's together; none of one whose call was erased.
    Rolling totals are left out."""
    by_run: dict[str, list[ActionCard]] = {}
    for card in cards:
        by_run.setdefault(card.run, []).append(card)
    for run, of_run in by_run.items():
        state: RunState = eventlog.load(run).state
        proposals = {
            stored.seq: stored.body
            for stored in eventlog.events_at(run, [card.proposed_seq for card in of_run])
        }
        for card in of_run:
            body = proposals.get(card.proposed_seq)
            if isinstance(body, e.ActionProposed):
                yield card, _facts_left(state, body)


def _facts_left(state: RunState, body: e.ActionProposed) -> ActionFacts | None:
    try:
        return _facts(state, body)
    except blobs.Erased:
        return None


def _facts(state: RunState, body: e.ActionProposed) -> ActionFacts:
    spec = state.spec
    evidence: Any = blobs.value(body.evidence) if body.evidence else []
    return ActionFacts(
        run=state.stream,
        action=body.action,
        digest=body.digest,
        workflow=spec,
        agent=spec.agents[body.agent],
        tool=spec.tools[body.tool],
        stage=body.stage,
        arguments=blobs.value(body.arguments),
        target=body.target,
        amount=body.amount,
        currency=body.currency,
        person=body.person,
        reason=body.reason,
        evidence=tuple(msgspec.convert(evidence, tuple[Evidence, ...])),
        started_by=state.started_by,
        on_behalf_of=state.on_behalf_of,
        rolling={},
    )
