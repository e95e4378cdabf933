"""The rule book of a run: `decide(state, command) -> Decision`, or a refusal. Pure and deterministic.

What follows from an allowed command (which stage is next, who is asked again) is the pattern's business; what is
allowed at all stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from orchestrator.domain import actions as acts
from orchestrator.domain import commands as c
from orchestrator.domain import errors, patterns
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.patterns import sequential  # noqa: F401  registers itself
from orchestrator.domain.state import ACTION_STEPS, Action, RunState, Turn

# An action that may have left the building: a stop of the run no longer changes it.
UNDERWAY = frozenset({"claimed", "unconfirmed"})


class RunIsOver(errors.Refused):
    """This run has ended; nothing about it changes any more. Start a new one."""


class TurnIsOver(errors.Refused):
    """This turn has been answered already."""


class ActionIsSettled(errors.Refused):
    """This action has been settled already; reload to see what became of it."""


class WrongStep(errors.Refused):
    """The action cannot go there from where it stands; reload to see its state."""


class DigestMismatch(errors.Refused):
    """The action is not the one that was shown. Reload, and decide on what you then see."""


class ReasonMissing(errors.Refused):
    """A reason is needed, so that others understand what was done. Write one sentence."""


class Decision(NamedTuple):
    """The events that a command adds, and the state after them."""

    events: list[e.Event]
    state: Any


def decide(state: RunState, command: c.Command) -> Decision:
    """The events that follow from a command. Raises a Refused when a rule does not allow it."""
    draft = Draft(state, command.actor, command.at)
    rule = _RULES[type(command)]
    rule(draft, command)
    return Decision(draft.events, draft.state)


# ---- the run ----
def _start(draft: Draft, command: c.StartRun) -> None:
    if draft.state.status != "new":
        raise errors.Refused("This run was started already.")
    cause = draft.add(
        e.RunStarted(
            spec=command.spec,
            spec_digest=command.spec_digest,
            input=command.input,
            started_by=command.started_by,
            on_behalf_of=command.on_behalf_of,
            title=command.title,
        )
    )
    _pattern(draft.state).begin(draft, cause)


def _pause(draft: Draft, command: c.PauseRun) -> None:
    _must_go_on(draft.state)
    if draft.state.status == "paused":
        raise errors.Refused("This run is paused already.")
    _must_have(command.reason)
    draft.add(e.RunPaused(reason=command.reason))


def _resume(draft: Draft, command: c.ResumeRun) -> None:
    _must_go_on(draft.state)
    if draft.state.status != "paused":
        raise errors.Refused("This run is not paused.")
    cause = draft.add(e.RunResumed(reason=command.reason))
    _pattern(draft.state).resumed(draft, cause)


def _cancel(draft: Draft, command: c.CancelRun) -> None:
    _must_go_on(draft.state)
    _must_have(command.reason)
    for action in list(draft.state.actions.values()):
        if action.status not in UNDERWAY:
            draft.add(e.ActionVoided(action=action.id, reason="The run was cancelled."))
    draft.add(e.RunCancelled(reason=command.reason))


# ---- turns ----
def _reply(draft: Draft, command: c.RecordReply) -> None:
    turn = _open_turn(draft.state, command.turn)
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
        _pattern(draft.state).answered(draft, turn, completed, wants_more=command.more)


def _turn_failure(draft: Draft, command: c.RecordTurnFailure) -> None:
    turn = _open_turn(draft.state, command.turn)
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
        _pattern(draft.state).failed(draft, turn, command.retry, command.text, cause)


def _verdict(draft: Draft, command: c.RecordVerdict) -> None:
    turn = _open_turn(draft.state, command.turn, answered=True)
    _pattern(draft.state).judged(draft, turn, command.verdict, command.actions, turn.seq)


# ---- actions ----
def _assessment(draft: Draft, command: c.RecordAssessment) -> None:
    action = _open_action(draft.state, command.action)
    policy, revision = command.policy, command.policy_revision
    if command.decision == "allow":
        _must_step(action, "allowed")
        draft.add(
            e.ActionAllowed(
                action=action.id,
                rule=command.rule,
                explanation=command.explanation,
                policy=policy,
                policy_revision=revision,
            ),
            cause=action.seq,
        )
    elif command.decision == "hold":
        _must_step(action, "held")
        draft.add(
            e.ActionHeld(
                action=action.id,
                rule=command.rule,
                explanation=command.explanation,
                tier=command.tier or "medium",
                policy=policy,
                policy_revision=revision,
            ),
            cause=action.seq,
        )
    else:
        _must_step(action, "refused")
        cause = draft.add(
            e.ActionRefused(
                action=action.id,
                source="policy",
                reason=command.explanation,
                rule=command.rule,
                digest=action.digest,
                policy=policy,
                policy_revision=revision,
            ),
            cause=action.seq,
        )
        _settle(draft, cause)


def _release(draft: Draft, command: c.ReleaseAction) -> None:
    _must_go_on(draft.state)
    action = _open_action(draft.state, command.action)
    _must_step(action, "released")
    if command.digest != action.digest:
        raise DigestMismatch(action=action.id)
    if not command.sign_offs:
        raise errors.Refused("A release needs the sign-offs that it rests on.")
    draft.add(
        e.ActionReleased(
            action=action.id,
            request=command.request,
            digest=command.digest,
            policy=command.policy,
            policy_revision=command.policy_revision,
            sign_offs=command.sign_offs,
        ),
        cause=action.seq,
    )


def _refuse(draft: Draft, command: c.RefuseAction) -> None:
    action = _open_action(draft.state, command.action)
    _must_step(action, "refused")
    cause = draft.add(
        e.ActionRefused(
            action=action.id,
            source=command.source,
            reason=command.reason,
            request=command.request,
            digest=command.digest or action.digest,
            policy=command.policy,
            policy_revision=command.policy_revision,
            sign_offs=command.sign_offs,
        ),
        cause=action.seq,
    )
    _settle(draft, cause)


def _recall(draft: Draft, command: c.RecallAction) -> None:
    action = _open_action(draft.state, command.action)
    _must_step(action, "proposed")
    draft.add(
        e.ActionRecalled(action=action.id, reason=command.reason, assessment=action.assessment + 1),
        cause=action.seq,
    )


def _claim(draft: Draft, command: c.ClaimAction) -> None:
    _must_go_on(draft.state)
    if draft.state.status == "paused":
        raise errors.Refused("The run is paused; the action waits.")
    action = _open_action(draft.state, command.action)
    _must_step(action, "claimed")
    if command.digest != action.digest:
        raise DigestMismatch(action=action.id)
    draft.add(e.ActionClaimed(action=action.id, digest=action.digest), cause=action.seq)


def _result(draft: Draft, command: c.RecordResult) -> None:
    action = _open_action(draft.state, command.action)
    _must_have_run(action)
    cause = draft.add(e.ActionExecuted(action=action.id, result=command.result), cause=action.seq)
    _settle(draft, cause)


def _action_failure(draft: Draft, command: c.RecordActionFailure) -> None:
    action = _open_action(draft.state, command.action)
    _must_have_run(action)
    cause = draft.add(e.ActionFailed(action=action.id, text=command.text), cause=action.seq)
    _settle(draft, cause)


def _unconfirmed(draft: Draft, command: c.RecordUnconfirmed) -> None:
    action = _open_action(draft.state, command.action)
    _must_step(action, "unconfirmed")
    owner = draft.state.spec.agents[action.agent].owner if action.agent in draft.state.spec.agents else ""
    draft.add(
        e.ActionUnconfirmed(action=action.id, text=command.text, assigned_to=owner or draft.state.spec.owner),
        cause=action.seq,
    )


def _confirm(draft: Draft, command: c.ConfirmAction) -> None:
    action = _open_action(draft.state, command.action)
    if action.status != "unconfirmed":
        raise WrongStep("Only an unconfirmed action is confirmed by a person.", action=action.id)
    _must_have(command.text)
    by = command.actor.removeprefix("user:")
    if command.executed:
        if command.result is None:
            raise errors.Refused(
                "Say what is known of the result; without it the action cannot count as done."
            )
        cause = draft.add(
            e.ActionExecuted(action=action.id, result=command.result, confirmed_by=by), cause=action.seq
        )
    else:
        cause = draft.add(
            e.ActionFailed(action=action.id, text=command.text, confirmed_by=by), cause=action.seq
        )
    _settle(draft, cause)


def _dead_letter(draft: Draft, command: c.DeadLetter) -> None:
    state = draft.state
    if command.subject not in (state.turns if command.kind in {"turn", "validate"} else state.actions):
        return  # the run went on without it
    if command.kind == "execute":
        action = state.actions[command.subject]
        if action.status == "claimed":
            _unconfirmed(
                draft,
                c.RecordUnconfirmed(actor=command.actor, at=command.at, action=action.id, text=command.text),
            )
            return
    if command.kind == "turn":
        turn = state.turns[command.subject]
        draft.add(e.TurnFailed(turn=turn.id, retry="poison", text=command.text), cause=turn.seq)
    if state.status == "running":
        draft.add(
            e.RunPaused(
                reason=f"{command.text} Resume to let it try again, or cancel the run.",
                fault=True,
            )
        )


# ---- rules that several commands share ----
def _pattern(state: RunState) -> patterns.Pattern:
    return patterns.find(state.spec.pattern)


def _must_go_on(state: RunState) -> None:
    if state.status == "new":
        raise errors.NotFound("There is no such run.")
    if state.is_over:
        raise RunIsOver(f"This run has {state.status}; nothing about it changes any more. Start a new one.")


def _must_have(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing()


def _open_turn(state: RunState, turn: str, *, answered: bool = False) -> Turn:
    _must_go_on(state)
    found = state.turns.get(turn)
    if found is None or found.answered != answered:
        raise TurnIsOver(turn=turn)
    return found


def _open_action(state: RunState, action: str) -> Action:
    found = state.actions.get(action)
    if found is None:
        if state.is_over:
            _must_go_on(state)
        raise ActionIsSettled(action=action)
    return found


def _must_step(action: Action, to: str) -> None:
    if to not in ACTION_STEPS[action.status]:
        raise WrongStep(
            f"The action is {action.status} and cannot become {to}; reload to see it.", action=action.id
        )


def _must_have_run(action: Action) -> None:
    """A result needs the executor's claim first; a tool that only reads needs none."""
    if action.status == "claimed" or (action.status == "allowed" and not action.consequential):
        return
    raise WrongStep(f"The action is {action.status}; only a claimed action has a result.", action=action.id)


def _settle(draft: Draft, cause: int) -> None:
    if draft.state.status == "running":
        _pattern(draft.state).settled(draft, cause)


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


_RULES: dict[type[c.Command], Callable[[Draft, Any], None]] = {
    c.StartRun: _start,
    c.PauseRun: _pause,
    c.ResumeRun: _resume,
    c.CancelRun: _cancel,
    c.RecordReply: _reply,
    c.RecordTurnFailure: _turn_failure,
    c.RecordVerdict: _verdict,
    c.RecordAssessment: _assessment,
    c.ReleaseAction: _release,
    c.RefuseAction: _refuse,
    c.RecallAction: _recall,
    c.ClaimAction: _claim,
    c.RecordResult: _result,
    c.RecordActionFailure: _action_failure,
    c.RecordUnconfirmed: _unconfirmed,
    c.ConfirmAction: _confirm,
    c.DeadLetter: _dead_letter,
}
