"""Rows of hooks from their events: used when one is written and by `manage.py rebuild`, so the two cannot differ."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from approvals.domain import notices_hooks as domain
from approvals.models import Hook
from approvals.services import row_tables
from approvals.services.row_tables import StoredEvent, Table

TABLE = Table("hook", Hook)


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
    return row_tables.differences([(TABLE, _expected(events))])


def repair(events: Iterable[StoredEvent]) -> None:
    """Make the table what the log says. A hook whose secret is lost stays, and its notices say so."""
    row_tables.repair([(TABLE, _expected(events))])


def _expected(events: Iterable[StoredEvent]) -> row_tables.Rows:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for event in events:
        fact = domain.decode(event.type, event.payload.encode())
        if fact is not None:
            found.setdefault((uuid.UUID(fact.hook),), {}).update(columns(fact))
    return found
