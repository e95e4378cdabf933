"""What went wrong when a model was asked, in words for a person and with the class of retry it deserves.

The other side's text may echo a key: it is scrubbed and cut before anybody sees it.
"""

from __future__ import annotations

from typing import Any

import structlog

from orchestrator.adapters import model_keys, outgoing
from orchestrator.domain import errors
from orchestrator.domain.schemas import clip

log = structlog.get_logger(__name__)

_WORTH_ANOTHER_TRY = {408, 409, 425}


def as_port_failure(error: BaseException, *, reference: str, base_url: str, slug: str) -> errors.PortFailure:
    """The PortFailure for an exception of the model layer."""
    from pydantic_ai import exceptions as ai

    model = clip(reference, 100)
    said = _said(error, model_keys.key_for(slug, base_url))
    log.warning("model.failed", model=model, kind=type(error).__name__, said=said)
    where = base_url or "the provider"
    text, retry = f"{model} could not be asked: {said}", "permanent"
    if guarded := _guard_behind(error):
        return errors.PortFailure(f"{model} could not be asked. {guarded.message}", retry="permanent")
    if isinstance(error, ai.ModelRateLimitError):
        text, retry = (
            f"{model} is asked too often; its server wants a pause. It is asked again then.",
            "transient",
        )
    elif isinstance(error, ai.ModelQuotaExceededError):
        text, retry = f"The account behind {model} has no budget left: {said}", "budget"
    elif isinstance(error, ai.ModelAuthenticationError):
        text = _about_the_key(model, where, slug, base_url)
    elif isinstance(error, ai.ModelNotFoundError):
        text = f"{where} does not know {model}. Check the agent's model reference and its base URL. {said}"
    elif isinstance(error, ai.ModelContextWindowExceededError):
        text = f"The turn holds more text than {model} can take. Show the agent less. {said}"
    elif isinstance(error, (ai.ModelTimeoutError, ai.ModelRequestTimeout, TimeoutError)):
        text, retry = f"{model} gave no answer in time. It is asked again.", "transient"
    elif isinstance(error, ai.ModelConnectionError):
        text, retry = f"The connection to {where} failed or broke off. {model} is asked again.", "transient"
    elif isinstance(error, (ai.ModelUnavailableError, ai.ModelServerError)):
        text, retry = f"{where} failed for now: {said}. {model} is asked again.", "transient"
    elif isinstance(error, (ai.UnexpectedModelBehavior, ValueError)):
        text, retry = (
            f"{where} answered with something that cannot be read. {model} is asked again.",
            "transient",
        )
    elif isinstance(error, ai.ModelAPIError):
        status = _status_of(error)
        if status is not None and 300 <= status < 400:
            text = f"{where} sends callers elsewhere, and redirects are not followed. Correct the agent's base URL."
        elif status is None:
            text, retry = (
                f"{where} answered with something that cannot be read. {model} is asked again.",
                "transient",
            )
        elif status in _WORTH_ANOTHER_TRY:
            retry = "transient"
    return errors.PortFailure(text, retry=retry, retry_after=getattr(error, "retry_after", None))


def _about_the_key(model: str, where: str, slug: str, base_url: str) -> str:
    own = model_keys.variable(slug)
    if base_url:
        return f"{where} refused the key for {model}. Set {own} to a key of that server, then try again."
    return f"The provider refused the key for {model}. Set {own}, or the provider's own variable, to a valid key."


def _said(error: BaseException, key: str | None) -> str:
    """What the other side said, in one scrubbed line."""
    from pydantic_ai import exceptions as ai

    text = str(error)
    if isinstance(error, ai.ModelHTTPError):
        text = f"status {error.status_code}"
        if message := _message_in(error.body):
            text += f", {message}"
    return clip(" ".join(model_keys.scrub(text, also=[key]).split()), 300)


def _status_of(error: BaseException) -> int | None:
    return getattr(error, "status_code", None) or getattr(error.__cause__, "status_code", None)


def _message_in(body: Any) -> str:
    if isinstance(body, dict):
        inner = body.get("error", body)
        body = inner.get("message", "") if isinstance(inner, dict) else inner
    return body if isinstance(body, str) else ""


def _guard_behind(error: BaseException) -> errors.Refused | None:
    """Our own guard's refusal, when it is what the client's error was made from."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None or isinstance(seen, (outgoing.AddressNotAllowed, outgoing.ResponseTooLarge)):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
