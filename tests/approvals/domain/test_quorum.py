"""Who may answer a request, and when enough people agree."""

from __future__ import annotations

import pytest

from approvals.domain import quorum
from approvals.domain.quorum import Answer, NotEligible, Reviewer, SelfSignOff
from approvals.domain.terms import Level
from orchestrator.domain import errors

REVIEWERS = (Level(name="reviewers", group="reviewer", need=1),)
FOUR_EYES = (Level(name="reviewers", group="reviewer", need=2),)
TWO_GROUPS = (Level(name="finance", group="finance", need=1), Level(name="risk", group="risk", need=1))
EXCLUDED = quorum.exclusions(started_by="olga", agent_owner="adam", on_behalf_of="bo")


def yes(person: str, *groups: str) -> Answer:
    return Answer(person=person, verb="approve", groups=frozenset(groups or ("reviewer",)))


def no(person: str) -> Answer:
    return Answer(person=person, verb="reject", groups=frozenset({"reviewer"}))


@pytest.mark.parametrize(
    ("levels", "answers", "outcome"),
    [
        (REVIEWERS, [], "pending"),
        (REVIEWERS, [yes("r1")], "approved"),
        (REVIEWERS, [no("r1")], "rejected"),
        (FOUR_EYES, [yes("r1")], "pending"),
        (FOUR_EYES, [yes("r1"), yes("r1")], "pending"),
        (FOUR_EYES, [yes("r1"), yes("r2")], "approved"),
        (FOUR_EYES, [yes("r1"), no("r2")], "rejected"),
        (TWO_GROUPS, [yes("r1", "finance")], "pending"),
        (TWO_GROUPS, [yes("r1", "finance", "risk")], "pending"),
        (TWO_GROUPS, [yes("r1", "finance"), yes("r2", "finance")], "pending"),
        (TWO_GROUPS, [yes("r1", "finance", "risk"), yes("r2", "finance")], "approved"),
        (TWO_GROUPS, [yes("r2", "finance"), yes("r1", "finance", "risk")], "approved"),
        (TWO_GROUPS, [yes("r1", "other")], "pending"),
        ((), [yes("r1")], "pending"),
    ],
)
def test_the_tally_of_each_case(levels, answers, outcome):
    assert quorum.tally(levels, answers).outcome == outcome


def test_the_tally_names_who_fills_which_level():
    found = quorum.tally(TWO_GROUPS, [yes("r1", "finance", "risk"), yes("r2", "finance")])

    assert found.filled == {"finance": ("r2",), "risk": ("r1",)}
    assert found.count == 2


@pytest.mark.parametrize("person", ["olga", "adam", "bo"])
def test_people_who_are_part_of_the_action_may_reject_but_not_approve(person):
    reviewer = Reviewer(person=person, groups=frozenset({"reviewer"}))

    quorum.check(reviewer, "reject", REVIEWERS, EXCLUDED)

    with pytest.raises(SelfSignOff, match=person):
        quorum.check(reviewer, "approve", REVIEWERS, EXCLUDED)


def test_an_excluded_person_outside_the_group_may_still_reject():
    olga = Reviewer(person="olga", groups=frozenset({"operator"}), may_sign_off=False)

    quorum.check(olga, "reject", REVIEWERS, EXCLUDED)


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.parametrize(
    ("reviewer", "code"),
    [
        (Reviewer(person="bot", groups=frozenset({"reviewer"}), is_service=True), "service_identity"),
        (Reviewer(person="r1", groups=frozenset({"reviewer"}), is_active=False), "inactive"),
        (Reviewer(person="r1", groups=frozenset({"reviewer"}), may_sign_off=False), "no_permission"),
        (Reviewer(person="r1", groups=frozenset({"operator"})), "not_in_group"),
    ],
)
def test_people_who_do_not_decide_are_told_why(verb, reviewer, code):
    with pytest.raises(NotEligible) as refused:
        quorum.check(reviewer, verb, REVIEWERS, EXCLUDED)

    assert refused.value.facts["code"] == code
    assert isinstance(refused.value, errors.NotPermitted)


def test_every_reason_of_one_person_is_told():
    excluded = quorum.exclusions(started_by="olga", agent_owner="olga")

    with pytest.raises(SelfSignOff, match="started the run and is accountable for the agent"):
        quorum.check(Reviewer(person="olga", groups=frozenset({"reviewer"})), "approve", REVIEWERS, excluded)


def test_nobody_is_excluded_under_an_empty_name():
    assert quorum.exclusions(started_by="", agent_owner="adam") == (
        quorum.Exclusion(person="adam", code="owns_agent", reason="is accountable for the agent"),
    )
