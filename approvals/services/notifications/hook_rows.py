"""Rows of hooks from their events: used when one is written and by `manage.py rebuild`, so the two cannot differ."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from approvals.domain import notices_hooks as domain
from approvals.models import Hook
from approvals.services.rebuild import StoredEvent


def columns(fact: domain.HookFact) -> dict[str, Any]:
    """The columns that a fact sets."""
    if isinstance(fact, domain.HookRenewed):
        return {"version": fact.version, "overlaps_until": fact.overlaps_until}
    if isinstance(fact, domain.HookEnded):
        return {"ended_at": fact.at, "ended_by": fact.by, "ended_because": fact.reason}
    assert isinstance(fact, domain.HookCreated)
    return {
        "id": uuid.UUID(fact.hook),
        "kind": fact.kind,
        "place": fact.place,
        "topics": list(fact.topics),
        "reason": fact.reason,
        "version": 1,
        "overlaps_until": None,
        "created_by": fact.by,
        "created_at": fact.at,
        "ended_at": None,
        "ended_by": "",
        "ended_because": "",
    }


def differences(events: Iterable[StoredEvent]) -> list[str]:
    """Where the table differs from the log, one sentence each."""
    expected, stored = _expected(events), _stored()
    found = []
    for key in sorted(expected.keys() | stored.keys(), key=str):
        want, have = expected.get(key), stored.get(key)
        if want is None or have is None:
            found.append(f"hook {key}: the row {'has no event' if want is None else 'is missing'}")
        else:
            found += [
                f"hook {key}: {column} is {have[column]!r:.80}, the log says {value!r:.80}"
                for column, value in want.items()
                if have[column] != value
            ]
    return found


def repair(events: Iterable[StoredEvent]) -> None:
    """Make the table what the log says. A hook whose secret is lost stays, and its notices say so."""
    expected, stored = _expected(events), _stored()
    with transaction.atomic():
        Hook.objects.filter(pk__in=stored.keys() - expected.keys()).delete()
        for key, wanted in expected.items():
            if key not in stored:
                Hook.objects.create(**wanted)
            elif stored[key] != wanted:
                Hook.objects.filter(pk=key).update(**wanted)


def _expected(events: Iterable[StoredEvent]) -> dict[uuid.UUID, dict[str, Any]]:
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for event in events:
        fact = domain.decode(event.type, event.payload.encode())
        if fact is not None:
            found.setdefault(uuid.UUID(fact.hook), {}).update(columns(fact))
    return found


def _stored() -> dict[uuid.UUID, dict[str, Any]]:
    return {row["id"]: dict(row) for row in Hook.objects.values()}
