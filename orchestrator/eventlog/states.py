"""The state of a stream, folded from its snapshot and its tail, and what this process remembers of it.

States are immutable, so the cache may be shared between threads; it is bounded and always checked against the head
by the append's compare-and-set.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from django.db import connection

from orchestrator import kinds, sql
from orchestrator.domain import digests
from orchestrator.domain import events as e
from orchestrator.domain.effects import Want
from orchestrator.eventlog.stored import UnknownStream, micros, tail

log = structlog.get_logger(__name__)

SNAPSHOT_EVERY = 200
CACHE_STATES = 2000


class Entry(NamedTuple):
    """A stream as it stands: its state, the hash of its last event, what it wants."""

    kind: str
    state: Any
    hash: bytes
    wants: dict[str, Want]

    @property
    def head(self) -> int:
        return int(self.state.seq)


_cache: OrderedDict[str, Entry] = OrderedDict()
_guard = threading.Lock()


def remember(stream: str, entry: Entry) -> None:
    """Keep an entry for the other threads of this process. What is read inside a transaction may be its own
    uncommitted events, so it is not kept: a rollback would leave a head that never was."""
    if not connection.in_atomic_block:
        keep(stream, entry)


def keep(stream: str, entry: Entry) -> None:
    """Keep an entry that is known to be committed."""
    with _guard:
        known = _cache.get(stream)
        if known is None or known.head <= entry.head:
            _cache[stream] = entry
            _cache.move_to_end(stream)
            while len(_cache) > CACHE_STATES:
                _cache.popitem(last=False)


def forget(stream: str | None = None) -> None:
    """Drop what is cached of a stream, or everything."""
    with _guard:
        if stream is None:
            _cache.clear()
        else:
            _cache.pop(stream, None)


def load(stream: str, *, kind: str | None = None, fresh: bool = False) -> Entry:
    """The stream as it stands. From the cache when there (`fresh` catches up with the log first).

    With `kind`, a stream that does not exist yet is given as an empty one of that kind.
    """
    entry = _cache.get(stream)
    if entry is not None:
        return _catch_up(stream, entry) if fresh else entry
    return _fold(stream, kind)


def unborn(stream: str, kind: str) -> Entry:
    """A stream before its first event."""
    return Entry(kind, kinds.find(kind).initial(stream), digests.GENESIS, {})


def _catch_up(stream: str, entry: Entry) -> Entry:
    rows = tail(stream, entry.head)
    if not rows:
        return entry
    entry = _apply(stream, entry, rows)
    remember(stream, entry)
    return entry


def _fold(stream: str, kind: str | None) -> Entry:
    rows = sql.run(
        'SELECT s.kind, n.seq, n.version, n.state FROM "orchestrator_stream" s '
        'LEFT JOIN "orchestrator_snapshot" n ON n.stream_id=s.id WHERE s.id=$1::uuid',
        [stream],
    )
    if not rows:
        if kind is None:
            raise UnknownStream(stream=stream)
        return unborn(stream, kind)
    found, seq, version, data = rows[0]
    decider = kinds.find(found)
    state = decider.initial(stream)
    start = 0
    last = digests.GENESIS
    if seq is not None and version == decider.version:
        state = decider.thaw(bytes(data))
        start = seq
        last = bytes(
            sql.run(
                'SELECT hash FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq=$2', [stream, seq]
            )[0][0]
        )
    entry = _apply(stream, Entry(found, state, last, {}), tail(stream, start))
    remember(stream, entry)
    return entry


def _apply(stream: str, entry: Entry, rows: Sequence[tuple[Any, ...]]) -> Entry:
    decider = kinds.find(entry.kind)
    state, last = entry.state, entry.hash
    for seq, name, version, actor, cause, occurred_at, payload, hash_ in rows:
        event = e.Event(seq, micros(occurred_at), actor, cause, e.decode(name, version, payload))
        state = decider.evolve(state, event)
        last = bytes(hash_)
    return Entry(entry.kind, state, last, decider.plan(state))


def keep_snapshot(stream: str, before: int, entry: Entry) -> None:
    """Keep a snapshot when the append crossed a multiple of SNAPSHOT_EVERY. Losing it costs time only."""
    if entry.head // SNAPSHOT_EVERY == before // SNAPSHOT_EVERY:
        return
    decider = kinds.find(entry.kind)
    data = decider.freeze(entry.state)
    if data is None:
        return
    try:
        sql.run(
            'INSERT INTO "orchestrator_snapshot" (stream_id, seq, version, state) VALUES ($1::uuid, $2, $3, $4) '
            "ON CONFLICT (stream_id) DO UPDATE SET seq=EXCLUDED.seq, version=EXCLUDED.version, state=EXCLUDED.state "
            'WHERE "orchestrator_snapshot".seq < EXCLUDED.seq',
            [stream, entry.head, decider.version, data],
        )
    except Exception:
        log.warning("snapshot_lost", stream=stream, seq=entry.head, exc_info=True)
