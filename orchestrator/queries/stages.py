"""One run in full: its card, and its stages and totals as its events tell them."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator import eventlog
from orchestrator.domain.content import Content
from orchestrator.domain.state import RunState, Stage
from orchestrator.queries.runs import RunCard, run_card


@dataclass(frozen=True, slots=True)
class StageCard:
    """A stage of the pattern. `state` is passed, failed, later, or the run's own state where it stands;
    `verdict` says it in words."""

    name: str
    agent: str
    agent_name: str
    agent_revision: int
    agent_kind: str
    state: str
    verdict: str
    detail: str
    attempt: int
    turns: int
    is_current: bool
    output: Content | None


@dataclass(frozen=True, slots=True)
class OpenWork:
    """A turn that has no answer yet, or an action that waits for a person: since which event, and whose it is."""

    seq: int
    agent: str
    state: str


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with its stages. `head` is the seq that everything here was read at; `out` is what is not finished."""

    card: RunCard
    head: int
    stages: tuple[StageCard, ...]
    input: Content | None
    output: Content | None
    rework: int
    voided: int
    unconfirmed: int
    underway: int
    open_turns: tuple[str, ...]
    writing: tuple[tuple[str, str], ...]  # (turn, agent) of model agents that answer now
    out: tuple[OpenWork, ...] = ()


def run_detail(run: str) -> RunDetail:
    """The run as it stands. Raises UnknownRun."""
    card = run_card(run)
    state: RunState = eventlog.load(run, fresh=True).state
    return detail_of(card, state)


def detail_of(card: RunCard, state: RunState, *, is_past: bool = False) -> RunDetail:
    """The run of a card, in the state that goes with it. In the past nobody writes."""
    actions = list(state.actions.values())
    spec = state.spec
    return RunDetail(
        card=card,
        # The row was read first and may be older: whoever follows from here must still be told what came between.
        head=min(card.head, state.seq),
        stages=tuple(_stage(state, card, stage, at) for at, stage in enumerate(state.stages)),
        input=state.input,
        output=state.output,
        rework=state.totals.rework,
        voided=state.totals.voided,
        unconfirmed=sum(action.status == "unconfirmed" for action in actions),
        underway=sum(action.status == "claimed" for action in actions),
        open_turns=tuple(state.turns),
        writing=tuple(
            (turn.id, spec.agents[turn.agent].name)
            for turn in state.turns.values()
            if not (is_past or turn.answered)
            and turn.agent in spec.agents
            and spec.agents[turn.agent].kind == "model"
        ),
        out=(
            *(
                OpenWork(turn.seq, turn.agent, "running")
                for turn in state.turns.values()
                if not turn.answered
            ),
            *(OpenWork(action.seq, action.agent, "held") for action in actions if action.status == "held"),
        ),
    )


def _stage(state: RunState, card: RunCard, stage: Stage, at: int) -> StageCard:
    spec = state.spec.stage(stage.name)
    agent = state.spec.agents.get(spec.agent)
    shown, verdict = _standing(state, card, stage, at)
    details = []
    if stage.attempt > 1:
        details.append(f"try {stage.attempt}")
    if stage.turns > 1:
        details.append(f"{stage.turns} turns")
    waiting = [action for action in state.actions.values() if action.stage == stage.name]
    held = sum(action.status == "held" for action in waiting)
    if held:
        details.append(f"{held} action{'s' if held > 1 else ''} held")
    return StageCard(
        name=stage.name,
        agent=spec.agent,
        agent_name=agent.name if agent else spec.agent,
        agent_revision=agent.revision if agent else 0,
        agent_kind=agent.kind if agent else "",
        state=shown,
        verdict=verdict,
        detail=", ".join(details),
        attempt=stage.attempt,
        turns=stage.turns,
        is_current=at == state.position and not state.is_over,
        output=stage.output,
    )


def _standing(state: RunState, card: RunCard, stage: Stage, at: int) -> tuple[str, str]:
    if stage.status == "waiting":
        return "later", "not begun"
    if stage.status == "failed" or (at == state.position and state.status == "failed"):
        return "failed", "failed"
    if stage.status == "passed":
        if at == state.position and not state.is_over and state.actions:
            return card.state, "passed, its actions wait"
        return "passed", "passed"
    if state.status == "cancelled":
        return "cancelled", "cancelled"
    judging = any(turn.stage == stage.name and turn.answered for turn in state.turns.values())
    if state.status == "running" and judging:
        return "running", "being checked"
    if card.is_fault:
        return "failed", "stopped by a fault"
    return card.state, "working" if card.state == "running" else card.state
