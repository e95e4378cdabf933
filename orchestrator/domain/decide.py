"""The rule book of a run: `decide(state, command) -> Decision`, or a refusal. Pure and deterministic.

What follows from an allowed command (which stage is next, who is asked again) is the pattern's business; what is
allowed at all stands in `domain.rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from orchestrator.domain import commands as c
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.patterns import external as elsewhere  # noqa: F401  registers itself
from orchestrator.domain.patterns import sequential  # noqa: F401  registers itself
from orchestrator.domain.rules import actions, commitments, edits, external, letters, people, questions, turns
from orchestrator.domain.state import RunState


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


_RULES: dict[type[c.Command], Callable[[Draft, Any], None]] = {
    c.StartRun: people.start,
    c.PauseRun: people.pause,
    c.ResumeRun: people.resume,
    c.CancelRun: people.cancel,
    c.RecordReply: turns.reply,
    c.RecordTurnFailure: turns.failure,
    c.RecordVerdict: turns.verdict,
    c.RecordAssessment: actions.assessment,
    c.ReleaseAction: actions.release,
    c.RefuseAction: actions.refuse,
    c.EditAction: edits.edit,
    c.AskAgent: questions.ask,
    c.RecordAnswer: questions.answer,
    c.RecallAction: actions.recall,
    c.ClaimAction: actions.claim,
    c.RecordResult: actions.result,
    c.RecordActionFailure: actions.failure,
    c.RecordUnconfirmed: actions.unconfirmed,
    c.ConfirmAction: actions.confirm,
    c.DeadLetter: letters.dead_letter,
    c.ProposeAction: external.propose,
    c.FinishRun: external.finish,
    c.AssertBeliefs: external.assert_beliefs,
    c.MakeCommitment: commitments.make,
    c.DischargeCommitment: commitments.discharge,
    c.CancelCommitment: commitments.cancel,
    c.ViolateCommitment: commitments.violate,
}
