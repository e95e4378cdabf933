"""What a run wants, place by place; and that a repeat is another effect while a retry is the same one."""

from __future__ import annotations

import pytest

from orchestrator.domain import commands as c
from orchestrator.domain import ids
from orchestrator.domain.plan import plan
from tests.orchestrator.domain.stories import SITUATIONS
from tests.orchestrator.workflows import Story, workflow

WANTED: dict[str, list[str]] = {
    "new": [],
    "turn_open": ["turn t1"],
    "turn_answered": ["validate t1"],
    "proposed": ["assess a1"],
    "reading": ["execute a1"],
    "allowed": ["execute a1"],
    "held": [],
    "released": ["execute a1"],
    "claimed": ["execute a1"],
    "unconfirmed": [],
    "paused_turn": [],
    "paused_held": [],
    "paused_claimed": ["execute a1"],
    "succeeded": [],
    "failed": [],
    "cancelled": [],
    "cancelled_claimed": ["execute a1"],
}


def keys(story: Story) -> set[str]:
    return set(plan(story.state))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_situation_wants_exactly_this(situation: str) -> None:
    assert SITUATIONS[situation]().wants == WANTED[situation]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_same_state_wants_the_same_effects(situation: str) -> None:
    story = SITUATIONS[situation]()
    assert plan(story.state) == plan(story.state)
    assert all(key == want.key for key, want in plan(story.state).items())


def test_each_turn_is_its_own_effect_also_when_nothing_about_it_differs() -> None:
    story = Story()
    seen = keys(story)
    for number in range(2, 10):
        story.reply(more=True)
        seen |= keys(story)
        assert len(seen) == number


def test_a_reopened_stage_with_the_same_output_is_judged_as_another_effect() -> None:
    story = Story()
    seen: set[str] = set()
    for number in (1, 2, 3, 4):
        story.reply(output={"n": 1})
        seen |= keys(story)
        assert len(seen) == number
        story.judge("repairable", "the same again")


def test_two_equal_actions_are_two_effects() -> None:
    story = Story()
    story.propose("t.pay", "t.pay")
    first, second = story.state.actions.values()
    assert len(keys(story)) == 2
    assert first.digest != second.digest or first.id != second.id


def test_a_pause_and_a_resume_want_the_same_effect_again() -> None:
    story = Story()
    before = keys(story)
    story.pause()
    story.resume()
    assert keys(story) == before


def test_a_claim_does_not_change_the_execution_that_it_belongs_to() -> None:
    story = SITUATIONS["released"]()
    before = keys(story)
    story.claim()
    assert keys(story) == before


def test_runs_do_not_share_effects() -> None:
    assert ids.effect_key("a", "turn", "t1", 1, "x") != ids.effect_key("b", "turn", "t1", 1, "x")


def test_an_isolated_agent_is_wanted_in_its_own_queue() -> None:
    story = Story(workflow(isolated=True))
    assert [want.queue for want in story.want_list] == ["isolated"]
    story.reply(output={"n": 1})
    assert [want.queue for want in story.want_list] == ["main"]


def test_a_held_action_holds_up_no_other() -> None:
    story = Story()
    story.propose("t.pay", "t.pay", "t.look")
    story.assess("hold", "a1")
    assert sorted(story.wants) == ["assess a2", "execute a3"]


def test_nothing_is_wanted_for_a_held_action_before_its_release() -> None:
    story = SITUATIONS["held"]()
    assert story.wants == []
    story.do(c.PauseRun, by="user:operator", reason="x")
    story.resume()
    assert story.wants == []
    story.release()
    assert story.wants == ["execute a1"]
