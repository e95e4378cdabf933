"""What was done to a person or a group, and by whom: facts on a stream of their own, written with the change itself.

A stream of kind `people` belongs to one username, or to one group. No password, no code and no key ever stands on
it, nor how people are called: what can be taken off the record later must not be on it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.services import journal

KIND = "people"
SHOWN = 50
_AT_ONCE = 1000


@dataclasses.dataclass(frozen=True)
class HistoryLine:
    """One fact for the page: what happened, in words, who did it ("" is the system), when."""

    text: str
    by: str
    at: dt.datetime


@dataclasses.dataclass(frozen=True)
class History:
    """The newest facts first, and how many there are in all."""

    lines: list[HistoryLine]
    count: int


def stream_of_person(username: str) -> str:
    return journal.stream_for(KIND, f"person:{username}")


def stream_of_group(name: str) -> str:
    return journal.stream_for(KIND, f"group:{name}")


def note_person(username: str, fact: str, *, by: str, now: dt.datetime, **facts: Any) -> None:
    """Write `person.<fact>`. Call it inside the transaction that makes the change; `by` is a username or ""."""
    _note(stream_of_person(username), f"person.{fact}", {"person": username, **facts}, by, now)


def note_group(name: str, fact: str, *, by: str, now: dt.datetime, **facts: Any) -> None:
    """Write `group.<fact>`, as `note_person` does."""
    _note(stream_of_group(name), f"group.{fact}", {"group": name, **facts}, by, now)


def history_of_person(username: str) -> History:
    return _history(stream_of_person(username))


def history_of_group(name: str) -> History:
    return _history(stream_of_group(name))


def _note(stream: str, name: str, payload: Mapping[str, Any], by: str, now: dt.datetime) -> None:
    journal.record(
        kind=KIND, stream=stream, facts=[(name, payload)], by=f"user:{by}" if by else "system", now=now
    )


def _history(stream: str) -> History:
    lines: list[HistoryLine] = []
    seq, count = 0, 0
    while found := journal.facts(stream, seq, _AT_ONCE):
        seq, count = found[-1][0], count + len(found)
        fresh = [
            HistoryLine(_words(name, payload), actor.removeprefix("user:") if actor != "system" else "", at)
            for _, name, payload, actor, at in found[-SHOWN:]
        ]
        lines = [*lines, *fresh][-SHOWN:]
        if len(found) < _AT_ONCE:
            break
    return History(lines[::-1], count)


def _words(name: str, payload: Mapping[str, Any]) -> str:
    say = WORDS.get(name)
    return say(payload) if say else name.replace(".", " ").replace("_", " ")


def _listed(names: Any) -> str:
    return ", ".join(map(str, names or ())) or "none"


def _joined(fact: Mapping[str, Any]) -> str:
    added, removed = fact.get("added"), fact.get("removed")
    parts = [f"joined {_listed(added)}"] if added else []
    parts += [f"left {_listed(removed)}"] if removed else []
    return ("; ".join(parts) or "groups unchanged").capitalize()


def _members(fact: Mapping[str, Any]) -> str:
    added, removed = fact.get("added"), fact.get("removed")
    parts = [f"in: {_listed(added)}"] if added else []
    parts += [f"out: {_listed(removed)}"] if removed else []
    return "Members changed, " + "; ".join(parts)


def _places(fact: Mapping[str, Any]) -> str:
    count = int(fact.get("sessions") or 0)
    return f"Signed out at {count} place{'' if count == 1 else 's'}"


# As the history of one person or group says it, where whose it is stands above. The Audit page says who: see
# `monitoring.domain.people_words`.
WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "person.invited": lambda fact: f"Invited; roles: {_listed(fact.get('roles'))}",
    "person.roles_set": lambda fact: (
        f"Roles: {_listed(fact.get('roles'))}; before: {_listed(fact.get('before'))}"
    ),
    "person.groups_set": _joined,
    "person.password_reset": lambda fact: "Given a new password",
    "person.password_changed": lambda fact: "Changed their own password",
    "person.deactivated": lambda fact: "Deactivated",
    "person.activated": lambda fact: "Activated again",
    "person.signed_out": _places,
    "person.second_factor_added": lambda fact: f"Added {fact.get('factor')}",
    "person.second_factor_removed": lambda fact: f"Removed {fact.get('factor')}",
    "person.second_factor_reset": lambda fact: f"Second factor taken off: {_listed(fact.get('factors'))}",
    "person.mail_address_given": lambda fact: (
        f"Wrote a mail address at {fact.get('server')}, not confirmed yet"
    ),
    "person.mail_address_confirmed": lambda fact: f"Confirmed the mail address at {fact.get('server')}",
    "person.mail_address_removed": lambda fact: f"Took away the mail address at {fact.get('server')}",
    "person.mail_tested": lambda fact: f"Sent themselves a test mail, which was {fact.get('outcome')}",
    "person.recovery_codes_made": lambda fact: "Made recovery codes",
    "group.created": lambda fact: "Created",
    "group.members_set": _members,
    "group.retired": lambda fact: "Retired",
}
