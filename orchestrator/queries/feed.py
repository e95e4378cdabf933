"""The log across all streams, for those who tell others what happened: read past a place, in order, nothing skipped."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator import eventlog
from orchestrator.queries.events import EventCard, cards_of

LAST_STREAM = "ffffffff-ffff-ffff-ffff-ffffffffffff"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands in the log of all streams."""

    tx: int = 0
    stream: str = eventlog.Cursor().stream
    seq: int = 0


def since(place: Place, *, limit: int) -> tuple[tuple[EventCard, ...], Place]:
    """Events of finished transactions past a place, and the place after them."""
    found, cursor = eventlog.read_since(eventlog.Cursor(place.tx, place.stream, place.seq), limit)
    return cards_of(found), Place(cursor.tx, cursor.stream, cursor.seq)


def here() -> Place:
    """The place after everything that is recorded now."""
    return Place(eventlog.latest_transaction(), LAST_STREAM, 2**62)
