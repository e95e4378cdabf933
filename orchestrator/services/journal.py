"""Other apps' facts on the same log: policies, approvals, keys, people. The orchestrator carries them and reads none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orchestrator import engine, eventlog
from orchestrator.domain import commands as c
from orchestrator.domain import digests, errors, ids
from orchestrator.domain.events import Recorded

KINDS = frozenset({"policy", "approval", "canary", "keys", "audit", "people"})


def stream_for(kind: str, key: str) -> str:
    """The stream of a subject of another app, from its natural key."""
    return ids.from_key(kind, key)


def record(
    *,
    kind: str,
    stream: str,
    facts: Sequence[tuple[str, Mapping[str, Any]]],
    by: str,
    now: dt.datetime,
    expected_seq: int | None = None,
) -> int:
    """Write facts as (event type, payload) on an opaque stream; returns its head.

    `by` is an actor ("user:…", "system"). Inside a transaction the facts commit with it. `expected_seq` refuses
    with a Conflict when somebody wrote in between.
    """
    if kind not in KINDS:
        raise errors.Refused(f"Facts of kind {kind!r} are not written through the journal.")
    bodies = tuple(
        Recorded(name=name, version=1, payload=msgspec.Raw(digests.canonical(dict(payload))))
        for name, payload in facts
    )
    command = c.Record(actor=by, at=eventlog.micros(now), bodies=bodies, expected_seq=expected_seq)
    return int(engine.submit(stream, command, kind=kind).state.seq)


def facts(
    stream: str, after: int = 0, limit: int = 1000
) -> list[tuple[int, str, dict[str, Any], str, dt.datetime]]:
    """What stands on a stream past a seq: (seq, type, payload, actor, time)."""
    return [
        (event.seq, event.type, msgspec.json.decode(event.payload), event.actor, event.occurred_at)
        for event in eventlog.events_after(stream, after, limit)
    ]
