"""Keys of model providers: where they come from, and that they reach no log, no event and no page.

Keys come from the environment alone. They are looked up for each call, so that a changed key needs no release.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from orchestrator.domain import model_providers

PREFIX = "COUNTERSIGN_MODEL_KEY_"
_SECRET_NAME = re.compile(r"(API_?KEY|INFERENCE_KEY|_TOKEN|_SECRET|SECRET_KEY|PASSWORD)$", re.IGNORECASE)
_LOOKS_SECRET = re.compile(r"\b(sk|pk|key|xai|gsk|hf)[-_][A-Za-z0-9*_\-.]{6,}|\bAIza[\w-]{10,}")
_BEARER = re.compile(r"(?i)\b(bearer|x-api-key|api[_-]?key)([\"'\s:=]+)[^\s\"',}]{4,}")
_SHORTEST = 6


def variable(slug: str) -> str:
    """The environment variable that holds an agent's own key."""
    return PREFIX + re.sub(r"\W", "_", slug, flags=re.ASCII).upper()


def key_for(slug: str, base_url: str) -> str | None:
    """The key for an agent's calls; None leaves it to the provider's own environment variable.

    A server of somebody's choosing gets the agent's own key or none. It gets OPENAI_API_KEY only when the
    deployment itself names that server in OPENAI_BASE_URL, or it is OpenAI's own.
    """
    own = os.environ.get(variable(slug))
    if own or not base_url:
        return own or None
    trusted = {"https://api.openai.com", _origin(os.environ.get("OPENAI_BASE_URL", ""))}
    return os.environ.get("OPENAI_API_KEY") if _origin(base_url) in trusted else None


def missing(reference: str, *, base_url: str, slug: str) -> str:
    """What must be set in the environment before this agent's model can be asked; empty when nothing is missing.

    An agent's own key stands for the provider's. A server of somebody's choosing may well want no key.
    """
    if base_url:
        return ""
    has_own = bool(os.environ.get(variable(slug)))
    wanted = [
        names.replace("|", " or ")
        for names in model_providers.NEEDS.get(reference.partition(":")[0], ())
        if not any(os.environ.get(name) for name in names.split("|"))
        and not (has_own and _SECRET_NAME.search(names))
    ]
    return " and ".join(wanted)


def scrub(text: str, *, also: Iterable[str | None] = ()) -> str:
    """The text without any key: those of this environment, those given, and whatever looks like one."""
    known = {
        value for name, value in os.environ.items() if name.startswith(PREFIX) or _SECRET_NAME.search(name)
    }
    known |= {value for value in also if value}
    for value in sorted(known, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, "[key removed]")
    text = _BEARER.sub(r"\1\2[key removed]", text)
    return _LOOKS_SECRET.sub("[key removed]", text)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
