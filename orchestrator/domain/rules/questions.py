"""Questions that reviewers put to an agent. They run beside the work and never hold it up."""

from __future__ import annotations

from orchestrator.domain import actions as acts
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.rules import shared

NO_ANSWER = (
    "No answer came: the worker that asked the agent stopped several times, so it is not tried again. "
    "Ask once more, or decide on what is known."
)


class AnsweredAlready(errors.Refused):
    """This question has been answered, or nobody waits for its answer any more."""


def ask(draft: Draft, command: c.AskAgent) -> None:
    shared.must_go_on(draft.state)
    action = shared.open_action(draft.state, command.action)
    shared.must_have(command.text)
    draft.add(
        e.QuestionAsked(
            question=command.question,
            action=action.id,
            stage=action.stage,
            agent=action.agent,
            request=command.request,
            text=command.text,
            transcript=draft.state.transcript,
        ),
        cause=action.seq,
    )


def answer(draft: Draft, command: c.RecordAnswer) -> None:
    state = draft.state
    question = state.questions.get(command.question)
    if question is None:
        raise AnsweredAlready(question=command.question)
    draft.add(
        e.QuestionAnswered(
            question=question.id,
            action=question.action,
            text=command.text,
            could=command.could,
            model=command.model,
            input_tokens=command.input_tokens,
            output_tokens=command.output_tokens,
            cost=command.cost,
            is_estimated=command.is_estimated,
            milliseconds=command.milliseconds,
        ),
        cause=question.seq,
        actor=acts.agent_name(state.spec, question.agent) if command.could else "",
    )


def give_up(draft: Draft, command: c.DeadLetter) -> None:
    """Nobody can be asked any more: the question ends without an answer, and the run goes on."""
    if command.subject in draft.state.questions:
        answer(
            draft,
            c.RecordAnswer(
                actor=command.actor, at=command.at, question=command.subject, text=NO_ANSWER, could=False
            ),
        )
