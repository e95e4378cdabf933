"""Events as cards, with the names that a line about them needs; read once for a whole page, never per row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from orchestrator import eventlog, models, sql
from orchestrator.domain import events as e
from orchestrator.domain.state import RunState

# How far a chain of causes is followed back from an action.
MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class EventCard:
    """One fact of a stream. `payload` is its stored JSON text, `hash` hexadecimal."""

    stream: str
    seq: int
    type: str
    version: int
    actor: str
    cause: int
    at: dt.datetime
    payload: str
    hash: str
    body: e.Body


@dataclass(frozen=True, slots=True)
class TurnName:
    agent: str
    stage: str


@dataclass(frozen=True, slots=True)
class ActionName:
    agent: str
    tool: str
    target: str
    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class Names:
    """Who is meant by the turns and actions that events name only by id."""

    turns: Mapping[str, TurnName] = field(default_factory=dict)
    actions: Mapping[str, ActionName] = field(default_factory=dict)


def events_after(run: str, after: int, *, limit: int = 500) -> tuple[EventCard, ...]:
    return cards_of(eventlog.events_after(run, after, limit))


def events_before(run: str, before: int, *, limit: int = 200) -> tuple[EventCard, ...]:
    return cards_of(eventlog.events_before(run, before, limit))


def event_at(run: str, seq: int) -> EventCard:
    """Raises UnknownStream when there is no such event."""
    return cards_of([eventlog.event_at(run, seq)])[0]


def around(run: str, event: EventCard) -> tuple[EventCard, ...]:
    """What led to an event and what it led to, in two reads."""
    before = eventlog.events_at(run, [event.cause]) if event.cause else []
    return cards_of([*before, *eventlog.events_caused_by(run, [event.seq])])


def given_to(run: str, stage: str) -> tuple[tuple[str, str], ...]:
    """What a stage's agent is shown: (name it sees, where it comes from)."""
    state: RunState = eventlog.load(run).state
    found = next((one for one in state.spec.stages if one.name == stage), None)
    return tuple(found.inputs.items()) if found is not None else ()


def chains(run: str, proposed: Iterable[int]) -> dict[int, tuple[EventCard, ...]]:
    """For each action (by the seq of its proposal) what led to it and what became of it, in order.

    Led to it: the causes back to the start of the run. Became of it: every event that names the proposal as its
    cause. A fixed number of reads, however many actions.
    """
    wanted = set(proposed)
    if not wanted:
        return {}
    known = {card.seq: card for card in cards_of(eventlog.events_caused_by(run, sorted(wanted)))}
    followed = {seq: [card for card in known.values() if card.cause == seq] for seq in wanted}
    missing = set(wanted)
    for _ in range(MOST_STEPS):
        missing -= known.keys()
        if not missing:
            break
        found = cards_of(eventlog.events_at(run, sorted(missing)))
        known.update((card.seq, card) for card in found)
        missing = {card.cause for card in found if card.cause}
    start = known.get(1) or next(iter(cards_of(eventlog.events_at(run, [1]))), None)
    answer = {}
    for seq in wanted:
        before: list[EventCard] = []
        at = seq
        while at in known and len(before) <= MOST_STEPS:
            card = known[at]
            before.append(card)
            if card.type == "turn.requested":
                break
            at = card.cause
        if start is not None and before and before[-1].seq != start.seq:
            before.append(start)
        answer[seq] = (*reversed(before), *sorted(followed[seq], key=lambda card: card.seq))
    return answer


def names_of(run: str, cards: Sequence[EventCard]) -> Names:
    """The names for these events, in at most two reads."""
    turns = {found for card in cards if (found := getattr(card.body, "turn", ""))}
    actions = {found for card in cards if (found := getattr(card.body, "action", ""))}
    turn_rows = (
        models.Turn.objects.filter(run_id=run, turn__in=turns).values_list("turn", "agent", "stage")
        if turns
        else ()
    )
    action_rows = (
        models.Action.objects.filter(run_id=run, action__in=actions).values_list(
            "action", "agent", "tool", "target", "amount", "currency"
        )
        if actions
        else ()
    )
    return Names(
        {turn: TurnName(agent, stage) for turn, agent, stage in turn_rows},
        {
            action: ActionName(agent, tool, target, plain_amount(amount), currency or "")
            for action, agent, tool, target, amount, currency in action_rows
        },
    )


def heads(streams: Sequence[str]) -> dict[str, int]:
    """Where these streams stand, in one read."""
    if not streams:
        return {}
    rows = sql.run(
        'SELECT id::text, head FROM "orchestrator_stream" WHERE id=ANY($1::text[]::uuid[])', [list(streams)]
    )
    return {stream: int(head) for stream, head in rows}


def kinds_of(streams: Sequence[str]) -> dict[str, str]:
    """The kinds of these streams, in one read."""
    if not streams:
        return {}
    rows = sql.run(
        'SELECT id::text, kind FROM "orchestrator_stream" WHERE id=ANY($1::text[]::uuid[])', [list(streams)]
    )
    return dict(rows)


def recorded() -> tuple[int, int]:
    """How many streams there are, and how many events on them."""
    rows = sql.run('SELECT count(*), coalesce(sum(head), 0)::int8 FROM "orchestrator_stream"')
    return int(rows[0][0]), int(rows[0][1])


def latest_transaction() -> int:
    """The newest transaction that recorded anything: when it moves, something has changed somewhere."""
    return eventlog.latest_transaction()


def cards_of(found: Iterable[eventlog.Stored]) -> tuple[EventCard, ...]:
    """Stored events as cards."""
    return tuple(
        EventCard(
            stream=stored.stream,
            seq=stored.seq,
            type=stored.type,
            version=stored.version,
            actor=stored.actor,
            cause=stored.cause,
            at=stored.occurred_at,
            payload=stored.payload,
            hash=bytes(stored.hash).hex(),
            body=_body(stored),
        )
        for stored in found
    )


def _body(stored: eventlog.Stored) -> e.Body:
    """The body, or, when somebody changed it in the database, a fact that nobody can read: pages still show it."""
    try:
        return stored.body
    except (msgspec.DecodeError, KeyError):
        return e.Recorded(name=stored.type, version=stored.version, payload=msgspec.Raw(b"{}"))


def plain_amount(amount: object) -> str:
    """An amount without the column's padding, with at least its cents."""
    if amount is None:
        return ""
    text = f"{amount:f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(2, "0")
    return f"{whole}.{decimals}"
