"""What a run has out in the world now: wanted, under way, waiting to be tried again, or given up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from orchestrator import eventlog, outbox
from orchestrator.domain.state import RunState


@dataclass(frozen=True, slots=True)
class EffectCard:
    """One open effect. `who` names the agent or tool, `tries` counts how often it was handed out;
    `next_at` is when it is tried again after a failure, `error` what the last failure said."""

    kind: str
    who: str
    subject: str
    state: str
    tries: int
    next_at: dt.datetime | None
    error: str
    wanted_at: dt.datetime


def effects_now(run: str) -> tuple[EffectCard, ...]:
    state: RunState = eventlog.load(run).state
    cards = []
    for row in outbox.open_effects(run):
        cards.append(
            EffectCard(
                kind=row["kind"],
                who=_who(state, row["subject"]),
                subject=row["subject"],
                state=row["state"],
                tries=row["dispatches"],
                next_at=row["not_before"],
                error=row["error"],
                wanted_at=row["wanted_at"],
            )
        )
    return tuple(cards)


def _who(state: RunState, subject: str) -> str:
    if subject in state.turns:
        agent = state.spec.agents.get(state.turns[subject].agent)
        return agent.name if agent else state.turns[subject].agent
    if subject in state.actions:
        return state.actions[subject].tool
    return subject
