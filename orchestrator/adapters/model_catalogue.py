"""From an agent's reference, such as "anthropic:claude-sonnet-4-5", to the client that asks that model.

With a base URL the model is asked through the chat-completions protocol there (Ollama, vLLM and others), past
the guard on outgoing addresses. Clients are kept, because each holds its connections.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from orchestrator.adapters import model_keys, model_library, outgoing
from orchestrator.adapters.portal import at_end, portal
from orchestrator.domain import errors
from orchestrator.domain.schemas import clip
from orchestrator.domain.specs import AgentSpec

_KEPT = 64
_models: OrderedDict[tuple[str, str, str], Any] = OrderedDict()
_changing = threading.Lock()

# Their debug output holds prompts, and headers of whoever answers.
_TALKATIVE = ("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2")


class UnknownModel(errors.PortFailure):
    """No provider knows this model. Write its reference as provider:model, such as openai:gpt-5."""


def name_of(reference: str) -> str:
    """The model's own name in a reference: what follows the provider."""
    return reference.partition(":")[2] or reference


def model_for(reference: str, *, base_url: str, slug: str) -> Any:
    """The pydantic-ai model for a reference, with the key of the agent `slug`.

    Raises UnknownModel (permanent) and AddressNotAllowed. Must be used on the loop of `portal` alone.
    """
    if base_url:
        outgoing.check_url(base_url)
    model_library.load()
    key = model_keys.key_for(slug, base_url)
    entry = (reference, base_url, hashlib.sha256((key or "").encode()).hexdigest())
    with _changing:
        model = _models.get(entry)
        if model is None:
            model = _models[entry] = _build(reference, base_url, key)
            if len(_models) > _KEPT:
                _, oldest = _models.popitem(last=False)
                portal().start_task_soon(_close, oldest)
        _models.move_to_end(entry)
    return model


def warm(agents: Iterable[AgentSpec]) -> None:
    """Load what asking these agents' models takes (a second and more), so that the first turn does not wait for it.

    A model that cannot be built says so when it is asked.
    """
    known = {(agent.reference, agent.base_url, agent.slug) for agent in agents if agent.kind == "model"}
    if not known:
        return
    model_library.load()
    for reference, base_url, slug in known:
        with contextlib.suppress(errors.CountersignError):
            model_for(reference, base_url=base_url, slug=slug)


async def close_all() -> None:
    """Close every client's connections. Runs on the loop of `portal`."""
    with _changing:
        models = list(_models.values())
        _models.clear()
    for model in models:
        await _close(model)


async def _close(model: Any) -> None:
    client = getattr(model, "client", None)
    close = getattr(client, "close", None) or getattr(client, "aclose", None)
    if close is not None:
        await close()


def _forget() -> None:
    """The child of a fork builds its own clients: its parent's belong to a loop that it has not."""
    global _changing
    _changing = threading.Lock()
    _models.clear()


at_end(close_all)
os.register_at_fork(after_in_child=_forget)


def _build(reference: str, base_url: str, key: str | None) -> Any:
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        return _compatible(reference, base_url, key) if base_url else _known(reference, key)
    except Exception as error:
        reason = model_keys.scrub(str(error), also=[key]).strip().partition("\n")[0]
        raise UnknownModel(
            f"The model {clip(reference, 100)} cannot be used: {clip(reason, 300)}", retry="permanent"
        ) from None


def _compatible(reference: str, base_url: str, key: str | None) -> Any:
    from pydantic_ai.models import create_async_httpx2_client
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    provider = OpenAICompatibleProvider(
        "compatible",
        base_url=base_url,
        # Servers without keys still want the header; an absent key must not fall back to another one's.
        api_key=key or "none",
        http_client=create_async_httpx2_client(transport=outgoing.transport()),
    )
    # The older name of the limit, which every server of this protocol knows.
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    return OpenAIChatModel(name_of(reference), provider=provider, profile=profile)


def _known(reference: str, key: str | None) -> Any:
    from pydantic_ai.models import infer_model
    from pydantic_ai.providers import infer_provider, infer_provider_class

    if key is None:
        return infer_model(reference, infer_provider)

    def with_key(name: str) -> Any:
        provider: Any = infer_provider_class(name)
        return provider(api_key=key)

    return infer_model(reference, with_key)
