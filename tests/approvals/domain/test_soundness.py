"""What keeps a policy from being published: a table of faults with the field where each stands."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from approvals.domain import quorum, soundness, terms, wording
from approvals.domain.terms import Clocks, Level, Rule

PEOPLE = {"reviewer": 3, "finance": 4, "risk": 4, "heads": 1}
SOUND = replace(terms.STRICT, title="Payments")
TWO = (Level(name="a", group="finance", need=1), Level(name="b", group="risk", need=1, order=1))


def rule(**changes: object) -> Rule:
    return Rule(**{"id": "r", "title": "R", "when": "money.moves", "then": "hold", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({}, "", ""),
        ({"levels": TWO}, "", ""),
        ({"levels": ()}, "levels", "at least one level"),
        ({"levels": (replace(TWO[0], need=3),)}, "levels.0.need", "so it needs 5"),
        (
            {"levels": (TWO[0], replace(TWO[1], group="empty"))},
            "levels.1.need",
            "The group empty has 0 active",
        ),
        ({"levels": (TWO[0], replace(TWO[0]))}, "levels.1.name", "a name of its own"),
        ({"levels": (TWO[0], replace(TWO[1], need=0))}, "levels.1.need", "1 to 10 people"),
        ({"levels": (replace(TWO[0], group=""),)}, "levels.0.group", "a name and a group"),
        (
            {"rules": (rule(levels=(TWO[0], replace(TWO[1], need=3))),)},
            "rules.0.levels.1.need",
            "so it needs 5",
        ),
        ({"escalate_to": ("heads",)}, "", ""),
        ({"escalate_to": ("empty",)}, "escalate_to", "no active person who may sign off"),
        ({"rules": (rule(escalate_to=("empty",)),)}, "rules.0.escalate_to", "no active person"),
        (
            {"rules": (rule(then="allow", escalate_to=("heads",)),)},
            "rules.0.levels",
            "Only a rule that holds",
        ),
        ({"rules": (rule(clocks=Clocks(decide_by=600, execute_by=60, escalate_after=60)),)}, "", ""),
        (
            {"rules": (rule(clocks=Clocks(decide_by=600, execute_by=60, escalate_after=600)),)},
            "rules.0.clocks.escalate_after",
            "before the time to decide is over",
        ),
        (
            {"clocks": {**terms.CLOCKS, "low": replace(terms.CLOCKS["low"], escalate_after=59)}},
            "clocks.low.escalate_after",
            "a minute at the earliest",
        ),
    ],
)
def test_a_fault_stands_at_its_field_and_says_what_to_do(changes, field, said):
    found = soundness.policy_faults(replace(SOUND, **changes), PEOPLE)

    assert [fault.field for fault in found][:1] == ([field] if field else [])
    assert not field or said in found[0].text


BOTH, FINANCE, RISK = frozenset({"finance", "risk"}), frozenset({"finance"}), frozenset({"risk"})


@pytest.mark.parametrize(
    ("levels", "people", "short"),
    [
        (TWO, [FINANCE] * 3 + [RISK] * 3, ()),
        (TWO, [BOTH] * 4, ()),
        (TWO, [BOTH] * 3, ("b",)),  # two are excluded, and one person counts once
        (TWO, [FINANCE] * 2 + [RISK] * 4, ("a",)),
        (TWO, [BOTH, BOTH, FINANCE, RISK], ()),
        (TWO, [BOTH, FINANCE, RISK, RISK], ("a",)),
        ((replace(TWO[0], need=2), replace(TWO[1], need=2)), [BOTH] * 5, ("b",)),
        ((replace(TWO[0], need=2), replace(TWO[1], need=2)), [BOTH] * 6, ()),
        (TWO, [], ("a", "b")),
    ],
)
def test_a_quorum_must_stand_whichever_two_people_are_excluded(levels, people, short):
    assert quorum.short_after(levels, people, 2) == short


def test_the_same_people_in_two_groups_do_not_count_twice_on_save():
    policy = replace(SOUND, levels=(replace(TWO[0], need=2), replace(TWO[1], need=2)))
    alone = soundness.policy_faults(policy, PEOPLE, pool=[FINANCE] * 4 + [RISK] * 4)
    shared = soundness.policy_faults(policy, PEOPLE, pool=[BOTH] * 4)

    assert alone == []
    assert [(fault.field, "A person counts once" in fault.text) for fault in shared] == [
        ("levels.1.need", True)
    ]


def test_the_words_say_the_order_of_levels_and_where_silence_goes():
    clocks = Clocks(decide_by=terms.LONGEST, execute_by=60, escalate_after=600)
    policy = replace(
        SOUND,
        levels=(*TWO, Level(name="c", group="heads", need=2, order=1)),
        escalate_to=("heads",),
        clocks={**terms.CLOCKS, "critical": replace(terms.CLOCKS["critical"], escalate_after=120)},
        rules=(rule(levels=TWO, escalate_to=("heads", "risk"), clocks=clocks),),
    )

    said = " ".join(line.text for line in wording.policy_in_words(policy))

    assert "needs 1 person of finance, then 1 person of risk and 2 people of heads." in said
    assert (
        "Silence goes up to heads after 2 minutes when it is critical, otherwise after four fifths of the time."
        in said
    )
    assert (
        "needs 1 person of finance, then 1 person of risk; silence goes up to heads or risk after 10 minutes"
        in said
    )
