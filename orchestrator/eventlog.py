"""The one door to event rows: load a state, hand out the append's fragment, lock a stream, read since a cursor.

It refuses to decide anything. States are immutable, so the cache may be shared between threads; it is bounded and
always checked against the head by the append's compare-and-set.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import structlog
from django.db import connection

from orchestrator import kinds, sql
from orchestrator.domain import digests, errors
from orchestrator.domain import events as e
from orchestrator.domain.effects import Want
from orchestrator.sql import Fragment

log = structlog.get_logger(__name__)

SNAPSHOT_EVERY = 200
CACHE_STATES = 2000

_EVENT_TYPES = ("int8", "text", "int2", "text", "int8", "timestamptz", "json", "bytea")


class Entry(NamedTuple):
    """A stream as it stands: its state, the hash of its last event, what it wants."""

    kind: str
    state: Any
    hash: bytes
    wants: dict[str, Want]

    @property
    def head(self) -> int:
        return int(self.state.seq)


class Stored(NamedTuple):
    """An event as it was stored, for readers outside the rule book."""

    stream: str
    seq: int
    type: str
    version: int
    actor: str
    cause: int
    occurred_at: dt.datetime
    payload: str
    hash: bytes

    @property
    def body(self) -> e.Body:
        return e.decode(self.type, self.version, self.payload)

    @property
    def at(self) -> int:
        return micros(self.occurred_at)


class UnknownStream(errors.NotFound):
    """There is nothing under that address. The link may be incomplete, or from another installation."""


EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def micros(moment: dt.datetime) -> int:
    """Whole microseconds since 1970 UTC: exactly what the column holds, so a hash can be checked later."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


# ---- the cache of this process ----
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


# ---- reading ----
def load(stream: str, *, kind: str | None = None, fresh: bool = False) -> Entry:
    """The stream as it stands. From the cache when there (`fresh` catches up with the log first).

    With `kind`, a stream that does not exist yet is given as an empty one of that kind.
    """
    entry = _cache.get(stream)
    if entry is not None:
        return _catch_up(stream, entry) if fresh else entry
    return _fold(stream, kind)


def _catch_up(stream: str, entry: Entry) -> Entry:
    rows = _tail(stream, entry.head)
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
        return Entry(kind, kinds.find(kind).initial(stream), digests.GENESIS, {})
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
    entry = _apply(stream, Entry(found, state, last, {}), _tail(stream, start))
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


_COLUMNS = "seq, type, version, actor, cause, occurred_at, payload::text, hash"


def _tail(stream: str, after: int) -> list[tuple[Any, ...]]:
    return sql.run(
        f'SELECT {_COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq>$2 ORDER BY seq',
        [stream, after],
    )


def events_after(stream: str, after: int, limit: int = 1000) -> list[Stored]:
    """Events of one stream past a seq, in order, at most `limit`."""
    rows = sql.run(
        f'SELECT {_COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq>$2 ORDER BY seq LIMIT $3',
        [stream, after, limit],
    )
    return [Stored(stream, *row) for row in rows]


def events_before(stream: str, before: int, limit: int = 200) -> list[Stored]:
    """The last events of one stream before a seq, in order."""
    rows = sql.run(
        f'SELECT {_COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq<$2 ORDER BY seq DESC LIMIT $3',
        [stream, before, limit],
    )
    return [Stored(stream, *row) for row in reversed(rows)]


def event_at(stream: str, seq: int) -> Stored:
    found = events_after(stream, seq - 1, 1)
    if not found or found[0].seq != seq:
        raise UnknownStream(f"Event {seq} does not exist on this stream.", stream=stream)
    return found[0]


def events_at(stream: str, seqs: Sequence[int]) -> list[Stored]:
    """The events of one stream with these numbers, in order; those that do not exist are left out."""
    rows = sql.run(
        f'SELECT {_COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq=ANY($2::int8[]) ORDER BY seq',
        [stream, list(seqs)],
    )
    return [Stored(stream, *row) for row in rows]


def events_caused_by(stream: str, seqs: Sequence[int]) -> list[Stored]:
    """The events of one stream that name one of these as their cause, in order."""
    rows = sql.run(
        f'SELECT {_COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND cause=ANY($2::int8[]) '
        "AND seq>$3 ORDER BY seq",
        [stream, list(seqs), min(seqs, default=0)],
    )
    return [Stored(stream, *row) for row in rows]


def head_of(stream: str) -> int:
    rows = sql.run('SELECT head FROM "orchestrator_stream" WHERE id=$1::uuid', [stream])
    if not rows:
        raise UnknownStream(stream=stream)
    return int(rows[0][0])


class Cursor(NamedTuple):
    """A place across all streams. Transactions below it have all been seen."""

    tx: int = 0
    stream: str = "00000000-0000-0000-0000-000000000000"
    seq: int = 0


def read_since(cursor: Cursor, limit: int = 1000) -> tuple[list[Stored], Cursor]:
    """Events of all streams past a cursor, of finished transactions only: one that commits late is not skipped."""
    rows = sql.run(
        f'SELECT tx::text::int8, stream_id::text, {_COLUMNS} FROM "orchestrator_event" '
        "WHERE tx < pg_snapshot_xmin(pg_current_snapshot()) "
        "AND (tx, stream_id, seq) > ($1::text::xid8, $2::uuid, $3) ORDER BY tx, stream_id, seq LIMIT $4",
        [str(cursor.tx), cursor.stream, cursor.seq, limit],
    )
    found = [Stored(row[1], *row[2:]) for row in rows]
    return found, Cursor(rows[-1][0], rows[-1][1], rows[-1][2]) if rows else cursor


def latest_transaction() -> int:
    """The newest transaction that recorded anything, 0 when none did."""
    rows = sql.run('SELECT tx::text::int8 FROM "orchestrator_event" ORDER BY tx DESC LIMIT 1')
    return int(rows[0][0]) if rows else 0


def streams(kind: str | None = None, page: int = 1000) -> Iterator[tuple[str, str, int, bytes]]:
    """Every stream in the order of its id: id, kind, head, hash. Read page by page, so memory stays constant."""
    last: str | None = None
    while True:
        rows = sql.run(
            'SELECT id::text, kind, head, hash FROM "orchestrator_stream" WHERE ($1::text IS NULL OR kind=$1) '
            "AND ($2::uuid IS NULL OR id>$2) ORDER BY id LIMIT $3",
            [kind, last, page],
        )
        for id_, found, head, hash_ in rows:
            yield id_, found, head, bytes(hash_)
        if len(rows) < page:
            return
        last = rows[-1][0]


def walk(stream: str | None = None, page: int = 1000) -> Iterator[Stored]:
    """Every event of one stream or of all, stream after stream, in order. Read page by page."""
    place = (stream or Cursor().stream, 0)
    scope = "stream_id=$1::uuid AND seq>$2" if stream else "(stream_id, seq)>($1::uuid, $2)"
    text = (
        f'SELECT stream_id::text, {_COLUMNS} FROM "orchestrator_event" '
        f"WHERE {scope} ORDER BY stream_id, seq LIMIT $3"
    )
    while True:
        rows = sql.run(text, [*place, page])
        for row in rows:
            yield Stored(*row)
        if len(rows) < page:
            return
        place = (rows[-1][0], rows[-1][1])


def hashes_at(places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], bytes]:
    """The stored hashes of events by (stream, seq); those that do not exist are left out."""
    rows = sql.run(
        'SELECT e.stream_id::text, e.seq, e.hash FROM "orchestrator_event" e JOIN unnest($1::uuid[], $2::int8[]) '
        "AS p(stream_id, seq) ON e.stream_id=p.stream_id AND e.seq=p.seq",
        [[stream for stream, _ in places], [seq for _, seq in places]],
    )
    return {(stream, seq): bytes(hash_) for stream, seq, hash_ in rows}


def events_in(places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Stored]:
    """Events of any streams by (stream, seq), in one read; those that do not exist are left out."""
    rows = sql.run(
        f'SELECT e.stream_id::text, {_COLUMNS} FROM "orchestrator_event" e '
        "JOIN unnest($1::uuid[], $2::int8[]) AS p(of_stream, at_seq) ON e.stream_id=p.of_stream AND e.seq=p.at_seq",
        [[stream for stream, _ in places], [seq for _, seq in places]],
    )
    return {(row[0], row[1]): Stored(*row) for row in rows}


def causes_of(stream: str, seq: int, most: int) -> list[Stored]:
    """An event and what led to it, cause by cause, the event itself first; at most so many."""
    rows = sql.run(
        "WITH RECURSIVE back(at, depth) AS (SELECT $2::int8, 1 UNION ALL SELECT e.cause, b.depth+1 FROM back b "
        'JOIN "orchestrator_event" e ON e.stream_id=$1::uuid AND e.seq=b.at WHERE e.cause>0 AND e.cause<e.seq '
        f'AND b.depth<$3) SELECT {_COLUMNS} FROM "orchestrator_event" '
        "WHERE stream_id=$1::uuid AND seq IN (SELECT at FROM back) ORDER BY seq DESC",
        [stream, seq, most],
    )
    return [Stored(stream, *row) for row in rows]


def span(stream: str, since: dt.datetime | None, until: dt.datetime | None) -> tuple[int, int] | None:
    """The first and last seq of a stream's events within a time (`until` is not part of it), None without any."""
    rows = sql.run(
        'SELECT min(seq), max(seq) FROM "orchestrator_event" WHERE stream_id=$1::uuid '
        "AND ($2::timestamptz IS NULL OR occurred_at>=$2) AND ($3::timestamptz IS NULL OR occurred_at<$3)",
        [stream, since, until],
    )
    first, last = rows[0]
    return None if first is None else (int(first), int(last))


def remove(stream: str) -> None:
    """Take a whole stream off the log: its events, its snapshot, its row. Only retention may, and only after it
    has written where the stream stood. The row must be locked."""
    for table, column in (("event", "stream_id"), ("snapshot", "stream_id"), ("stream", "id")):
        sql.run(f'DELETE FROM "orchestrator_{table}" WHERE {column}=$1::uuid', [stream])
    forget(stream)


# ---- writing ----
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
