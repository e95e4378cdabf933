"""What an agent's answer, failure or verdict does, and what it may cost."""

from __future__ import annotations

from decimal import Decimal

from orchestrator.domain import actions as acts
from orchestrator.domain import commands as c
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.rules import shared
from orchestrator.domain.state import Turn


def reply(draft: Draft, command: c.RecordReply) -> None:
    turn = shared.open_turn(draft.state, command.turn)
    agent = acts.agent_name(draft.state.spec, turn.agent)
    completed = draft.add(
        e.TurnCompleted(
            turn=turn.id,
            output=command.output,
            proposals=command.proposals if command.output is not None else None,
            transcript=command.transcript,
            note=command.note,
            more=command.more,
            actions=len(command.actions),
            assertions=command.assertion_count,
            suspects_upstream=command.suspects_upstream,
            model=command.model,
            input_tokens=command.input_tokens,
            output_tokens=command.output_tokens,
            cost=command.cost,
            is_estimated=command.is_estimated,
            milliseconds=command.milliseconds,
        ),
        cause=turn.seq,
        actor=agent,
    )
    if command.assertions is not None:
        draft.add(
            e.BeliefAsserted(
                turn=turn.id,
                stage=turn.stage,
                agent=turn.agent,
                count=command.assertion_count,
                assertions=command.assertions,
            ),
            cause=completed,
            actor=agent,
        )
    if command.output is None:
        acts.propose(draft, turn, command.actions, completed)
    if _over_budget(draft, completed, turn, command.cost):
        return
    if draft.state.status == "running":
        shared.pattern(draft.state).answered(draft, turn, completed, wants_more=command.more)


def failure(draft: Draft, command: c.RecordTurnFailure) -> None:
    turn = shared.open_turn(draft.state, command.turn)
    cause = draft.add(
        e.TurnFailed(
            turn=turn.id,
            retry=command.retry,
            text=command.text,
            transcript=command.transcript,
            model=command.model,
            input_tokens=command.input_tokens,
            output_tokens=command.output_tokens,
            cost=command.cost,
            is_estimated=command.is_estimated,
            milliseconds=command.milliseconds,
        ),
        cause=turn.seq,
    )
    if _over_budget(draft, cause, turn, command.cost):
        return
    if draft.state.status == "running":
        shared.pattern(draft.state).failed(draft, turn, command.retry, command.text, cause)


def verdict(draft: Draft, command: c.RecordVerdict) -> None:
    turn = shared.open_turn(draft.state, command.turn, answered=True)
    shared.pattern(draft.state).judged(draft, turn, command.verdict, command.actions, turn.seq)


def _over_budget(draft: Draft, cause: int, turn: Turn, cost: str | None) -> bool:
    """Pause when the run has cost more than its workflow allows, or one turn more than its agent's budget."""
    state = draft.state
    if state.status != "running":
        return False
    total, agent = state.totals.cost, state.spec.agents[turn.agent]
    limit, turn_limit = state.spec.cost_limit, agent.budget.cost
    if limit is not None and Decimal(total) > Decimal(limit):
        _exhausted(draft, cause, limit, total, f"The run has cost {total} USD of the {limit} it may.")
    elif turn_limit is not None and cost is not None and Decimal(cost) > Decimal(turn_limit):
        text = f"A turn of {agent.name} has cost {cost} USD of the {turn_limit} it may."
        _exhausted(draft, cause, turn_limit, cost, text, subject=turn.agent)
    else:
        return False
    return True


def _exhausted(draft: Draft, cause: int, limit: str, used: str, text: str, *, subject: str = "") -> None:
    spent = draft.add(
        e.BudgetExhausted(unit="cost", limit=limit, used=used, subject=subject), cause=cause, actor="system"
    )
    reason = f"{text} Resume to go on all the same, or cancel it."
    draft.add(e.RunPaused(reason=reason, fault=True), cause=spent, actor="system")
