"""One event for the drawer: what happened, why, what went in and came out, and its raw record."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from monitoring.domain import lines
from orchestrator.domain import events as e
from orchestrator.domain.content import Content
from orchestrator.domain.validation import StageVerdict
from orchestrator.queries import EventCard, Shown
from orchestrator.queries import watching as queries


@dataclass(frozen=True)
class Link:
    """Another event that this one came from or led to."""

    seq: int
    title: str
    state: str


@dataclass(frozen=True)
class Part:
    """One piece of content that the event carries."""

    name: str
    label: str
    shown: Shown


@dataclass(frozen=True)
class EventPage:
    event: EventCard
    line: lines.Line
    who: str
    cause: Link | None
    led_to: tuple[Link, ...]
    more_led_to: int
    given: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    texts: tuple[tuple[str, str], ...]
    verdict: StageVerdict | None
    sign_offs: tuple[e.SignedBy, ...]
    raw: str


LABELS = {
    "input": "Input of the run",
    "output": "Output",
    "arguments": "Arguments",
    "result": "Result",
    "evidence": "Evidence",
    "assertions": "Assertions",
    "proposals": "Proposed actions",
    "transcript": "Transcript",
}
# What people or agents wrote at length: shown whole in the drawer, quoted short in the line.
TEXTS = {
    "reason": "Reason",
    "text": "What happened",
    "feedback": "Feedback to the agent",
    "note": "The agent’s note",
    "explanation": "Why",
}
MOST_LINKS = 12
SHOWN_BYTES = 16 * 1024


def event_page(run: str, seq: int) -> EventPage:
    """Raises UnknownStream when there is no such event."""
    event = queries.event_at(run, seq)
    around = queries.around(run, event)
    names = queries.names_of(run, [event, *around])
    links = [_link(card, names) for card in around]
    cause = next((link for link in links if link.seq == event.cause), None)
    led_to = [link for link in links if link.seq != event.cause]
    body = event.body
    verdict = getattr(body, "verdict", None)
    return EventPage(
        event=event,
        line=lines.line_of(event.type, event.actor, body, names),
        who=lines.actor_words(event.actor),
        cause=cause,
        led_to=tuple(led_to[:MOST_LINKS]),
        more_led_to=max(0, len(led_to) - MOST_LINKS),
        given=queries.given_to(run, body.stage) if isinstance(body, e.TurnRequested) else (),
        parts=tuple(_parts(body)),
        texts=tuple(
            (label, str(getattr(body, name))) for name, label in TEXTS.items() if getattr(body, name, "")
        ),
        verdict=verdict if isinstance(verdict, StageVerdict) else None,
        sign_offs=tuple(getattr(body, "sign_offs", ())),
        raw=_raw(event.payload),
    )


def content_of(run: str, seq: int, name: str) -> Content | None:
    """The content that an event carries under a name."""
    found = getattr(queries.event_at(run, seq).body, name, None) if name in LABELS else None
    return found if isinstance(found, Content) else None


def _parts(body: e.Body) -> list[Part]:
    return [
        Part(name, label, queries.shown(found, limit=SHOWN_BYTES))
        for name, label in LABELS.items()
        if isinstance(found := getattr(body, name, None), Content)
    ]


def _link(card: EventCard, names: queries.Names) -> Link:
    line = lines.line_of(card.type, card.actor, card.body, names)
    return Link(card.seq, line.title, line.state)


def _raw(payload: str) -> str:
    """The stored record, indented. It is bounded by what one event may carry."""
    try:
        return msgspec.json.format(payload.encode(), indent=2).decode()
    except msgspec.DecodeError:
        return payload
