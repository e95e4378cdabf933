"""Webhooks: which events other programs are told of, in which words, and how the telling is signed.

A body names what happened and where to look it up. It carries no arguments: who wants them asks with a token.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from orchestrator.domain import digests, errors

SUBJECTS: dict[str, tuple[str, ...]] = {
    "runs": ("run.started", "run.paused", "run.resumed", "run.succeeded", "run.failed", "run.cancelled"),
    "decisions": ("action.held", "action.released", "action.refused"),
    "outcomes": ("action.executed", "action.failed", "action.unconfirmed", "action.voided"),
}
SUBJECT_WORDS = {
    "runs": "runs: started, paused, resumed, ended",
    "decisions": "decisions: held, released, refused",
    "outcomes": "outcomes: executed, failed, unconfirmed, voided",
}
TEST = "webhook.tested"
# After each failed try, how many seconds until the next; after the last one it is given up.
RETRIES = (10, 60, 300, 1800, 7200, 21_600, 43_200, 86_400)
MOST_REASON = 500


class NothingChosen(errors.Refused):
    """Choose at least one kind of event to be told of."""


class ReasonMissing(errors.Refused):
    """A reason is needed, so that others understand what it is for, or why it ends. Write one sentence."""


class AlreadyEnded(errors.Refused):
    """This webhook has ended already. Make a new one where one is needed."""


class WebhookFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a webhook's stream."""

    TYPE: ClassVar[str] = ""
    webhook: str
    by: str
    at: dt.datetime


class WebhookCreated(WebhookFact, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "webhook.created"
    url: str
    subjects: tuple[str, ...]
    reason: str


class WebhookRenewed(WebhookFact, frozen=True, kw_only=True, omit_defaults=True):
    """Its secret is another one from now on."""

    TYPE = "webhook.renewed"
    secret_version: int


class WebhookEnded(WebhookFact, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "webhook.ended"
    reason: str


TYPES: dict[str, type[WebhookFact]] = {
    kind.TYPE: kind for kind in (WebhookCreated, WebhookRenewed, WebhookEnded)
}


def decode(name: str, payload: bytes) -> WebhookFact | None:
    """The fact that stored bytes stand for; None for another type."""
    kind = TYPES.get(name)
    return None if kind is None else msgspec.json.decode(payload, type=kind)


def wanted(subjects: Sequence[str]) -> frozenset[str]:
    """The event types behind these subjects."""
    return frozenset(name for subject in subjects for name in SUBJECTS.get(subject, ()))


def body_of(
    *, delivery: str, event: str, at: dt.datetime, run: str, seq: int, actor: str, payload: Mapping[str, Any]
) -> bytes:
    """What is sent about one event. `delivery` is the same at every try, so a receiver can tell repeats."""
    reason = payload.get("reason") or payload.get("explanation") or payload.get("text") or ""
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
            "reason": str(reason)[:MOST_REASON],
        }
    )


def secret_of(key: bytes, webhook: str, version: int) -> str:
    """The secret of a webhook. It is derived from the installation's key, so it is stored nowhere."""
    made = hmac.new(key, f"webhook:{webhook}:{version}".encode(), hashlib.sha256).digest()
    return "whsec_" + base64.urlsafe_b64encode(made).decode().rstrip("=")


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of the header `Countersign-Signature`: when it was sent, and the HMAC over both."""
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={made}"


def next_try(tries: int) -> int | None:
    """Seconds until the next try after so many failed ones; None when it is given up."""
    return RETRIES[tries - 1] if tries <= len(RETRIES) else None
