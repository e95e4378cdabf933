"""One request to one model: streamed, cancellable at every piece, held to its idle and total limits.

The request runs on this process's one loop; what may block (asking whether the run was cancelled, showing text)
stays in the caller's thread.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from orchestrator.adapters import model_catalogue, model_failures, model_pricing, said
from orchestrator.adapters.portal import portal
from orchestrator.domain import errors, replies

if TYPE_CHECKING:
    from pydantic_ai.settings import ModelSettings

# How often a silent model's caller looks whether the run was cancelled, in seconds.
LOOK_EVERY = 0.25
# Beyond the total limit, when the model layer's own did not end the request.
_GRACE = 2.0


class CallCancelled(errors.PortFailure):
    """The run was cancelled while a model was answering. The connection was closed and its answer dropped."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelCall:
    """Which model is asked, with whose key, and what one request may take. Times are seconds."""

    reference: str
    base_url: str
    slug: str
    output_tokens: int
    idle_seconds: float
    total_seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answered:
    """The model's whole answer (a pydantic-ai ModelResponse) and what it used."""

    response: Any
    usage: replies.Usage


def ask(
    call: ModelCall,
    messages: Sequence[Any],
    parameters: Any,
    *,
    is_cancelled: Callable[[], bool] = lambda: False,
    show: Callable[[str], None] = lambda text: None,
) -> Answered:
    """Ask once. Text goes to `show` as it arrives.

    Raises PortFailure with the retry it deserves, and CallCancelled when `is_cancelled` says so.
    """
    try:
        model = model_catalogue.model_for(call.reference, base_url=call.base_url, slug=call.slug)
    except errors.Refused as error:
        raise errors.PortFailure(
            f"{call.reference} could not be asked. {error.message}", retry="permanent"
        ) from None
    # Building the first client loads a large library: that time is not the model's.
    started = time.monotonic()
    pieces: SimpleQueue[str] = SimpleQueue()
    asking = portal().start_task_soon(_stream, model, list(messages), parameters, _limits(call), pieces.put)
    asking.add_done_callback(lambda _: pieces.put(""))  # wakes the caller
    try:
        _follow(asking, pieces, is_cancelled, show, started + call.total_seconds + _GRACE)
        response = asking.result()
    except errors.PortFailure:
        raise
    except CancelledError:
        raise errors.PortFailure(f"{call.reference} gave no answer in time. It is asked again.") from None
    except Exception as error:
        raise model_failures.as_port_failure(
            error, reference=call.reference, base_url=call.base_url, slug=call.slug
        ) from None
    finally:
        asking.cancel()
    usage = model_pricing.usage_of(
        response,
        reference=call.reference,
        base_url=call.base_url,
        asked_bytes=_size(messages),
        milliseconds=round((time.monotonic() - started) * 1000),
    )
    return Answered(response=response, usage=usage)


def _follow(
    asking: Future[Any],
    pieces: SimpleQueue[str],
    is_cancelled: Callable[[], bool],
    show: Callable[[str], None],
    deadline: float,
) -> None:
    """Show what arrives until the answer is whole, the run is cancelled, or the last deadline is reached."""
    while not asking.done() or not pieces.empty():
        text = _waiting_text(pieces)
        if is_cancelled():
            raise CallCancelled(retry="permanent")
        if text:
            show(text.encode("utf-8", "replace").decode())
        if time.monotonic() > deadline:
            asking.cancel()
            return


def _waiting_text(pieces: SimpleQueue[str]) -> str:
    """All text that has arrived, so that a fast model is shown in fewer, larger pieces."""
    found: list[str] = []
    try:
        found.append(pieces.get(timeout=LOOK_EVERY))
        while True:
            found.append(pieces.get_nowait())
    except Empty:
        return "".join(found)


def _limits(call: ModelCall) -> ModelSettings:
    return {
        "timeout": call.idle_seconds,
        "request_timeout": call.total_seconds,
        "max_tokens": call.output_tokens,
        # Whether to try again is decided where it is recorded.
        "max_retries": 0,
    }


async def _stream(
    model: Any, messages: list[Any], parameters: Any, limits: ModelSettings, put: Callable[[str], None]
) -> Any:
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import (
        PartDeltaEvent,
        PartStartEvent,
        TextPart,
        TextPartDelta,
        ToolCallPart,
        ToolCallPartDelta,
    )

    size = 0
    async with model_request_stream(
        model, messages, model_settings=limits, model_request_parameters=parameters
    ) as stream:
        async for event in stream:
            piece: Any = ""
            if isinstance(event, PartStartEvent):
                if isinstance(event.part, TextPart):
                    piece = event.part.content
                    put(piece)
                elif isinstance(event.part, ToolCallPart):
                    piece = event.part.args or ""
            elif isinstance(event, PartDeltaEvent):
                if isinstance(event.delta, TextPartDelta):
                    piece = event.delta.content_delta
                    put(piece)
                elif isinstance(event.delta, ToolCallPartDelta):
                    piece = event.delta.args_delta or ""
            size += len(str(piece))
            if size > said.MAX_BYTES:
                raise said.unacceptable(
                    f"The answer is too large: more than {said.MAX_BYTES:,} characters. Answer in less."
                )
        return stream.get()


def _size(messages: Sequence[Any]) -> int:
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    return len(ModelMessagesTypeAdapter.dump_json(list(messages)))
