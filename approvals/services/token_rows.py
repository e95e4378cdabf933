"""Rows of tokens from their events: used when one is written and by `manage.py rebuild`, so the two cannot differ."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from approvals.domain import tokens
from approvals.models import ApiToken
from approvals.services.rebuild import StoredEvent


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
    """Where the table differs from the log, one sentence each; when a token was last used is no part of it."""
    expected, stored = _expected(events), _stored()
    found = []
    for key in sorted(expected.keys() | stored.keys(), key=str):
        want, have = expected.get(key), stored.get(key)
        if want is None:
            found.append(f"api_token {key}: the row has no event")
        elif have is None:
            found.append(f"api_token {key}: the row is missing")
        else:
            found += [
                f"api_token {key}: {column} is {have[column]!r:.80}, the log says {value!r:.80}"
                for column, value in want.items()
                if have[column] != value
            ]
    return found


def repair(events: Iterable[StoredEvent]) -> None:
    """Make the table what the log says."""
    expected, stored = _expected(events), _stored()
    with transaction.atomic():
        ApiToken.objects.filter(pk__in=stored.keys() - expected.keys()).delete()
        for key, wanted in expected.items():
            if key not in stored:
                ApiToken.objects.create(**wanted)
            elif stored[key] != wanted:
                ApiToken.objects.filter(pk=key).update(**wanted)


def _expected(events: Iterable[StoredEvent]) -> dict[uuid.UUID, dict[str, Any]]:
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for event in events:
        if event.type not in tokens.TYPES:
            continue
        fact = tokens.decode(event.type, event.payload.encode())
        assert fact is not None
        found.setdefault(uuid.UUID(fact.token), {}).update(columns(fact))
    return found


def _stored() -> dict[uuid.UUID, dict[str, Any]]:
    fields = [field.name for field in ApiToken._meta.concrete_fields if field.name != "last_used_at"]
    return {row["id"]: row for row in ApiToken.objects.values(*fields)}
