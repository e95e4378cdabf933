"""Who may answer a request, and when enough people agree."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.domain import quorum
from approvals.domain.quorum import Answer, NotEligible, Reviewer, SelfSignOff
from approvals.domain.terms import Level
from orchestrator.domain import errors

REVIEWERS = (Level(name="reviewers", group="reviewer", need=1),)
FOUR_EYES = (Level(name="reviewers", group="reviewer", need=2),)
TWO_GROUPS = (Level(name="finance", group="finance", need=1), Level(name="risk", group="risk", need=1))
STEPS = (
    Level(name="finance", group="finance", need=1),
    Level(name="risk", group="risk", need=1, order=1),
)
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


def answer(person: str, *groups: str, acting_for: str = "") -> Answer:
    return Answer(person=person, verb="approve", groups=frozenset(groups), acting_for=acting_for)


@pytest.mark.parametrize(
    ("answers", "outcome", "open_now"),
    [
        ([], "pending", ["finance"]),
        ([answer("f", "finance")], "pending", ["risk"]),
        ([answer("r", "risk")], "pending", ["finance"]),
        ([answer("f", "finance"), answer("r", "risk")], "approved", []),
        # an answer that was taken while its level was open stands when the level before it is filled anew
        ([answer("r", "risk"), answer("f", "finance")], "approved", []),
        ([answer("b", "finance", "risk"), answer("f", "finance")], "pending", ["risk"]),
        ([answer("f", "finance"), answer("f", "finance", "risk")], "pending", ["risk"]),
    ],
)
def test_a_level_opens_when_those_before_it_are_filled(answers, outcome, open_now):
    found = quorum.tally(STEPS, answers)

    assert found.outcome == outcome
    assert [level.name for level in found.open] == open_now


@pytest.mark.parametrize(
    ("levels", "given", "new", "editors", "code"),
    [
        (STEPS, [], answer("r", "risk"), (), "level_not_open"),
        (STEPS, [answer("f", "finance")], answer("f2", "finance"), (), "level_full"),
        (TWO_GROUPS, [answer("f", "finance")], answer("f2", "finance"), (), "level_full"),
        (FOUR_EYES, [answer("a", "reviewer")], answer("d", "reviewer", acting_for="a"), (), "counted_already"),
        (FOUR_EYES, [answer("d", "reviewer", acting_for="a")], answer("a", "reviewer"), (), "counted_already"),
        (REVIEWERS, [], answer("e", "reviewer"), ("e",), "edited_payload"),
        (REVIEWERS, [], answer("d", "reviewer", acting_for="e"), ("e",), "edited_payload"),
        (FOUR_EYES, [answer("e", "reviewer")], answer("g", "reviewer"), ("e", "g"), "edited_payload"),
    ],
)  # fmt: skip
def test_an_approval_that_brings_the_quorum_no_nearer_is_refused_with_the_reason(
    levels, given, new, editors, code
):
    with pytest.raises(errors.NotPermitted) as refused:
        quorum.check_counts(new, levels, given, editors)

    assert refused.value.facts["code"] == code


def test_who_is_awaited_is_named():
    with pytest.raises(quorum.NotOpenYet, match=r"finance \(0 of 1\) comes first\. Awaited: Ann, Ben\."):
        quorum.check_counts(
            answer("r", "risk"), STEPS, [], awaited=lambda: {"finance": ["Ann", "Ben"], "risk": ["Rita"]}
        )


@pytest.mark.parametrize(
    ("levels", "answers", "editors", "outcome"),
    [
        (REVIEWERS, [answer("e", "reviewer")], {"e"}, "pending"),
        (REVIEWERS, [answer("e", "reviewer"), answer("o", "reviewer")], {"e"}, "approved"),
        (FOUR_EYES, [answer("e", "reviewer"), answer("o", "reviewer")], {"e"}, "approved"),
        (FOUR_EYES, [answer("e", "reviewer"), answer("g", "reviewer")], {"e", "g"}, "pending"),
        (STEPS, [answer("e", "finance"), answer("g", "risk")], {"e", "g"}, "pending"),
        (STEPS, [answer("e", "finance"), answer("o", "risk")], {"e", "g"}, "approved"),
    ],
)
def test_who_changed_the_payload_never_approves_it_alone(levels, answers, editors, outcome):
    assert quorum.tally(levels, answers, editors).outcome == outcome


@pytest.mark.parametrize(
    ("levels", "pool", "editors", "short"),
    [
        (REVIEWERS, [], (), ("reviewers",)),
        (REVIEWERS, [answer("a", "reviewer")], (), ()),
        (REVIEWERS, [answer("a", "reviewer")], ("a",), ("reviewers",)),
        (FOUR_EYES, [answer("a", "reviewer")], (), ("reviewers",)),
        (FOUR_EYES, [answer("a", "reviewer"), answer("d", "reviewer", acting_for="a")], (), ("reviewers",)),
        (STEPS, [answer("a", "finance", "risk")], (), ("risk",)),
        (STEPS, [answer("a", "finance", "risk"), answer("b", "finance")], (), ()),
        (STEPS, [answer("b", "finance"), answer("a", "finance", "risk")], (), ()),
    ],
)
def test_a_quorum_that_nobody_could_reach_is_known(levels, pool, editors, short):
    assert quorum.short_levels(levels, pool, editors) == short


@pytest.mark.parametrize(
    ("levels", "pool", "short"),
    [
        # Ann is needed in Rita's place, since Ben can take her own.
        (STEPS, [answer("ann", "finance"), answer("ben", "finance"), answer("ann", "risk", acting_for="rita")], ()),
        (STEPS, [answer("ann", "finance"), answer("ann", "risk", acting_for="rita")], ("risk",)),
        # Dee decides for both, and stands once.
        (STEPS, [answer("dee", "finance", acting_for="ann"), answer("dee", "risk", acting_for="rita")], ("risk",)),
        (
            STEPS,
            [
                answer("dee", "finance", acting_for="ann"),
                answer("eve", "finance", acting_for="ben"),
                answer("dee", "risk", acting_for="rita"),
            ],
            (),
        ),
        # One person's answer, given twice, is one.
        (FOUR_EYES, [answer("a", "reviewer"), answer("a", "reviewer")], ("reviewers",)),
    ],
)  # fmt: skip
def test_a_person_is_counted_in_whichever_way_the_quorum_needs_them(levels, pool, short):
    assert quorum.short_levels(levels, pool) == short
    assert bool(quorum.short_levels(levels, pool[::-1])) == bool(short)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_out_of_reach_is_what_no_choice_of_people_fills(data):
    """Against every way of putting people on seats, tried in full."""
    levels = [Level(name=name, group=name, need=data.draw(st.integers(1, 2))) for name in ("finance", "risk")]
    people = ("ann", "ben", "dee", "eve")
    groups = st.frozensets(st.sampled_from(("finance", "risk")))
    pool = [
        quorum.Answer(person=name, verb="approve", groups=data.draw(groups))
        for name in people
    ] + [
        quorum.Answer(person=who, verb="approve", groups=data.draw(groups), acting_for=whom)
        for who, whom in data.draw(
            st.lists(st.tuples(st.sampled_from(people), st.sampled_from(("ann", "rita", "zoe"))), max_size=3)
        )
        if who != whom
    ]  # fmt: skip
    editors = data.draw(st.frozensets(st.sampled_from(people), max_size=2))
    seats = [level.group for level in levels for _ in range(level.need)]

    def sits(chosen: tuple[quorum.Answer, ...]) -> bool:
        names = [name for one in chosen for name in one.identities]
        return (
            all(group in one.groups for group, one in zip(seats, chosen, strict=True))
            and len(names) == len(set(names))
            and sum(bool(one.identities & editors) for one in chosen) < len(seats)
        )

    can = any(sits(chosen) for chosen in itertools.permutations(pool, len(seats)))
    assert quorum.fills(levels, pool, editors) == can


def test_many_who_have_one_person_decide_are_looked_at_in_bounded_time():
    pool = [answer("dee", "finance", acting_for=f"p{number}") for number in range(200)]
    pool += [answer(f"d{number}", "finance", acting_for=f"q{number}") for number in range(40)]
    assert quorum.short_levels(STEPS, pool) == ("risk",)


def test_a_quorum_without_a_seat_is_made_by_nothing():
    assert not quorum.fills([], [answer("a", "reviewer")])
