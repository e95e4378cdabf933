"""API tokens: who may call from outside, with which scopes, until when. Their life is facts on a stream of their own.

A token is an agent's, pinned to one revision, or a person's own. An agent's token can never sign off: the scope
that decides belongs to people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar

import msgspec

from orchestrator.domain import digests, errors

AGENT_SCOPES = ("act", "read")
PERSON_SCOPES = ("decide", "read")
SCOPE_WORDS = {
    "act": "start runs, ask for actions, claim them and report",
    "read": "read runs, actions and requests",
    "decide": "approve and reject in your name",
}
MOST_DAYS = 366
PREFIX = "cs_"
SHOWN = len(PREFIX) + 6


class WrongScopes(errors.Refused):
    """These scopes do not fit: an agent's token may act and read, a person's may decide and read."""


class WrongExpiry(errors.Refused):
    """A token lasts between one and 366 days. Choose a number of days in between."""


class ReasonMissing(errors.Refused):
    """A reason is needed, so that others understand what the token is for, or why it ends. Write one sentence."""


class AlreadyRevoked(errors.Refused):
    """This token is revoked already. Make a new one where one is needed."""


class TokenFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of a token's stream. TYPE is its name on the log."""

    TYPE: ClassVar[str] = ""
    token: str


class TokenCreated(TokenFact, frozen=True, kw_only=True, omit_defaults=True):
    """A token was made. `digest` is the SHA-256 of its secret, `prefix` what pages show of it."""

    TYPE = "token.created"
    digest: str
    prefix: str
    agent: str = ""
    agent_revision: int = 0
    person: str = ""
    scopes: tuple[str, ...]
    policy: str = ""
    per_minute: int
    reason: str
    created_by: str
    created_at: dt.datetime
    expires_at: dt.datetime


class TokenRevoked(TokenFact, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "token.revoked"
    reason: str
    revoked_by: str
    revoked_at: dt.datetime


TYPES: dict[str, type[TokenFact]] = {kind.TYPE: kind for kind in (TokenCreated, TokenRevoked)}


def decode(name: str, payload: bytes) -> TokenFact | None:
    """The fact that stored bytes stand for; None for another type."""
    kind = TYPES.get(name)
    return None if kind is None else msgspec.json.decode(payload, type=kind)


def seal(secret: str) -> str:
    """What is kept of a secret: its SHA-256. A secret has 256 bits of chance, so no salt is needed."""
    return digests.sha256(secret.encode())


def check(*, is_agent: bool, scopes: Sequence[str], days: int, reason: str) -> None:
    """Raise unless a token may be made like this."""
    known = AGENT_SCOPES if is_agent else PERSON_SCOPES
    if not scopes or any(scope not in known for scope in scopes):
        raise WrongScopes()
    if not 1 <= days <= MOST_DAYS:
        raise WrongExpiry()
    if not reason.strip():
        raise ReasonMissing()
