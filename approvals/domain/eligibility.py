"""Eligibility: who may answer a request at all, and who is kept from approving it, with the reasons.

The exclusions are stored on the request when it opens. An excluded person may reject but never approve, neither
themselves nor through anybody who decides for them, nor for anybody who asked them to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from approvals.domain.delegations import Delegation
from approvals.domain.terms import Level
from orchestrator.domain import errors

Verb = Literal["approve", "reject"]


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
    """A person as they are at this moment. `may_sign_off` is the permission; a service is never a person.

    `acting_for` names whom they decide for; the groups are then that person's.
    """

    person: str
    groups: frozenset[str] = frozenset()
    is_active: bool = True
    is_service: bool = False
    may_sign_off: bool = True
    acting_for: str = ""

    @property
    def identities(self) -> tuple[str, ...]:
        return (self.person, self.acting_for) if self.acting_for else (self.person,)


def standing_in(delegate: Reviewer, delegator: Reviewer) -> Reviewer:
    """The delegate as they decide for the delegator: with those groups, and only while both may decide at all."""
    return Reviewer(
        person=delegate.person,
        acting_for=delegator.person,
        groups=delegator.groups,
        is_active=delegate.is_active and delegator.is_active,
        is_service=delegate.is_service or delegator.is_service,
        may_sign_off=delegate.may_sign_off and delegator.may_sign_off,
    )


def stepping_in(reviewer: Reviewer, levels: Iterable[Level], groups: Iterable[str]) -> Reviewer:
    """A person as they count on a request that went up to `groups`: a member may fill any of its levels.

    It opens no other door: an exclusion, a missing permission and counting once stay what they are.
    """
    if reviewer.groups.isdisjoint(groups):
        return reviewer
    return replace(reviewer, groups=reviewer.groups | {level.group for level in levels})


def exclusions(
    *, started_by: str, agent_owner: str, on_behalf_of: str = "", delegations: Iterable[Delegation] = ()
) -> tuple[Exclusion, ...]:
    """The people who are part of an action. One person may be excluded for several reasons; all are kept.

    Both ends of a delegation fall together: who decides for an excluded person, and who has one decide for them.
    """
    found = [
        Exclusion(person=started_by, code="started_run", reason="started the run"),
        Exclusion(person=agent_owner, code="owns_agent", reason="is accountable for the agent"),
        Exclusion(person=on_behalf_of, code="on_behalf_of", reason="is the person the action is done for"),
    ]
    part = {one.person: one.reason for one in reversed(found) if one.person}
    for given in delegations:
        if given.person in part:
            reason = f"decides for {given.person}, who {part[given.person]}"
            found.append(Exclusion(person=given.delegate, code="delegate", reason=reason))
        if given.delegate in part:
            reason = f"has {given.delegate} decide for them, who {part[given.delegate]}"
            found.append(Exclusion(person=given.person, code="delegator", reason=reason))
    return tuple(exclusion for exclusion in found if exclusion.person)


def check(reviewer: Reviewer, verb: Verb, levels: Sequence[Level], excluded: Iterable[Exclusion]) -> None:
    """Raise unless this person may give this answer: SelfSignOff when excluded, NotEligible otherwise."""
    if reviewer.is_service:
        raise NotEligible("A service account never decides; sign in as a person.", code="service_identity")
    if not reviewer.is_active:
        raise NotEligible("This account is deactivated, so it cannot decide.", code="inactive")
    found = [exclusion for exclusion in excluded if exclusion.person in reviewer.identities]
    if verb == "reject" and any(one.person == reviewer.person for one in found):
        return  # people may always stop what is done in their own name
    if found and verb == "approve":
        person = found[0].person
        why = " and ".join(dict.fromkeys(one.reason for one in found if one.person == person))
        raise SelfSignOff(
            f"{person} {why} and so may not approve this action. Reject it, or ask a colleague.", code="self"
        )
    if not reviewer.may_sign_off:
        raise NotEligible(
            "Your role does not decide requests, only the reviewer’s does. Another administrator can give it to you.",
            code="no_permission",
        )
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
