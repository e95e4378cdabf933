"""Events as they were stored, read in order: of one stream, of places, across all streams past a cursor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from orchestrator import sql
from orchestrator.domain import errors
from orchestrator.domain import events as e


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


COLUMNS = "seq, type, version, actor, cause, occurred_at, payload::text, hash"


def tail(stream: str, after: int) -> list[tuple[Any, ...]]:
    """The rows of a stream past a seq, to be folded."""
    return sql.run(
        f'SELECT {COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq>$2 ORDER BY seq',
        [stream, after],
    )


def events_after(stream: str, after: int, limit: int = 1000) -> list[Stored]:
    """Events of one stream past a seq, in order, at most `limit`."""
    rows = sql.run(
        f'SELECT {COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq>$2 ORDER BY seq LIMIT $3',
        [stream, after, limit],
    )
    return [Stored(stream, *row) for row in rows]


def events_before(stream: str, before: int, limit: int = 200) -> list[Stored]:
    """The last events of one stream before a seq, in order."""
    rows = sql.run(
        f'SELECT {COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq<$2 ORDER BY seq DESC LIMIT $3',
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
        f'SELECT {COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND seq=ANY($2::int8[]) ORDER BY seq',
        [stream, list(seqs)],
    )
    return [Stored(stream, *row) for row in rows]


def events_caused_by(stream: str, seqs: Sequence[int]) -> list[Stored]:
    """The events of one stream that name one of these as their cause, in order."""
    rows = sql.run(
        f'SELECT {COLUMNS} FROM "orchestrator_event" WHERE stream_id=$1::uuid AND cause=ANY($2::int8[]) '
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
        f'SELECT tx::text::int8, stream_id::text, {COLUMNS} FROM "orchestrator_event" '
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
        f'SELECT stream_id::text, {COLUMNS} FROM "orchestrator_event" '
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
        f'SELECT e.stream_id::text, {COLUMNS} FROM "orchestrator_event" e '
        "JOIN unnest($1::uuid[], $2::int8[]) AS p(of_stream, at_seq) ON e.stream_id=p.of_stream AND e.seq=p.at_seq",
        [[stream for stream, _ in places], [seq for _, seq in places]],
    )
    return {(row[0], row[1]): Stored(*row) for row in rows}


def causes_of(stream: str, seq: int, most: int) -> list[Stored]:
    """An event and what led to it, cause by cause, the event itself first; at most so many."""
    rows = sql.run(
        "WITH RECURSIVE back(at, depth) AS (SELECT $2::int8, 1 UNION ALL SELECT e.cause, b.depth+1 FROM back b "
        'JOIN "orchestrator_event" e ON e.stream_id=$1::uuid AND e.seq=b.at WHERE e.cause>0 AND e.cause<e.seq '
        f'AND b.depth<$3) SELECT {COLUMNS} FROM "orchestrator_event" '
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
