"""Two revisions of a policy compared: times in words, levels by their places, and no number that stands for "none"."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from approvals.domain.policy_changes import Laid, compare
from approvals.domain.terms import LONGEST, STRICT, Clocks, Level, Policy, Rule
from orchestrator.domain.differences import Change

ONE = Level(name="reviewers", group="reviewer", need=1)
LARGE = Rule(id="large", title="Large", when="money.amount > 100", then="hold")
RULED = replace(STRICT, rules=(LARGE,))
HOLDS_UP = Clocks(decide_by=LONGEST, execute_by=604_800, escalate_after=90 * 60)


def changes(before: Policy | None, after: Policy) -> list[Change]:
    return compare(before, after).changes


def with_clocks(clocks: Clocks | None) -> Policy:
    return replace(STRICT, rules=(replace(LARGE, clocks=clocks),))


def test_every_field_of_a_policy_is_compared() -> None:
    assert set(Laid.__struct_fields__) == set(Policy.__struct_fields__) - {"revision"}


def test_what_is_equal_differs_in_nothing_whatever_its_number() -> None:
    assert changes(RULED, replace(RULED, revision=7)) == []


def test_the_times_of_a_tier_are_words() -> None:
    clocks = {**STRICT.clocks, "high": Clocks(decide_by=7200, execute_by=901, escalate_after=3600)}
    assert changes(STRICT, replace(STRICT, clocks=clocks)) == [
        Change("Clocks, high, decide within", "4 hours", "2 hours", "changed"),
        Change("Clocks, high, run within", "15 minutes", "901 seconds", "changed"),
        Change(
            "Clocks, high, silence goes up",
            "after four fifths of the time",
            "after 1 hour",
            "changed",
        ),
    ]


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (None, HOLDS_UP, [("silence goes up", "as the policy says", "after 90 minutes")]),
        (HOLDS_UP, None, [("silence goes up", "after 90 minutes", "as the policy says")]),
        (
            HOLDS_UP,
            replace(HOLDS_UP, decide_by=900),
            [("decide within", "as the policy says", "15 minutes")],
        ),
        (None, replace(HOLDS_UP, escalate_after=0), []),
    ],
)
def test_what_a_rule_leaves_to_the_policy_is_said_so(before, after, changed) -> None:
    assert changes(with_clocks(before), with_clocks(after)) == [
        Change(f"Rules, large, clocks, {name}", was, now, "changed") for name, was, now in changed
    ]


def test_a_first_revision_says_no_time_that_it_does_not_set() -> None:
    said = {change.label: change.after for change in changes(None, with_clocks(HOLDS_UP))}
    assert said["Rules, large, clocks, silence goes up"] == "after 90 minutes"
    assert not [label for label in said if label.startswith("Rules, large, clocks, decide")]
    assert not [text for text in said.values() if "604800" in text or str(LONGEST) in text]


def test_two_levels_of_one_group_are_told_apart_by_their_places() -> None:
    two = replace(STRICT, levels=(ONE, replace(ONE, need=2, order=3)))
    found = changes(two, replace(two, levels=(ONE, replace(ONE, need=3, order=3))))
    assert found == [Change("Levels, Level 2 of 2: reviewers, need", "2", "3", "changed")]


def test_a_level_that_is_added_changes_nothing_of_the_first() -> None:
    later = replace(STRICT, levels=(ONE, Level(name="finance", group="finance", need=1, order=1)))
    where = "Levels, Level 2 of 2: finance"
    assert [change for change in changes(STRICT, later) if change.label.startswith(where)] == [
        Change(f"{where}, name", "", "finance", "added"),
        Change(f"{where}, group", "", "finance", "added"),
        Change(f"{where}, need", "", "1", "added"),
        Change(f"{where}, asked", "", "in step 2", "added"),
    ]
    assert len(changes(STRICT, later)) == 4
    assert {change.kind for change in changes(later, STRICT)} == {"removed"}


def test_a_level_under_another_name_and_in_another_step_is_the_same_place() -> None:
    two = replace(STRICT, levels=(ONE, replace(ONE, name="risk", group="risk", order=1)))
    later = replace(two, levels=(ONE, replace(ONE, name="safety", group="risk", order=0)))
    assert changes(two, later) == [
        Change("Levels, Level 2 of 2: safety, name", "risk", "safety", "changed"),
        Change("Levels, Level 2 of 2: safety, asked", "in step 2", "in step 1", "changed"),
    ]


def test_the_levels_of_a_rule_are_told_apart_as_well() -> None:
    twice = replace(LARGE, levels=(ONE, ONE))
    found = changes(RULED, replace(STRICT, rules=(twice,)))
    assert "Rules, large, levels, Level 2 of 2: reviewers, need" in {change.label for change in found}
