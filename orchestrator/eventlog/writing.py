"""What changes event rows: the append's fragment, the lock that a transaction takes first, retention's removal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection

from orchestrator import sql
from orchestrator.domain import digests
from orchestrator.domain import events as e
from orchestrator.eventlog.states import forget
from orchestrator.eventlog.stored import EPOCH, UnknownStream
from orchestrator.sql import Fragment

_EVENT_TYPES = ("int8", "text", "int2", "text", "int8", "timestamptz", "json", "bytea")


def remove(stream: str) -> None:
    """Take a whole stream off the log: its events, its snapshot, its row. Only retention may, and only after it
    has written where the stream stood. The row must be locked."""
    for table, column in (("event", "stream_id"), ("snapshot", "stream_id"), ("stream", "id")):
        sql.run(f'DELETE FROM "orchestrator_{table}" WHERE {column}=$1::uuid', [stream])
    forget(stream)


def lock(stream: str) -> int:
    """Lock the stream's row until the transaction ends; returns its head. A person's command takes this first,
    so that it cannot lose to a busy run. Lock order everywhere: this row, then approvals' rows."""
    assert connection.in_atomic_block, "a lock lasts as long as its transaction"
    rows = sql.run('SELECT head FROM "orchestrator_stream" WHERE id=$1::uuid FOR NO KEY UPDATE', [stream])
    if not rows:
        raise UnknownStream(stream=stream)
    return int(rows[0][0])


def fragment(stream: str, previous: bytes, recorded: Sequence[e.Event]) -> tuple[Fragment, bytes]:
    """The part of the append that inserts events, and the hash of the last one."""
    values: list[Any] = []
    for event in recorded:
        name, version = e.name_of(event.body)
        payload = e.encode(event.body)
        envelope = e.envelope(stream, event.seq, name, version, event.actor, event.cause, event.at)
        previous = digests.link(previous, envelope, payload)
        moment = EPOCH + dt.timedelta(microseconds=event.at)
        values += [event.seq, name, version, event.actor, event.cause, moment, payload.decode(), previous]
    count = len(recorded)

    def render(first: int) -> str:
        rows = sql.values_rows(_EVENT_TYPES, count, first)
        return (
            'e AS (INSERT INTO "orchestrator_event" '
            "(stream_id, seq, type, version, actor, cause, occurred_at, payload, hash) "
            f"SELECT s.id, v.* FROM s, (VALUES {rows}) AS v(seq, type, version, actor, cause, occurred_at, payload, hash))"
        )

    return Fragment(("events", count), values, render), previous
