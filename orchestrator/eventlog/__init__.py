"""The one door to event rows: load a state, hand out the append's fragment, lock a stream, read since a cursor.

It refuses to decide anything.
"""

from orchestrator.eventlog.states import Entry, forget, keep, keep_snapshot, load, remember, unborn
from orchestrator.eventlog.stored import (
    EPOCH,
    Cursor,
    Stored,
    UnknownStream,
    causes_of,
    event_at,
    events_after,
    events_at,
    events_before,
    events_caused_by,
    events_in,
    hashes_at,
    head_of,
    latest_transaction,
    micros,
    read_since,
    span,
    streams,
    walk,
)
from orchestrator.eventlog.writing import fragment, lock, remove

__all__ = [
    "EPOCH",
    "Cursor",
    "Entry",
    "Stored",
    "UnknownStream",
    "causes_of",
    "event_at",
    "events_after",
    "events_at",
    "events_before",
    "events_caused_by",
    "events_in",
    "forget",
    "fragment",
    "hashes_at",
    "head_of",
    "keep",
    "keep_snapshot",
    "latest_transaction",
    "load",
    "lock",
    "micros",
    "read_since",
    "remember",
    "remove",
    "span",
    "streams",
    "unborn",
    "walk",
]
