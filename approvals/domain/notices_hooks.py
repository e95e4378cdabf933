"""Hooks: other programs that are told of events, which ones, in which words, and how the telling is signed.

A body names what happened and where to look it up, and carries no arguments.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from approvals.domain.notices import Kind
from approvals.domain.notices_words import Wording
from orchestrator.domain import digests, errors

HookKind = Literal["chat", "signed"]
KIND_WORDS: dict[str, str] = {
    "chat": "Chat: an incoming webhook of Slack or of what understands the same",
    "signed": "Program: JSON, signed with a secret",
}
TOPICS: dict[str, tuple[str, ...]] = {
    "runs": ("run.started", "run.paused", "run.resumed", "run.succeeded", "run.failed", "run.cancelled"),
    "decisions": (
        "request.opened",
        "request.signed",
        "request.escalated",
        "request.expired",
        "request.withdrawn",
        "request.superseded",
        "request.revoked",
        "request.staled",
        "request.lapsed",
        "breakglass.called",
    ),
    "outcomes": (
        "action.executed",
        "action.failed",
        "action.unconfirmed",
        "action.refused",
        "action.voided",
    ),
}
TOPIC_WORDS = {
    "runs": "Runs: started, paused, resumed, ended",
    "decisions": "Requests: opened, signed, ended, escalated, break-glass",
    "outcomes": "Actions: executed, failed, unconfirmed, refused",
}
# What a chat is told of. It is for people, so it gets no sentence about what went well by itself.
CHAT: frozenset[Kind] = frozenset(
    {
        "opened",
        "reminded",
        "escalated",
        "decided",
        "expired",
        "revoked",
        "stale",
        "lapsed",
        "break_glass",
        "run_failed",
        "run_paused",
        "test",
    }
)
MOST_REASON = 500
# How long the secret before the last one still signs.
OVERLAP = dt.timedelta(hours=24)


class UnreadableHook(errors.Refused):
    """Choose what it is and what it is told of, and write an address and one sentence on what it is for."""


class EndedAlready(errors.Refused):
    """This hook has ended already. Make a new one where one is needed."""


class HookFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a hook's stream. The address and the secret are in no event: an address may be a key."""

    TYPE: ClassVar[str] = ""
    hook: str
    by: str
    at: dt.datetime


class HookCreated(HookFact, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "hook.created"
    kind: HookKind
    place: str
    topics: tuple[str, ...]
    reason: str


class HookRenewed(HookFact, frozen=True, kw_only=True, omit_defaults=True):
    """It has another secret from now on. The one before still signs beside it until a moment."""

    TYPE = "hook.renewed"
    version: int
    overlaps_until: dt.datetime


class HookEnded(HookFact, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "hook.ended"
    reason: str


TYPES: dict[str, type[HookFact]] = {kind.TYPE: kind for kind in (HookCreated, HookRenewed, HookEnded)}


def decode(name: str, payload: bytes) -> HookFact | None:
    """The fact that stored bytes stand for; None for another type."""
    kind = TYPES.get(name)
    return None if kind is None else msgspec.json.decode(payload, type=kind)


def place_of(url: str) -> str:
    """An address as it may be shown: its server, and the end of the rest, which may be a key."""
    parts = urlsplit(url)
    rest = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"{parts.scheme}://{parts.netloc}/" + (f"…{rest[-4:]}" if len(rest) > 8 else rest.lstrip("/"))


def events_of(topics: Sequence[str]) -> frozenset[str]:
    """The event types behind these topics."""
    return frozenset(name for topic in topics for name in TOPICS.get(topic, ()))


def new_secret() -> str:
    return "whsec_" + secrets.token_urlsafe(32)


def body_of(
    *,
    delivery: str,
    event: str,
    at: dt.datetime,
    run: str,
    seq: int,
    actor: str,
    payload: Mapping[str, Any],
) -> bytes:
    """What is sent about one event. `delivery` is the same at every try, so that a receiver can tell repeats."""
    said = payload.get("reason") or payload.get("explanation") or payload.get("text") or ""
    return digests.canonical(
        {
            "id": delivery,
            "event": event,
            "at": at.isoformat(),
            "run": run,
            "seq": seq,
            "actor": actor,
            "action": str(payload.get("action", "")),
            "request": str(payload.get("request", "")),
            "outcome": str(payload.get("outcome", "")),
            "reason": str(said)[:MOST_REASON],
        }
    )


def signature(known: Sequence[str], at: int, body: bytes) -> str:
    """The header `Countersign-Signature`: when it was sent, and an HMAC over both with each secret that is valid."""
    signed = f"{at}.".encode() + body
    made = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in known]
    return ",".join([f"t={at}", *(f"v1={one}" for one in made)])


def chat_body(message: Wording, *, correlation: str) -> bytes:
    """The message for a chat. What came from outside is plain text there, and neither a link nor a mention."""
    blocks: list[dict[str, Any]] = [_plain(message.headline)] if len(message.items) > 1 else []
    for item in message.items:
        facts = "\n".join(f"{label}: {value}" for label, value in item.facts)
        blocks.append(_plain(f"{item.headline}\n{facts}".strip()))
        blocks.append(
            {"type": "context", "elements": [{"type": "mrkdwn", "text": f"<{item.url}|Open it and sign in>"}]}
        )
    if message.more:
        blocks.append(_plain(f"And {message.more} more in the inbox."))
    return msgspec.json.encode(
        {
            "text": escaped(message.subject),
            "blocks": blocks[:50],
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": "countersign", "event_payload": {"correlation": correlation}},
        }
    )


def escaped(text: str) -> str:
    """Text for a chat: the three characters that begin a link or a mention there are written out."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    cut = text if len(text) <= 2900 else text[:2899] + "…"
    return {"type": "section", "text": {"type": "plain_text", "text": cut, "emoji": False}}
