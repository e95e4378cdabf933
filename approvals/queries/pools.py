"""Who could answer a request now: the members of its groups, without those who are part of it or away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model

from approvals.domain import quorum, record
from approvals.domain.delegations import Delegation
from approvals.domain.eligibility import Reviewer, standing_in, stepping_in
from approvals.domain.terms import Level
from approvals.queries import delegations, people
from orchestrator.domain import errors

ADMINISTRATORS = "admin"


@dataclass(frozen=True)
class Pool:
    """Everybody who may approve, each as they would: for themselves, or for whom they decide."""

    reviewers: tuple[Reviewer, ...]

    def answers(self) -> list[quorum.Answer]:
        return [
            quorum.Answer(person=one.person, verb="approve", groups=one.groups, acting_for=one.acting_for)
            for one in self.reviewers
        ]

    def by_group(self, levels: Iterable[Level], without: Iterable[str] = ()) -> dict[str, list[str]]:
        """Names by group, without those who have answered."""
        gone = set(without)
        return {
            level.group: list(
                dict.fromkeys(
                    one.person
                    for one in self.reviewers
                    if level.group in one.groups and not gone & set(one.identities)
                )
            )
            for level in levels
        }


def pool(
    levels: Sequence[Level],
    excluded: Sequence[quorum.Exclusion],
    at: dt.datetime,
    *,
    also: Sequence[str] = (),
) -> Pool:
    """Who may approve at a moment. A person on leave counts only through whom they have decide.

    `also` are the groups to which the request went up: their members may fill any level.
    """
    groups = {level.group for level in levels} | set(also)
    members = get_user_model().objects.filter(groups__name__in=groups, is_active=True)
    given = delegations.in_force(at)
    names = [*members.values_list("username", flat=True).distinct(), *(one.delegate for one in given)]
    known = people.reviewers(sorted(filter(None, names)))
    away = {one.person for one in given if one.is_leave}
    found = [one for name, one in sorted(known.items()) if name not in away]
    found += [
        standing_in(known[one.delegate], known[one.person])
        for one in given
        if one.delegate and one.person in known and one.delegate not in away
    ]
    found = [stepping_in(one, levels, also) for one in found]
    return Pool(tuple(one for one in found if _may(one, levels, excluded)))


def capacities(person: Reviewer, at: dt.datetime) -> list[Reviewer]:
    """As whom a person may answer: themselves first, then each colleague who has them decide now."""
    given: list[Delegation] = [one for one in delegations.in_force(at) if one.delegate == person.person]
    known = people.reviewers(one.person for one in given) if given else {}
    return [person, *(standing_in(person, known[one.person]) for one in given)]


def awaited(found: record.Request, at: dt.datetime) -> dict[str, list[str]]:
    """By group, who could answer this request now and has not."""
    opened = found.opened
    answered = [name for one in found.standing for name in (one.reviewer, one.acting_for) if name]
    known = pool(opened.levels, opened.excluded, at, also=found.stepping_in)
    return known.by_group(opened.levels, answered)


def above(opened: record.Opened, at: dt.datetime) -> tuple[str, ...]:
    """Whom a request goes up to: those of its groups who may decide it; the administrators when there is nobody.

    Nobody who is part of the action is among the former.
    """
    groups = set(opened.escalate_to)
    known = pool(opened.levels, opened.excluded, at, also=opened.escalate_to).reviewers
    found = {one.person for one in known if groups & one.groups}
    return tuple(sorted(found)) or administrators()


def administrators() -> tuple[str, ...]:
    """Everybody who hears of what went wrong."""
    found = get_user_model().objects.filter(groups__name=ADMINISTRATORS, is_active=True)
    return tuple(sorted(found.values_list("username", flat=True)))


def _may(one: Reviewer, levels: Sequence[Level], excluded: Sequence[quorum.Exclusion]) -> bool:
    try:
        quorum.check(one, "approve", levels, excluded)
    except errors.NotPermitted:
        return False
    return True
