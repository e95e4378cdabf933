"""Whom an event is about, besides who acted: read from the fields that the system itself fills with people's names. Pure.

What agents write is never looked at: an agent could name anybody in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# By type, or by the noun that all types of a subject share: where the names stand, and as what somebody is named there.
# A path goes into objects by "."; a list on the way stands for each of its entries.
Paths = tuple[tuple[str, str], ...]
_PEOPLE: Paths = (("person", "whom it was done to"),)
_MEMBERS: Paths = (("added", "who joined"), ("removed", "who left"), ("members", "a member"))
_OWNER: Paths = (("owner", "accountable for it"),)
_GRANT: Paths = (
    ("grant.created_by", "who made the grant"),
    ("created_by", "who made the grant"),
    ("approved_by", "the second administrator"),
)
NAMED: Mapping[str, Paths] = {
    "run.started": (("started_by", "who started it"), ("on_behalf_of", "for whom it is done")),
    "action.released": (("sign_offs.who", "a sign-off"),),
    "action.refused": (("sign_offs.who", "a sign-off"),),
    "action.unconfirmed": (("assigned_to", "who must find out"),),
    "agent.published": _OWNER,
    "workflow.published": _OWNER,
    "request.opened": (
        ("started_by", "who started the run"),
        ("on_behalf_of", "for whom it is done"),
        ("agent_owner", "accountable for the agent"),
        ("excluded.person", "left out of approving"),
        ("editors", "who changed the call"),
    ),
    "request.signed": (("acting_for", "for whom it was answered"),),
    "request.reminded": (("people", "reminded"),),
    "request.escalated": (("people", "to whom it went up"),),
    "delegation.set": (
        ("delegation.person", "who does not decide meanwhile"),
        ("delegation.delegate", "who decides meanwhile"),
    ),
    "delegation.ended": (
        ("person", "who decides again"),
        ("delegate", "who decided meanwhile"),
    ),
    "token.created": (("person", "whose token it is"),),
    "person": _PEOPLE,
    "group": _MEMBERS,
    "grant": _GRANT,
}
MOST_PEOPLE = 200
MOST_LETTERS = 200


def acted(actor: str) -> str:
    """The person who acted; empty when it was an agent or the system."""
    kind, _, name = actor.partition(":")
    return name.partition("@")[0] if kind == "user" else ""


def named(type_: str, payload: Any) -> dict[str, tuple[str, ...]]:
    """Everybody whom a fact names, each with what they are in it, in the order in which they stand."""
    found: dict[str, tuple[str, ...]] = {}
    paths = NAMED.get(type_) or NAMED.get(type_.partition(".")[0], ())
    for path, words in paths:
        for name in _at(payload, path.split(".")):
            key = name.replace("\x00", "\ufffd")[:MOST_LETTERS]
            if key and words not in found.get(key, ()) and (key in found or len(found) < MOST_PEOPLE):
                found[key] = (*found.get(key, ()), words)
    return found


def part_in(person: str, *, actor: str, type_: str, payload: Any) -> str:
    """What this person has to do with an event, in words: that they acted, what it says of them, or both."""
    did = "acted" if acted(actor) == person else ""
    about = ", ".join(named(type_, payload).get(person, ()))
    return "; ".join(filter(None, (did, f"named: {about}" if about else "")))


def _at(value: Any, path: list[str]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif path:
        if isinstance(value, dict):
            yield from _at(value.get(path[0]), path[1:])
    elif isinstance(value, str):
        yield value
