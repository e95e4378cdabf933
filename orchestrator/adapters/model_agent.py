"""Invokes model agents: any provider that pydantic-ai knows, or any server of the chat-completions protocol.

One turn is one request. The conversation is handed back in `Reply.transcript`, and on a failure of the contract
as the failure's `transcript`, so that the model can be asked again with what it said and what was wrong with it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator import ports
from orchestrator.adapters import model_call, model_library, model_messages, model_replies, said
from orchestrator.domain import errors, replies


class ModelAgentRunner:
    """ports.AgentRunner for agents of kind "model"."""

    def invoke(self, request: ports.TurnRequest) -> replies.Reply:
        """The model's checked reply, with its usage and the conversation so far.

        Raises PortFailure with its retry class. A "contract" failure carries `transcript` (a JSON value for the
        next request) and `usage` (a tuple of Usage), because the failed answer was paid for as well.
        """
        model_library.load()
        schema = request.stage.output_schema or request.agent.output_schema
        messages = _conversation(request)
        answered = model_call.ask(
            _call(request),
            messages,
            model_messages.parameters(request, schema),
            is_cancelled=request.is_cancelled,
            show=request.stream_text,
        )
        response = model_replies.with_own_ids(answered.response, request.number)
        usage = (answered.usage,)
        try:
            transcript = model_messages.remembered([*messages, response])
        except ValueError:
            broken = said.unacceptable(
                "The answer holds half a character (a lone surrogate). Answer again without it."
            )
            raise with_memory(broken, request.transcript, usage) from None
        try:
            reply = said.checked(model_replies.reply_from(response, request, schema))
        except errors.PortFailure as error:
            raise with_memory(error, transcript, usage) from None
        return _complete(reply, transcript, usage)

    def answer(self, request: ports.TurnRequest, question: str) -> ports.Spoken:
        """The model's words to a question, with the conversation so far and without any tool."""
        model_library.load()
        answered = model_call.ask(
            _call(request),
            model_messages.with_question(_conversation(request), question, request),
            model_messages.words_alone(),
            is_cancelled=request.is_cancelled,
        )
        text = (answered.response.text or "").strip()
        if not text:
            raise errors.PortFailure("The model gave no words as its answer.", retry="permanent")
        return ports.Spoken(text, (answered.usage,))


def with_memory(
    error: errors.PortFailure, transcript: Any, usage: tuple[replies.Usage, ...]
) -> errors.PortFailure:
    """The failure, with what the next attempt needs to know and what this one used."""
    error.transcript = transcript
    error.usage = usage
    return error


def _complete(reply: replies.Reply, transcript: Any, usage: tuple[replies.Usage, ...]) -> replies.Reply:
    return msgspec.structs.replace(reply, transcript=transcript, usage=usage)


def _call(request: ports.TurnRequest) -> model_call.ModelCall:
    agent = request.agent
    return model_call.ModelCall(
        reference=agent.reference,
        base_url=agent.base_url,
        slug=agent.slug,
        output_tokens=agent.budget.output_tokens,
        idle_seconds=agent.budget.idle_seconds,
        total_seconds=agent.budget.total_seconds,
    )


def _conversation(request: ports.TurnRequest) -> list[Any]:
    try:
        return model_messages.conversation(request)
    except ValueError as error:
        raise errors.PortFailure(
            f"The conversation of {request.agent.slug} so far cannot be read by this version. Start the stage again.",
            retry="permanent",
        ) from error
