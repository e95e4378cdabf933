"""Delegations: a person has another decide for them for a while, or is on leave and nobody waits for them.

Bounds: at most 30 days, never to oneself, never further on. Both names stand on each answer that is given so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from orchestrator.domain import digests, errors

LONGEST = dt.timedelta(days=30)


class BadDelegation(errors.Refused):
    """This delegation cannot be made. Correct what is named and try again."""


class DelegationOver(errors.Refused):
    """This delegation has ended already; there is nothing to end."""


class Delegation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From when until when somebody does not decide themselves. `delegate` is empty when nobody does it for them.

    `is_leave` says that the person is away: they are not counted on and not reminded.
    """

    id: str
    person: str
    delegate: str = ""
    is_leave: bool = False
    starts_at: dt.datetime
    until: dt.datetime
    reason: str = ""
    set_by: str
    set_at: dt.datetime
    ended_at: dt.datetime | None = None
    ended_by: str = ""

    def is_in_force(self, at: dt.datetime) -> bool:
        return self.ended_at is None and self.starts_at <= at < self.until


class DelegationSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    TYPE: ClassVar[str] = "delegation.set"
    delegation: Delegation


class DelegationEnded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """It names whom it is about, so that the audit finds it by them. Facts from before say nothing of it."""

    TYPE: ClassVar[str] = "delegation.ended"
    id: str
    by: str
    at: dt.datetime
    person: str = ""
    delegate: str = ""


TYPES: dict[str, type[DelegationSet | DelegationEnded]] = {
    kind.TYPE: kind for kind in (DelegationSet, DelegationEnded)
}


def check(new: Delegation, others: Iterable[Delegation]) -> None:
    """Raise BadDelegation unless this one may be made beside the others, of which the ended are left out."""
    if not new.delegate and not new.is_leave:
        raise BadDelegation("Say who decides instead, or that it is leave, or both.", field="delegate")
    if new.delegate == new.person:
        raise BadDelegation(
            "Nobody decides for themselves by delegation. Choose a colleague.", field="delegate"
        )
    if new.until <= new.starts_at:
        raise BadDelegation("It ends before it begins. Give a later end.", field="until")
    if new.until <= new.set_at:
        raise BadDelegation("Its end lies in the past. Give a later end.", field="until")
    if new.until - new.starts_at > LONGEST:
        raise BadDelegation(f"It may last {LONGEST.days} days at most. Give an earlier end.", field="until")
    if new.set_by != new.person and not new.reason:
        raise BadDelegation("Say why: it is set for somebody else, and they read it.", field="reason")
    for old in others:
        if old.ended_at is not None or old.until <= new.starts_at or new.until <= old.starts_at:
            continue
        if old.person == new.person:
            raise BadDelegation(
                f"{old.person} has one from {old.starts_at:%d %b} until {old.until:%d %b} already. End it first.",
                field="until",
            )
        if new.delegate and old.delegate and old.person == new.delegate:
            raise BadDelegation(
                f"{new.delegate} has {old.delegate} decide in that time, and a delegation is not handed on.",
                field="delegate",
            )
        if new.delegate and old.delegate == new.person:
            raise BadDelegation(
                f"{new.person} decides for {old.person} in that time, and a delegation is not handed on.",
                field="delegate",
            )


def evolve(found: Delegation | None, fact: DelegationSet | DelegationEnded) -> Delegation | None:
    """The delegation after a fact. What ended once stays ended."""
    if isinstance(fact, DelegationSet):
        return found or fact.delegation
    if found is None or found.ended_at is not None:
        return found
    return replace(found, ended_at=fact.at, ended_by=fact.by)


def told(fact: DelegationSet | DelegationEnded, known: Delegation) -> tuple[str, ...]:
    """Who is told of it: those whom it concerns, but whoever did it themselves."""
    by = fact.delegation.set_by if isinstance(fact, DelegationSet) else fact.by
    return tuple(name for name in (known.person, known.delegate) if name and name != by)


def encode(fact: DelegationSet | DelegationEnded) -> bytes:
    return digests.encode(fact)


def decode(name: str, payload: bytes) -> DelegationSet | DelegationEnded | None:
    kind = TYPES.get(name)
    return None if kind is None else msgspec.json.decode(payload, type=kind)
