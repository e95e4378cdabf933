"""Who may answer a request, as simply as it can be said: a few lists that are searched through in full.

The tests of a request's life compare the services with it. It shares no code with the product and has its shape of one
request only: a person of finance first, then two of risk; it may go up to the heads.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LEVELS = (("finance", 1), ("risk", 2))
NAMES = frozenset(name for name, _ in LEVELS)
NEED = sum(need for _, need in LEVELS)
GROUPS = {
    "fay": {"finance"},
    "finn": {"finance"},
    "rae": {"risk"},
    "ron": {"risk"},
    "both": {"finance", "risk"},
    "head": {"heads"},
    "deputy": set[str](),
    "operator": set[str](),
}
PEOPLE = tuple(GROUPS)
PART_OF_IT = ("operator", "admin")  # started the run, is accountable for its agent


class Said(NamedTuple):
    """Somebody's approval, for themselves or for another, with the groups by which it counts."""

    who: str
    instead_of: str
    groups: frozenset[str]

    @property
    def people(self) -> set[str]:
        return {self.who, self.instead_of} - {""}


class HandedOver(NamedTuple):
    """Somebody has another decide, or is away, or both."""

    who: str
    to: str
    is_away: bool


class Desk:
    """Who said yes to a request as it stands, who changed it, who has handed over, and who may speak now."""

    def __init__(self) -> None:
        self.handed_over: list[HandedOver] = []
        self.editors: set[str] = set()
        self.ask()

    def ask(self) -> None:
        """The request is put before people anew; who is part of it is as it is now."""
        self.said: list[Said] = []
        self.excluded = set(PART_OF_IT)
        for one in self.handed_over:
            if one.to and one.who in PART_OF_IT:
                self.excluded.add(one.to)
            if one.to in PART_OF_IT:
                self.excluded.add(one.who)
        self.is_up = False
        self.is_up = not self.can_be_reached()

    # ---- handing over ----
    def may_hand_over(self, who: str, to: str, is_away: bool) -> bool:
        chained = any(one.to and (one.who == to or one.to == who) for one in self.handed_over)
        is_twice = any(one.who == who for one in self.handed_over)
        return who != to and not is_twice and (not (to and chained)) and bool(to or is_away)

    def take_back(self, who: str) -> None:
        self.handed_over = [one for one in self.handed_over if one.who != who]

    # ---- who counts ----
    def groups(self, who: str) -> frozenset[str]:
        """The head counts for every level, once it went up."""
        return frozenset(GROUPS[who] | (NAMES if "heads" in GROUPS[who] and self.is_up else set()))

    def ways(self, who: str) -> Iterator[Said]:
        """Themselves first, then for each who has them decide, in the order in which they were asked to."""
        yield Said(who, "", self.groups(who))
        for one in self.handed_over:
            if one.to == who:
                yield Said(who, one.who, self.groups(one.who))

    def signed(self, who: str) -> bool:
        return any(one.who == who for one in self.said)

    def approval(self, who: str) -> Said | None:
        """The approval of this person that would bring the quorum nearer, if there is one."""
        if self.signed(who):
            return None
        for one in self.ways(who):
            if one.people & self.excluded:
                continue
            if len(self.seats([*self.said, one])) > len(self.seats(self.said)):
                return one
        return None

    def may_reject(self, who: str) -> bool:
        """Who is part of it stops it in their own name; anybody else needs a group of it."""
        speaks = who in self.excluded or any(one.groups & NAMES for one in self.ways(who))
        return speaks and not self.signed(who)

    def may_touch(self, who: str) -> bool:
        """Whether this person, in their own name, may change it."""
        return who not in self.excluded and bool(self.groups(who) & NAMES)

    def may_revoke(self, who: str) -> bool:
        return self.signed(who) or who in self.excluded or bool(self.groups(who) & NAMES)

    # ---- how far it is ----
    def seats(self, said: Iterable[Said]) -> list[Said]:
        """The answers that count: level by level, each person once, never all of them by who changed it."""
        taken: list[Said] = []
        for group, need in LEVELS:
            here = 0
            for one in said:
                changed = sum(bool(other.people & self.editors) for other in [*taken, one])
                if here < need and group in one.groups and _apart([*taken, one]) and changed < NEED:
                    taken.append(one)
                    here += 1
            if here < need:
                break
        return taken

    @property
    def is_complete(self) -> bool:
        return len(self.seats(self.said)) == NEED

    def can_be_reached(self) -> bool:
        """Whether some people who are here could make the quorum, tried one set after another."""
        away = {one.who for one in self.handed_over if one.is_away}
        here = [
            one
            for who in PEOPLE
            if who not in away
            for one in self.ways(who)
            if one.groups & NAMES and not one.people & self.excluded
        ]
        sets = itertools.permutations(here, NEED)
        return any(len(self.seats(one)) == NEED for one in sets)


def _apart(said: list[Said]) -> bool:
    """Whether no person stands in two of these."""
    return sum(len(one.people) for one in said) == len(set().union(*(one.people for one in said)))
