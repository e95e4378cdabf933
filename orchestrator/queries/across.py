"""Events of all streams: what is new past a place in the log, and events by their places, with the names they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator import eventlog, models
from orchestrator.domain import ids
from orchestrator.eventlog import Cursor
from orchestrator.queries.events import (
    ActionName,
    EventCard,
    Names,
    TurnName,
    cards_of,
    kinds_of,
    plain_amount,
)

__all__ = ["Cursor", "at_places", "causes_of", "led_to", "names_across", "recorded_since", "waiting_since"]


def recorded_since(cursor: Cursor, limit: int) -> tuple[tuple[tuple[str, EventCard], ...], Cursor]:
    """(kind of stream, event) past a place, of finished transactions only, and the place after them."""
    found, after = eventlog.read_since(cursor, limit)
    kinds = kinds_of(sorted({one.stream for one in found}))
    return tuple((kinds.get(card.stream, ""), card) for card in cards_of(found)), after


def waiting_since(cursor: Cursor) -> bool:
    """Whether more was recorded past a place, that can be read already."""
    return bool(eventlog.read_since(cursor, 1)[0])


def at_places(places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], EventCard]:
    """Events by (stream, seq), in one read; what is not there is left out."""
    found = eventlog.events_in(places)
    return dict(zip(found, cards_of(found.values()), strict=True))


def causes_of(stream: str, seq: int, *, most: int = 200) -> tuple[EventCard, ...]:
    """What led to an event, from the oldest cause to the event itself."""
    return tuple(reversed(cards_of(eventlog.causes_of(stream, seq, most))))


def led_to(stream: str, seqs: Sequence[int]) -> tuple[EventCard, ...]:
    """The events that name one of these as their cause, in order."""
    return cards_of(eventlog.events_caused_by(stream, seqs)) if seqs else ()


def names_across(cards: Sequence[EventCard]) -> Mapping[str, Names]:
    """For each stream the names that its events need, in at most two reads for all of them."""
    turns, actions = [], []
    for card in cards:
        if found := getattr(card.body, "turn", ""):
            turns.append(ids.row_id(card.stream, found))
        if found := getattr(card.body, "action", ""):
            actions.append(ids.row_id(card.stream, found))
    turn_names: dict[str, dict[str, TurnName]] = {}
    action_names: dict[str, dict[str, ActionName]] = {}
    if turns:
        rows = models.Turn.objects.filter(pk__in=turns).values_list("run_id", "turn", "agent", "stage")
        for run, turn, agent, stage in rows:
            turn_names.setdefault(str(run), {})[turn] = TurnName(agent, stage)
    if actions:
        for row in models.Action.objects.filter(pk__in=actions).values_list(
            "run_id", "action", "agent", "tool", "target", "amount", "currency"
        ):
            run, action, agent, tool, target, amount, currency = row
            name = ActionName(agent, tool, target, plain_amount(amount), currency or "")
            action_names.setdefault(str(run), {})[action] = name
    return {
        stream: Names(turn_names.get(stream, {}), action_names.get(stream, {}))
        for stream in {card.stream for card in cards}
    }
