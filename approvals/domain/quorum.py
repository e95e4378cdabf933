"""Quorum and eligibility: who may answer a request, and whether enough people of the right groups agree.

Both are frozen on the request when it opens. It owns the counting; who is a member of which group right now
is given to it. An excluded person may reject but never approve, and one eligible rejection ends a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from approvals.domain.terms import Level
from orchestrator.domain import errors

Verb = Literal["approve", "reject"]
Outcome = Literal["pending", "approved", "rejected"]


class SelfSignOff(errors.NotPermitted):
    """You may not approve this action, because you are part of it. You may reject it, or ask a colleague."""


class NotEligible(errors.NotPermitted):
    """You may not decide this request. Ask a member of the group that it waits for."""


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may not approve a request, and why: `code` for programs, `reason` for people."""

    person: str
    code: str
    reason: str


class Reviewer(msgspec.Struct, frozen=True, kw_only=True):
    """A person as they are at this moment. `may_sign_off` is the permission; a service is never a person."""

    person: str
    groups: frozenset[str] = frozenset()
    is_active: bool = True
    is_service: bool = False
    may_sign_off: bool = True


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer's answer, with the groups they were in when they gave it."""

    person: str
    verb: Verb
    groups: frozenset[str] = frozenset()


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How far a quorum is: its outcome, and who fills each level, by the level's name."""

    outcome: Outcome
    filled: dict[str, tuple[str, ...]]

    @property
    def count(self) -> int:
        return sum(map(len, self.filled.values()))


def exclusions(*, started_by: str, agent_owner: str, on_behalf_of: str = "") -> tuple[Exclusion, ...]:
    """The people who are part of an action. One person may be excluded for several reasons; all are kept."""
    found = (
        Exclusion(person=started_by, code="started_run", reason="started the run"),
        Exclusion(person=agent_owner, code="owns_agent", reason="is accountable for the agent"),
        Exclusion(person=on_behalf_of, code="on_behalf_of", reason="is the person the action is done for"),
    )
    return tuple(exclusion for exclusion in found if exclusion.person)


def check(reviewer: Reviewer, verb: Verb, levels: Sequence[Level], excluded: Iterable[Exclusion]) -> None:
    """Raise unless this person may give this answer: SelfSignOff when excluded, NotEligible otherwise."""
    if reviewer.is_service:
        raise NotEligible("A service account never decides; sign in as a person.", code="service_identity")
    if not reviewer.is_active:
        raise NotEligible("This account is deactivated, so it cannot decide.", code="inactive")
    reasons = [exclusion.reason for exclusion in excluded if exclusion.person == reviewer.person]
    if reasons and verb == "reject":
        return  # people may always stop what is done in their own name
    if reasons:
        why = " and ".join(dict.fromkeys(reasons))
        raise SelfSignOff(
            f"{reviewer.person} {why} and so may not approve this action. Reject it, or ask a colleague.",
            code="self",
        )
    if not reviewer.may_sign_off:
        raise NotEligible("Your role does not decide requests. Ask an administrator.", code="no_permission")
    if not any(level.group in reviewer.groups for level in levels):
        groups = " or ".join(dict.fromkeys(level.group for level in levels))
        raise NotEligible(
            f"This request waits for the group {groups}, and you are not in it.", code="not_in_group"
        )


def role_of(reviewer: Reviewer, levels: Sequence[Level], excluded: Iterable[Exclusion]) -> str:
    """In which role a person answers: the first level they may fill, or why they are part of the action."""
    for level in levels:
        if level.group in reviewer.groups:
            return level.name
    return next((exclusion.code for exclusion in excluded if exclusion.person == reviewer.person), "")


def tally(levels: Sequence[Level], answers: Iterable[Answer]) -> Tally:
    """Where the quorum stands. A person counts once over all levels, in the level where they help most."""
    given = list(answers)
    if any(answer.verb == "reject" for answer in given):
        return Tally(outcome="rejected", filled={level.name: () for level in levels})
    seats = [(level.name, level.group) for level in levels for _ in range(level.need)]
    taken: dict[int, Answer] = {}
    for answer in {answer.person: answer for answer in given}.values():
        _seat(answer, seats, taken, set())
    filled = {
        level.name: tuple(
            taken[seat].person for seat, (name, _) in enumerate(seats) if name == level.name and seat in taken
        )
        for level in levels
    }
    # No seat at all is a broken quorum, which nothing can fill.
    outcome: Outcome = "approved" if seats and len(taken) == len(seats) else "pending"
    return Tally(outcome=outcome, filled=filled)


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
