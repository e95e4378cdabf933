"""Delegations: bounded in time and length, never to oneself, never handed on, and never a way round an exclusion."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from approvals.domain import delegations, quorum
from approvals.domain.delegations import BadDelegation, Delegation
from approvals.domain.eligibility import Reviewer, standing_in
from approvals.domain.terms import Level

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
LEVELS = (Level(name="reviewers", group="reviewer", need=1),)


def day(count: float) -> dt.datetime:
    return NOW + dt.timedelta(days=count)


def given(
    person: str = "ann", delegate: str = "ben", start: float = 0, until: float = 5, **more: Any
) -> Delegation:
    return Delegation(
        id=f"{person}{delegate}", person=person, delegate=delegate, starts_at=day(start), until=day(until),
        set_by=person, set_at=NOW, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("new", "others", "words"),
    [
        (given(delegate=""), [], "Say who decides instead"),
        (given(delegate="ann"), [], "Nobody decides for themselves"),
        (given(start=5, until=5), [], "ends before it begins"),
        (given(start=-3, until=-1), [], "lies in the past"),
        (given(until=30.001), [], "30 days at most"),
        (given(), [given(delegate="cleo", start=4, until=9)], "has one from 27 Nov until 02 Dec already"),
        (
            given(),
            [given("ben", "cleo")],
            "ben has cleo decide in that time, and a delegation is not handed on",
        ),
        (
            given(),
            [given("zoe", "ann")],
            "ann decides for zoe in that time, and a delegation is not handed on",
        ),
        (given("ben", "ann"), [given()], "not handed on"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_the_reason(new, others, words):
    with pytest.raises(BadDelegation, match=words):
        delegations.check(new, others)


@pytest.mark.parametrize(
    ("new", "others"),
    [
        (given(), []),
        (given(until=30), []),
        (given(delegate="", is_leave=True), []),
        (given(), [given("zoe", "ben")]),
        (given(), [given("ben", "", is_leave=True)]),
        (given(), [given(delegate="cleo", start=5, until=9)]),
        (given(), [given("ben", "cleo", start=-9, until=0)]),
        (given(), [given(delegate="cleo", ended_at=NOW)]),
    ],
)
def test_what_is_within_bounds_passes(new, others):
    delegations.check(new, others)


@pytest.mark.parametrize(("moment", "holds"), [(-0.001, False), (0, True), (4.999, True), (5, False)])
def test_a_delegation_holds_from_its_beginning_until_its_end(moment, holds):
    assert given().is_in_force(day(moment)) is holds
    assert not given(ended_at=day(0)).is_in_force(day(moment))


@pytest.mark.parametrize(
    ("one", "person", "code"),
    [
        (given("olga", "ben"), "ben", "delegate"),
        (given("ann", "olga"), "ann", "delegator"),
        (given("ann", "adam"), "ann", "delegator"),
    ],
)
def test_both_ends_of_a_delegation_fall_with_an_excluded_person(one, person, code):
    found = quorum.exclusions(started_by="olga", agent_owner="adam", delegations=[one])

    assert (person, code) in [(each.person, each.code) for each in found]
    with pytest.raises(quorum.SelfSignOff):
        quorum.check(Reviewer(person=person, groups=frozenset({"reviewer"})), "approve", LEVELS, found)


def test_a_delegation_between_others_excludes_nobody():
    assert len(quorum.exclusions(started_by="olga", agent_owner="adam", delegations=[given()])) == 2


@pytest.mark.parametrize(
    ("delegate", "delegator", "may"),
    [
        ({}, {}, True),
        ({}, {"groups": frozenset({"other"})}, False),
        ({}, {"is_active": False}, False),
        ({"is_active": False}, {}, False),
        ({"may_sign_off": False}, {}, False),
        ({}, {"may_sign_off": False}, False),
        ({"is_service": True}, {}, False),
        ({}, {"is_service": True}, False),
        ({"person": "olga"}, {}, False),
        ({}, {"person": "olga"}, False),
    ],
)
def test_who_decides_for_another_needs_what_both_need(delegate, delegator, may):
    excluded = quorum.exclusions(started_by="olga", agent_owner="adam")
    who = standing_in(
        Reviewer(**{"person": "ben", **delegate}),
        Reviewer(**{"person": "ann", "groups": frozenset({"reviewer"}), **delegator}),
    )
    if may:
        quorum.check(who, "approve", LEVELS, excluded)
    else:
        with pytest.raises((quorum.NotEligible, quorum.SelfSignOff)):
            quorum.check(who, "approve", LEVELS, excluded)


def test_what_ended_stays_ended():
    first = delegations.DelegationEnded(id="annben", by="ann", at=day(1))
    later = delegations.DelegationEnded(id="annben", by="root", at=day(2))

    found = delegations.evolve(None, delegations.DelegationSet(delegation=given()))
    for fact in (first, later):
        assert delegations.decode(fact.TYPE, delegations.encode(fact)) == fact
        found = delegations.evolve(found, fact)

    assert found is not None
    assert (found.ended_at, found.ended_by) == (day(1), "ann")
