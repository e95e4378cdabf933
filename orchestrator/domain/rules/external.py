"""What an agent that runs elsewhere may do in its run: ask for actions, state, be done."""

from __future__ import annotations

from orchestrator.domain import actions as acts
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.rules import shared
from orchestrator.domain.specs import AgentSpec
from orchestrator.domain.state import Turn

# More at a time than this is not asking any more; the agent is told to settle some first.
MOST_OPEN = 1000


class NotExternal(errors.Refused):
    """This run works here, so nobody reports to it from outside. Start an external run."""


class TooManyOpen(errors.Refused):
    """Too many actions of this run are open at once. Settle some of them first."""


class StillClaimed(errors.Refused):
    """An action was claimed and its result is not known. Report its result first."""


def propose(draft: Draft, command: c.ProposeAction) -> None:
    agent = must_work(draft)
    if len(draft.state.actions) >= MOST_OPEN and not command.is_grave:
        raise TooManyOpen()
    asking = Turn(id="", stage="", agent=agent.slug, attempt=1, number=1, seq=1)
    acts.propose(draft, asking, [command.sealed], 1)


def finish(draft: Draft, command: c.FinishRun) -> None:
    """End the run as its agent says. What still waits is voided; what was claimed must have its result first."""
    must_work(draft)
    claimed = [action.id for action in draft.state.actions.values() if action.status == "claimed"]
    if claimed:
        raise StillClaimed(
            f"{', '.join(claimed[:5])} was claimed and its result is not known. Report it first.",
            actions=claimed,
        )
    if not command.succeeded:
        shared.must_have(command.reason)
    for action in list(draft.state.actions.values()):
        if action.status not in shared.UNDERWAY:
            draft.add(
                e.ActionVoided(action=action.id, reason="The agent ended the run."),
                cause=action.seq,
            )
    if command.succeeded:
        draft.add(e.RunSucceeded(output=command.output, refused=draft.state.totals.refused))
    else:
        draft.add(e.RunFailed(reason=command.reason))


def assert_beliefs(draft: Draft, command: c.AssertBeliefs) -> None:
    agent = must_work(draft)
    draft.add(
        e.BeliefAsserted(
            turn="", stage="", agent=agent.slug, count=command.count, assertions=command.assertions
        ),
        cause=1,
    )


def must_work(draft: Draft) -> AgentSpec:
    """The one agent of an external run that is neither over nor paused."""
    shared.must_go_on(draft.state)
    if not draft.state.is_external:
        raise NotExternal()
    if draft.state.status == "paused":
        raise errors.Refused("A person has paused this run. Wait until it is resumed.", code="paused")
    return next(iter(draft.state.spec.agents.values()))
