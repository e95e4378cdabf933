"""Invokes code agents: registered Python functions, given their typed input, held to their time limit.

An isolated one runs in a process of its own, which is killed at the limit; the others run in a thread.

What they return is checked like any agent's words. A traceback is logged and never shown; the person reads which
agent failed and with what.
"""

from __future__ import annotations

import traceback
from typing import Any

import msgspec
import structlog

from orchestrator import ports
from orchestrator.adapters import apart, model_keys, registry, said, timed
from orchestrator.domain import errors, replies
from orchestrator.domain.schemas import clip

log = structlog.get_logger(__name__)


class CodeAgentRunner:
    """ports.AgentRunner for agents of kind "code"."""

    def invoke(self, request: ports.TurnRequest) -> replies.Reply:
        """The agent's checked reply.

        Raises PortFailure: "permanent" for an unknown function, an input that does not fit, a raise or the time
        limit (each further try would leave one more thread behind); "contract" for a reply that cannot be used.
        """
        agent = _function_of(request)
        work = _typed_input(agent, request)
        try:
            reply = _call(agent, work, request)
        except timed.TimeLimitReached:
            raise _out_of_time(request) from None
        except ports.Abandoned:
            raise
        except errors.PortFailure:
            raise  # the agent's own word on whether to try again
        except apart.Raised as error:
            _log(request, "code_agent.raised", traceback=model_keys.scrub(error.stack))
            raise errors.PortFailure(
                f"The agent {request.agent.slug} failed with {_one_line(error.kind, str(error))}.",
                retry="permanent",
            ) from None
        except BaseException as error:
            _log(request, "code_agent.raised", traceback=stack_of(error))
            raise errors.PortFailure(
                f"The agent {request.agent.slug} failed with {in_one_line(error)}.", retry="permanent"
            ) from None
        return said.checked(reply)

    def answer(self, request: ports.TurnRequest, question: str) -> ports.Spoken:
        """The words of the agent's `answer` function. Raises CannotAnswer when it has none, PortFailure."""
        agent = _function_of(request)
        if agent.answer is None:
            raise ports.CannotAnswer()
        seconds = request.agent.budget.total_seconds
        try:
            text = timed.run(agent.answer, question, request, seconds=seconds)
        except timed.TimeLimitReached:
            raise errors.PortFailure(
                f"It gave no answer within {seconds:g} seconds.", retry="permanent"
            ) from None
        except BaseException as error:
            _log(request, "code_agent.raised", traceback=stack_of(error))
            raise errors.PortFailure(f"It failed with {in_one_line(error)}.", retry="permanent") from None
        return ports.Spoken(str(text))


def _call(agent: registry.CodeAgent, work: Any, request: ports.TurnRequest) -> Any:
    """The function's answer: in a process of its own, on this thread, or on one that is waited for."""
    seconds = request.agent.budget.total_seconds
    if request.agent.isolated:
        return apart.run(agent.function, work, request, seconds=seconds)
    tell = request.overran
    if tell is None:
        return timed.run(agent.function, work, request, seconds=seconds)
    return timed.watched(
        agent.function, work, request, seconds=seconds, overran=lambda: tell(_out_of_time(request))
    )


def _out_of_time(request: ports.TurnRequest) -> errors.PortFailure:
    """The failure of a turn whose time is up; each further try would leave one more thread behind."""
    seconds = request.agent.budget.total_seconds
    _log(request, "code_agent.out_of_time", seconds=seconds, stuck=timed.stuck_threads())
    ended = ", and its process was ended" if request.agent.isolated else ""
    return errors.PortFailure(
        f"The agent {request.agent.slug} gave no answer within {seconds:g} seconds{ended}. Nothing it did was "
        "kept; raise its time limit if it needs longer.",
        retry="permanent",
    )


def stuck_threads() -> int:
    """How many invocations of this process went past their limit and still hold a thread."""
    return timed.stuck_threads()


def in_one_line(error: BaseException) -> str:
    """An exception for a sentence: its type and the first line of its message, bounded."""
    return _one_line(type(error).__name__, str(error))


def _one_line(kind: str, text: str) -> str:
    message = model_keys.scrub(text).strip().partition("\n")[0].rstrip(".")
    return clip(f"{kind}: {message}" if message else kind, 300)


def stack_of(error: BaseException) -> str:
    """A traceback for the log, without local variables, its end when it is long."""
    return model_keys.scrub("".join(traceback.format_exception(error)))[-8000:]


def _function_of(request: ports.TurnRequest) -> registry.CodeAgent:
    try:
        return registry.find_agent(request.agent.reference)
    except errors.NotFound as error:
        raise errors.PortFailure(
            f"The agent {request.agent.slug} cannot be invoked. {error.message}", retry="permanent"
        ) from None


def _typed_input(agent: registry.CodeAgent, request: ports.TurnRequest) -> Any:
    inputs = dict(request.inputs)
    if agent.input_type is Any or agent.input_type is dict:
        return inputs
    try:
        return msgspec.convert(inputs, agent.input_type, strict=True)
    except msgspec.ValidationError as error:
        raise errors.PortFailure(
            f"What stage {request.stage.name} was given does not fit what the agent {request.agent.slug} takes. "
            f"{said.in_words(error)} Correct the stage's inputs or the run's input.",
            retry="permanent",
        ) from None


def _log(request: ports.TurnRequest, event: str, **facts: Any) -> None:
    log.warning(event, agent=request.agent.slug, run=request.run, turn=request.turn, **facts)
