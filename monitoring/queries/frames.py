"""Events as the browser's trace takes them: small dictionaries and frames of JSON. Read-only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from monitoring.domain import lines
from orchestrator.queries import EventCard
from orchestrator.queries import watching as queries

# At most this many events travel in one frame.
FRAME_EVENTS = 500


def trace_events(run: str, cards: Sequence[EventCard]) -> list[dict[str, Any]]:
    """The events of one run as lines, with two reads for all of their names."""
    names = queries.names_of(run, cards)
    return [_event(card, names) for card in cards]


def events_frame(run: str, head: int, cards: Sequence[EventCard]) -> str:
    """One frame for every socket that stands where these events begin."""
    return frame({"type": "events", "stream": f"run:{run}", "head": head, "events": trace_events(run, cards)})


def frame(content: dict[str, Any]) -> str:
    return msgspec.json.encode(content).decode()


def _event(card: EventCard, names: queries.Names) -> dict[str, Any]:
    line = lines.line_of(card.type, card.actor, card.body, names)
    return {
        "seq": card.seq,
        "type": card.type,
        "at": card.at.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "actor": card.actor,
        "cause": card.cause,
        "lane": line.lane,
        "kind": line.kind,
        "title": line.title,
        "detail": line.detail,
        "state": line.state,
    }
