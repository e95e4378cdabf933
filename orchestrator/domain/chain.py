"""Walks one stream's hash chain and names the first event that is not as it was written, and how.

It knows hashes, not rows. What only a signed checkpoint can show is the business of `services.verify`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from orchestrator.domain import digests
from orchestrator.domain import events as e

# How many of the events after a fault are looked at to say what happened.
WINDOW = 1000


class Link(NamedTuple):
    """An event as it is stored: `at` in whole microseconds, `payload` its stored bytes."""

    seq: int
    type: str
    version: int
    actor: str
    cause: int
    at: int
    payload: bytes
    hash: bytes


class Fault(NamedTuple):
    """The first bad event of a stream. `problem` is edited, deleted, inserted, reordered, cut tail or head."""

    seq: int
    problem: str
    text: str


def first_fault(stream: str, head: int, last: bytes, links: Iterable[Link]) -> Fault | None:
    """What is wrong with a stream whose row says that it ends at `head` with the hash `last`; None when sound."""
    rest = iter(links)
    previous = digests.GENESIS
    expected = 1
    for link in rest:
        if link.seq > head:
            return _beyond(stream, previous, link, head, expected)
        if link.seq != expected:
            return Fault(
                expected, "deleted", f"{_span(expected, link.seq - 1)} missing before event {link.seq}."
            )
        if _hash(stream, previous, link) != link.hash:
            return _explain(stream, previous, link, list(islice(rest, WINDOW)))
        previous = link.hash
        expected += 1
    if expected <= head:
        return Fault(expected, "cut tail", f"{_span(expected, head)} missing at the end of the stream.")
    if previous != last:
        return Fault(
            head,
            "edited",
            f"The stream's row names another hash than its last event: event {head} was rewritten together with "
            "its hash, or the row was changed.",
        )
    return None


def _beyond(stream: str, previous: bytes, link: Link, head: int, expected: int) -> Fault:
    if link.seq == expected and _hash(stream, previous, link) == link.hash:
        text = f"Event {link.seq} follows from the one before it, yet the stream's row ends at {head}: the row was changed."
        return Fault(link.seq, "head", text)
    if expected <= head:
        return Fault(expected, "deleted", f"{_span(expected, head)} missing before event {link.seq}.")
    return Fault(
        link.seq, "inserted", f"Event {link.seq} lies beyond the stream's head {head} and was never appended."
    )


def _explain(stream: str, previous: bytes, bad: Link, after: list[Link]) -> Fault:
    """What became of the event that should stand where `bad` stands."""
    place = bad.seq
    following = after[0] if after and after[0].seq == place + 1 else None
    if following is not None and _hash(stream, _hash(stream, previous, bad), following) == following.hash:
        return Fault(
            place,
            "edited",
            f"The stored hash of event {place} was overwritten; its content fits its neighbours.",
        )
    for at, link in enumerate(after):
        if _hash(stream, previous, link, seq=place) != link.hash:
            continue
        before = link.hash if at == 0 else after[at - 1].hash
        if _hash(stream, before, bad, seq=link.seq) == bad.hash:
            return Fault(place, "reordered", f"Events {place} and {link.seq} stand in each other's place.")
        return Fault(
            place, "inserted", f"Event {place} was put in; the event that belongs there stands at {link.seq}."
        )
    if following is not None:
        for missing in range(1, WINDOW):
            if _hash(stream, bad.hash, following, seq=following.seq + missing) == following.hash:
                text = f"{_span(place, place + missing - 1)} missing, and the later ones were given other numbers."
                return Fault(place, "deleted", text)
    text = f"Event {place} is not as it was written."
    if place > 1:
        text = (
            f"Event {place} does not follow from event {place - 1}: it was changed, or the one before it was "
            "changed together with its hash."
        )
    return Fault(place, "edited", text)


def _hash(stream: str, previous: bytes, link: Link, *, seq: int = 0) -> bytes:
    envelope = e.envelope(stream, seq or link.seq, link.type, link.version, link.actor, link.cause, link.at)
    return digests.link(previous, envelope, link.payload)


def _span(first: int, last: int) -> str:
    return f"Event {first} is" if first == last else f"Events {first} to {last} are"
