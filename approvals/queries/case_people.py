"""Who decides a case: the levels of its quorum as they are filled, and who is left out and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from approvals.domain import quorum
from approvals.domain.terms import Level


@dataclass(frozen=True)
class LevelCard:
    """One level of the quorum: who has filled it, and how many are needed."""

    name: str
    group: str
    need: int
    have: int
    people: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True)
class ExcludedCard:
    """A person who may not approve, with all the reasons."""

    person: str
    reasons: str
    is_me: bool


def excluded_people(found: Iterable[quorum.Exclusion], me: str) -> tuple[ExcludedCard, ...]:
    """Each person once, with all their reasons."""
    reasons: dict[str, list[str]] = {}
    for one in found:
        reasons.setdefault(one.person, []).append(one.reason)
    return tuple(
        ExcludedCard(name, " and ".join(dict.fromkeys(listed)), name == me)
        for name, listed in reasons.items()
    )


def level_cards(levels: Iterable[Level], counted: quorum.Tally) -> tuple[LevelCard, ...]:
    """The levels in the policy's order, with who fills each."""
    return tuple(
        LevelCard(
            level.name,
            level.group,
            level.need,
            len(counted.filled[level.name]),
            counted.filled[level.name],
            level in counted.open,
        )
        for level in levels
    )
