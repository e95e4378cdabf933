"""Quorum: whether enough people of the right groups agree, level by level.

The levels are frozen on the request when it opens; who is a member of which group right now is given to it. A
person counts once over all levels, and so does a pair of a delegate and whom they decide for. Who changed the
payload never fills a quorum alone. One eligible rejection ends a request.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations_with_replacement, islice
from typing import Literal

import msgspec

from approvals.domain.eligibility import (
    Exclusion,
    NotEligible,
    Reviewer,
    SelfSignOff,
    Verb,
    check,
    exclusions,
    role_of,
)
from approvals.domain.terms import Level

__all__ = [
    "Answer",
    "Exclusion",
    "NotEligible",
    "Outcome",
    "Reviewer",
    "SelfSignOff",
    "Tally",
    "Verb",
    "check",
    "check_counts",
    "exclusions",
    "fills",
    "role_of",
    "short_after",
    "short_levels",
    "tally",
]

Outcome = Literal["pending", "approved", "rejected"]
# So many ways in which people could decide for others are tried; past them a quorum counts as out of reach.
MOST_CHOICES = 500


class NotOpenYet(NotEligible):
    """The level that you could fill is not open yet. It opens when the people before you have approved."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer's answer, with the groups they were in when they gave it, and for whom they decided."""

    person: str
    verb: Verb
    groups: frozenset[str] = frozenset()
    acting_for: str = ""

    @property
    def identities(self) -> frozenset[str]:
        return frozenset({self.person, self.acting_for} - {""})


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How far a quorum is: its outcome, and who fills each level, by the level's name.

    `open` are the levels that may be filled now, all of the lowest order that is not full.
    """

    outcome: Outcome
    filled: dict[str, tuple[str, ...]]
    open: tuple[Level, ...] = ()

    @property
    def count(self) -> int:
        return sum(map(len, self.filled.values()))


def tally(levels: Sequence[Level], answers: Iterable[Answer], editors: Iterable[str] = ()) -> Tally:
    """Where the quorum stands, with the answers in the order they were given.

    A level is counted when those before it are full. An answer was taken only while its level was open; it stands
    when a colleague's answer before it was taken back and another one came.
    """
    given = list(answers)
    if any(answer.verb == "reject" for answer in given):
        return Tally(outcome="rejected", filled={level.name: () for level in levels})
    changed = frozenset(editors)
    filled: dict[str, tuple[str, ...]] = {level.name: () for level in levels}
    counted: set[str] = set()
    may_have_changed = sum(level.need for level in levels) - 1
    for order in sorted({level.order for level in levels}):
        here = [level for level in levels if level.order == order]
        seats = [(level.name, level.group) for level in here for _ in range(level.need)]
        taken: dict[int, Answer] = {}
        for answer in given:
            is_editor = bool(answer.identities & changed)
            if (
                len(taken) == len(seats)
                or answer.identities & counted
                or (is_editor and may_have_changed < 1)
            ):
                continue
            if _seat(answer, seats, taken, set()):
                counted |= answer.identities
                may_have_changed -= is_editor
        for level in here:
            filled[level.name] = tuple(
                taken[seat].person
                for seat, (name, _) in enumerate(seats)
                if name == level.name and seat in taken
            )
        if len(taken) < len(seats):
            return Tally(outcome="pending", filled=filled, open=tuple(here))
    # No seat at all is a broken quorum, which nothing can fill.
    outcome: Outcome = "approved" if any(filled.values()) else "pending"
    return Tally(outcome=outcome, filled=filled)


def check_counts(
    answer: Answer,
    levels: Sequence[Level],
    given: Sequence[Answer],
    editors: Iterable[str] = (),
    awaited: Callable[[], Mapping[str, Sequence[str]]] = dict,
) -> None:
    """Raise unless this approval would bring the quorum nearer. `awaited` names by group who could answer now."""
    changed = frozenset(editors)
    stands = tally(levels, given, changed)
    if tally(levels, [*given, answer], changed).count > stands.count:
        return
    for one in given:
        if same := answer.identities & one.identities:
            name = sorted(same)[0]
            raise NotEligible(
                f"{name} has been counted with the answer of {one.person}; one person counts once.",
                code="counted_already",
            )
    if answer.identities & changed and any(level.group in answer.groups for level in stands.open):
        raise SelfSignOff(
            f"{sorted(answer.identities & changed)[0]} changed this action, so somebody else must approve it.",
            code="edited_payload",
        )
    waits = [level for level in stands.open if len(stands.filled[level.name]) < level.need]
    words = " and ".join(
        f"{level.name} ({len(stands.filled[level.name])} of {level.need})" for level in waits
    )
    known = awaited()
    names = list(dict.fromkeys(name for level in waits for name in known.get(level.group, ())))
    who = f" Awaited: {', '.join(names)}." if names else ""
    is_later = any(
        level.group in answer.groups and level.order > min((one.order for one in waits), default=0)
        for level in levels
    )
    if is_later:
        raise NotOpenYet(f"It is not your turn yet: {words} comes first.{who}", code="level_not_open")
    raise NotEligible(
        f"Enough people of your group have approved. It waits for {words}.{who}", code="level_full"
    )


def short_levels(
    levels: Sequence[Level], pool: Iterable[Answer], editors: Iterable[str] = ()
) -> tuple[str, ...]:
    """The levels that cannot be filled even if everybody in the pool approves; none when the quorum can be reached.

    Whether a person answers for themselves or for another is theirs to choose: each way of choosing is tried, the
    usual one first.
    """
    answers = list(pool)
    changed = frozenset(editors)
    own = {answer.person: answer for answer in reversed(answers) if not answer.acting_for}
    found: tuple[str, ...] | None = None
    for chosen in islice(_apart([answer for answer in answers if answer.acting_for]), MOST_CHOICES):
        busy = frozenset().union(*(answer.identities for answer in chosen))
        here = [*(own[name] for name in reversed(own) if name not in busy), *chosen]
        short = _short(levels, here, changed)
        if not short:
            return ()
        if found is None or len(short) < len(found):
            found = short
    assert found is not None  # nobody deciding for another is a choice as well
    return found


def fills(levels: Sequence[Level], answers: Iterable[Answer], editors: Iterable[str] = ()) -> bool:
    """Whether these approvals make the quorum, in whatever order they came. One without a seat is made by nothing."""
    has_seats = any(level.need > 0 for level in levels)
    return has_seats and not short_levels(levels, answers, editors)


def _apart(answers: Sequence[Answer]) -> Iterator[tuple[Answer, ...]]:
    """Every set of answers in which no person stands twice, smaller ones first."""
    waiting: deque[tuple[int, tuple[Answer, ...]]] = deque([(0, ())])
    while waiting:
        start, chosen = waiting.popleft()
        yield chosen
        busy = frozenset().union(*(one.identities for one in chosen))
        for place in range(start, len(answers)):
            if not busy & answers[place].identities:
                waiting.append((place + 1, (*chosen, answers[place])))


def _short(levels: Sequence[Level], answers: Iterable[Answer], changed: frozenset[str]) -> tuple[str, ...]:
    """The levels that these answers do not fill, no person standing in two of them; who changed it comes last."""
    seats = [(level.name, level.group) for level in levels for _ in range(level.need)]
    taken: dict[int, Answer] = {}
    left = len(seats) - 1
    for answer in sorted(answers, key=lambda one: bool(one.identities & changed)):
        is_editor = bool(answer.identities & changed)
        if not (is_editor and left < 1) and _seat(answer, seats, taken, set()):
            left -= is_editor
    return tuple(dict.fromkeys(name for seat, (name, _) in enumerate(seats) if seat not in taken))


def short_after(levels: Sequence[Level], pool: Iterable[frozenset[str]], spare: int) -> tuple[str, ...]:
    """The levels that cannot be filled once the worst `spare` people are excluded; `pool` gives each person's groups.

    People in the same groups are alike, so only whole kinds of people are tried.
    """
    groups = {level.group for level in levels}
    kinds = Counter(kind for one in pool if (kind := frozenset(one & groups)))
    for gone in combinations_with_replacement(sorted(kinds, key=sorted), min(spare, kinds.total())):
        left = kinds - Counter(gone)
        if any(gone.count(kind) > kinds[kind] for kind in gone):
            continue
        people = [
            Answer(person=str(at), verb="approve", groups=kind) for at, kind in enumerate(left.elements())
        ]
        if short := short_levels(levels, people):
            return short
    return ()


def _seat(answer: Answer, seats: list[tuple[str, str]], taken: dict[int, Answer], tried: set[int]) -> bool:
    """Give a person a seat, moving others to seats they could also take (augmenting path)."""
    for seat, (_, group) in enumerate(seats):
        if group not in answer.groups or seat in tried:
            continue
        tried.add(seat)
        if seat not in taken or _seat(taken[seat], seats, taken, tried):
            taken[seat] = answer
            return True
    return False
