"""Rules that several commands share, and the refusals that name them."""

from __future__ import annotations

from orchestrator.domain import errors, patterns
from orchestrator.domain.drafts import Draft
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


def pattern(state: RunState) -> patterns.Pattern:
    return patterns.find(state.spec.pattern)


def must_go_on(state: RunState) -> None:
    if state.status == "new":
        raise errors.NotFound("There is no such run.")
    if state.is_over:
        raise RunIsOver(f"This run has {state.status}; nothing about it changes any more. Start a new one.")


def must_have(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing()


def open_turn(state: RunState, turn: str, *, answered: bool = False) -> Turn:
    must_go_on(state)
    found = state.turns.get(turn)
    if found is None or found.answered != answered:
        raise TurnIsOver(turn=turn)
    return found


def open_action(state: RunState, action: str) -> Action:
    found = state.actions.get(action)
    if found is None:
        if state.is_over:
            must_go_on(state)
        raise ActionIsSettled(action=action)
    return found


def must_step(action: Action, to: str) -> None:
    if to not in ACTION_STEPS[action.status]:
        raise WrongStep(
            f"The action is {action.status} and cannot become {to}. Look at it again before you go on.",
            action=action.id,
        )


def must_have_run(action: Action) -> None:
    """A result needs the executor's claim first; a tool that only reads needs none."""
    if action.status == "claimed" or (action.status == "allowed" and not action.consequential):
        return
    raise WrongStep(f"The action is {action.status}; only a claimed action has a result.", action=action.id)


def settle(draft: Draft, cause: int) -> None:
    if draft.state.status == "running":
        pattern(draft.state).settled(draft, cause)
