"""Rows of tokens from their events: used when one is written and by `manage.py rebuild`, so the two cannot differ."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from approvals.domain import tokens
from approvals.models import ApiToken
from approvals.services import row_tables
from approvals.services.row_tables import StoredEvent, Table

# When a token was last used is no event.
TABLE = Table("api_token", ApiToken, beside=("last_used_at",))


def columns(fact: tokens.TokenFact) -> dict[str, Any]:
    """The columns that a fact sets."""
    if isinstance(fact, tokens.TokenRevoked):
        return {
            "revoked_at": fact.revoked_at,
            "revoked_by": fact.revoked_by,
            "revoked_because": fact.reason,
        }
    assert isinstance(fact, tokens.TokenCreated)
    return {
        "id": uuid.UUID(fact.token),
        "digest": fact.digest,
        "prefix": fact.prefix,
        "agent": fact.agent,
        "agent_revision": fact.agent_revision,
        "person": fact.person,
        "scopes": list(fact.scopes),
        "policy": fact.policy,
        "per_minute": fact.per_minute,
        "reason": fact.reason,
        "created_by": fact.created_by,
        "created_at": fact.created_at,
        "expires_at": fact.expires_at,
        "revoked_at": None,
        "revoked_by": "",
        "revoked_because": "",
    }


def differences(events: Iterable[StoredEvent]) -> list[str]:
    """Where the table differs from the log, one sentence each."""
    return row_tables.differences([(TABLE, _expected(events))])


def repair(events: Iterable[StoredEvent]) -> None:
    """Make the table what the log says."""
    row_tables.repair([(TABLE, _expected(events))])


def _expected(events: Iterable[StoredEvent]) -> row_tables.Rows:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for event in events:
        fact = tokens.decode(event.type, event.payload.encode())
        if fact is not None:
            found.setdefault((uuid.UUID(fact.token),), {}).update(columns(fact))
    return found
