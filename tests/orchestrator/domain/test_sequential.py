"""The sequential chain, told step by step: verdicts, rework, tool loops, budgets, pauses."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from orchestrator.domain import commands as c
from orchestrator.domain import events as e
from orchestrator.domain.patterns.sequential import Sequential
from orchestrator.domain.specs import StageSpec
from orchestrator.domain.state import RunState
from tests.orchestrator.workflows import Story, seal, sealed, workflow


def statuses(state: RunState) -> list[str]:
    return [stage.status for stage in state.stages]


def last(story: Story, kind: type[e.Body]) -> e.Body:
    return next(event.body for event in reversed(story.events) if type(event.body) is kind)


def answer(story: Story, value: int = 1) -> None:
    story.reply(output={"n": value})


# ---- verdicts ----
def test_a_passed_stage_opens_the_next_and_the_last_one_ends_the_run() -> None:
    story = Story(workflow("one", "two"))
    answer(story, 1)
    assert story.judge() == ["stage.passed", "turn.requested"]
    assert statuses(story.state) == ["passed", "open"]
    answer(story, 2)
    assert story.judge() == ["stage.passed", "run.succeeded"]
    assert story.state.output is not None
    assert story.state.output.value() == {"n": 2}
    assert (story.wants, story.state.turns) == ([], {})


def test_an_output_is_invisible_to_the_next_stage_until_its_verdict_is_recorded() -> None:
    story = Story(workflow("one", "two"))
    answer(story)
    assert story.state.stage("one").output is None
    assert story.wants == ["validate t1"]
    story.judge()
    output = story.state.stage("one").output
    assert output is not None
    assert output.value() == {"n": 1}


def test_a_repairable_output_comes_back_with_its_failure_text_at_most_three_times() -> None:
    story = Story(workflow("one"))
    for number in (1, 2, 3):
        answer(story)
        assert story.judge("repairable", f"n is wrong ({number})") == ["stage.sent_back", "turn.requested"]
        turn = story.state.turns[story.turn]
        assert (turn.attempt, turn.number, turn.feedback) == (number + 1, 1, f"n is wrong ({number})")
    answer(story)
    assert story.judge("repairable", "still wrong") == ["stage.failed", "run.failed"]
    assert "after 3 repairs" in story.state.reason
    assert "still wrong" in story.state.reason


@pytest.mark.parametrize(("allowed", "tries"), [(0, 1), (1, 2), (3, 4), (9, 4)])
def test_a_stage_is_tried_once_more_than_it_may_be_repaired_and_never_more_than_four_times(
    allowed: int, tries: int
) -> None:
    story = Story(workflow(StageSpec(name="one", agent="worker", repairs=allowed)))
    while story.state.status == "running":
        answer(story)
        story.judge("repairable", "wrong")
    assert story.state.totals.turns == tries


def test_a_fatal_verdict_ends_the_run_with_its_text() -> None:
    story = Story(workflow("one", "two"))
    answer(story)
    assert story.judge("fatal", "The file is empty.") == ["stage.failed", "run.failed"]
    assert (story.state.status, story.state.is_fault) == ("failed", True)
    assert "The file is empty." in story.state.reason
    assert story.wants == []


def test_a_suspected_input_opens_the_stage_before_again_with_the_reason() -> None:
    story = Story(workflow("one", "two", "three"))
    for _ in range(2):
        answer(story)
        story.judge()
    answer(story)
    assert story.judge("upstream_suspect", "The totals do not add up.") == [
        "stage.sent_back",
        "turn.requested",
    ]
    assert statuses(story.state) == ["passed", "open", "waiting"]
    turn = story.state.turns[story.turn]
    assert (turn.stage, turn.attempt) == ("two", 2)
    assert "The totals do not add up." in turn.feedback
    assert story.state.stage("two").output is None


def test_rework_is_capped_over_the_whole_run() -> None:
    story = Story(workflow("one", "two", rework_cap=1))
    answer(story)
    story.judge()
    answer(story)
    story.judge("upstream_suspect", "Wrong.")
    answer(story)
    story.judge()
    answer(story)
    assert story.judge("upstream_suspect", "Wrong again.") == ["stage.failed", "run.failed"]
    assert "reworked 1 times at most" in story.state.reason


def test_the_first_stage_cannot_blame_one_before_it() -> None:
    story = Story(workflow("one"))
    answer(story)
    assert story.judge("upstream_suspect", "Bad input.") == ["stage.failed", "run.failed"]


def test_repairs_are_counted_anew_when_a_stage_is_opened_from_downstream() -> None:
    story = Story(workflow("one", "two"))
    answer(story)
    story.judge("repairable", "once")
    answer(story)
    story.judge()
    answer(story)
    story.judge("upstream_suspect", "Wrong.")
    assert story.state.stage("one").repairs == 0
    assert story.state.stage("one").attempt == 3


# ---- proposals and results ----
def test_proposals_that_come_with_an_output_are_invisible_before_the_verdict() -> None:
    story = Story()
    story.reply(output={"n": 1}, proposals=seal(["kept"]), actions=(sealed(story.spec),))
    assert story.state.actions == {}
    assert story.wants == ["validate t1"]
    assert story.judge("pass", "", sealed(story.spec)) == ["stage.passed", "action.proposed"]
    assert story.wants == ["assess a1"]


def test_proposals_of_an_output_that_did_not_pass_are_never_asked() -> None:
    story = Story()
    story.reply(output={"n": 1})
    story.judge("repairable", "wrong", sealed(story.spec))
    assert story.state.actions == {}


def test_a_stage_is_left_when_its_last_action_is_settled() -> None:
    story = Story(workflow("one", "two"))
    story.reply(output={"n": 1})
    story.judge("pass", "", sealed(story.spec, "t.look", "c1"), sealed(story.spec, "t.look", "c2"))
    assert story.result("a1") == ["action.executed"]
    assert story.result("a2") == ["action.executed", "turn.requested"]
    assert statuses(story.state) == ["passed", "open"]


def test_results_are_told_to_the_agent_that_waits_for_them() -> None:
    story = Story()
    story.propose("t.look", "t.pay")
    assert sorted(story.wants) == ["assess a2", "execute a1"]
    story.result("a1", {"found": 3})
    assert story.state.turns == {}
    assert story.assess("refuse", "a2") == ["action.refused", "turn.requested"]
    told = [(one.call_id, one.state, one.text) for one in story.state.settled]
    assert told == [("c1", "executed", ""), ("c2", "refused", "why")]
    assert story.state.settled[0].result.value() == {"found": 3}  # type: ignore[union-attr]
    answer(story)
    assert story.state.settled == ()


def test_results_of_a_stage_that_passed_are_told_to_nobody() -> None:
    story = Story(workflow("one", "two"))
    story.reply(output={"n": 1})
    story.judge("pass", "", sealed(story.spec, "t.look"))
    story.result("a1")
    assert story.state.turns[story.turn].stage == "two"
    assert story.state.settled == ()


def test_what_is_outside_the_scope_is_refused_at_once_and_the_agent_is_told() -> None:
    story = Story()
    added = story.reply(actions=(sealed(story.spec, "t.unknown"),))
    assert added == ["turn.completed", "action.proposed", "action.refused", "turn.requested"]
    assert story.state.settled[0].state == "refused"
    assert story.wants == ["turn t2"]


def test_malformed_arguments_are_refused_before_anybody_is_asked() -> None:
    story = Story()
    added = story.reply(actions=(sealed(story.spec, "t.pay", n="not a number"),))
    assert "action.refused" in added
    refusal = last(story, e.ActionRefused)
    assert refusal.source == "arguments"  # type: ignore[attr-defined]


def test_a_tool_that_only_reads_is_allowed_without_the_gate() -> None:
    story = Story()
    assert story.propose("t.look") == ["turn.completed", "action.proposed", "action.allowed"]
    assert story.wants == ["execute a1"]


def test_a_recalled_action_is_assessed_and_executed_as_new_effects() -> None:
    story = Story()
    story.propose("t.pay")
    first = story.want_list[0].key
    story.assess("hold")
    story.release()
    execute = story.want_list[0].key
    story.do(c.RecallAction, action="a1", reason="The policy became stricter.")
    assert (story.action.status, story.action.assessment) == ("proposed", 2)
    second = story.want_list[0].key
    story.assess("allow")
    assert len({first, execute, second, story.want_list[0].key}) == 4


@pytest.mark.parametrize(
    ("which", "ends"), [("two", "run.failed"), ("one", "run.succeeded")], ids=["its own", "another's"]
)
def test_a_stage_that_requires_its_actions_fails_over_its_own_refusals_alone(which: str, ends: str) -> None:
    stages = [
        StageSpec(name="one", agent="worker"),
        StageSpec(name="two", agent="worker", required_actions=True),
    ]
    story = Story(workflow(*stages))
    for stage in ("one", "two"):
        story.reply(output={"n": 1})
        asked = [sealed(story.spec)] if stage == which else []
        added = story.judge("pass", "", *asked)
        if asked:
            added = story.assess("refuse")
    assert added[-1] == ends


# ---- the tool loop ----
def test_a_reply_that_asks_for_more_gets_another_turn_of_the_same_try() -> None:
    story = Story()
    assert story.reply(more=True, note="thinking") == ["turn.completed", "turn.requested"]
    turn = story.state.turns[story.turn]
    assert (turn.attempt, turn.number) == (1, 2)


def test_the_transcript_comes_back_with_the_next_turn() -> None:
    story = Story()
    story.reply(more=True, transcript=seal({"said": 1}))
    turn = story.state.turns[story.turn]
    assert turn.transcript is not None
    assert turn.transcript.value() == {"said": 1}


def test_an_empty_reply_is_a_breach_that_is_told_to_the_agent() -> None:
    story = Story()
    assert story.reply() == ["turn.completed", "stage.sent_back", "turn.requested"]
    assert "neither an output nor an action" in story.state.turns[story.turn].feedback


def test_a_broken_contract_is_repaired_like_an_output_and_then_pauses_for_a_person() -> None:
    story = Story()
    for _ in range(3):
        added = story.do(c.RecordTurnFailure, turn=story.turn, retry="contract", text="Not JSON.")
        assert added == ["turn.failed", "stage.sent_back", "turn.requested"]
        assert story.state.turns[story.turn].feedback == "Not JSON."
    added = story.do(c.RecordTurnFailure, turn=story.turn, retry="contract", text="Not JSON.")
    assert added == ["turn.failed", "run.paused"]
    assert (story.state.is_fault, story.wants) == (True, [])
    story.resume()
    assert story.wants == ["turn t5"]


def test_the_budget_of_turns_pauses_and_a_resume_gives_as_many_again() -> None:
    story = Story(workflow("one", turns=2))
    story.reply(more=True)
    assert story.reply(more=True) == ["turn.completed", "budget.exhausted", "run.paused"]
    assert "used its 2 turns" in story.state.reason
    story.resume()
    turn = story.state.turns[story.turn]
    assert (turn.attempt, turn.number) == (2, 1)
    story.reply(more=True)
    assert story.reply(more=True)[-1] == "run.paused"


# ---- pause, resume ----
def test_an_answer_that_arrives_during_a_pause_is_kept_and_judged_after_it() -> None:
    story = Story()
    story.pause()
    assert story.wants == []
    answer(story)
    assert story.wants == []
    assert story.resume() == ["run.resumed"]
    assert story.wants == ["validate t1"]


def test_a_failure_that_arrives_during_a_pause_is_tried_again_after_it() -> None:
    story = Story()
    story.pause()
    story.do(c.RecordTurnFailure, turn="t1", retry="permanent", text="broken")
    assert story.resume() == ["run.resumed", "turn.requested"]


def test_a_verdict_that_arrives_during_a_pause_opens_nothing_before_the_resume() -> None:
    story = Story(workflow("one", "two"))
    answer(story)
    story.pause()
    assert story.judge() == ["stage.passed"]
    assert story.wants == []
    assert story.resume() == ["run.resumed", "turn.requested"]
    assert story.state.turns[story.turn].stage == "two"


def test_the_last_verdict_during_a_pause_ends_the_run_at_the_resume() -> None:
    story = Story()
    answer(story)
    story.pause()
    story.judge()
    assert story.state.status == "paused"
    assert story.resume() == ["run.resumed", "run.succeeded"]


def test_results_that_arrive_during_a_pause_are_told_after_it() -> None:
    story = Story()
    story.propose("t.look")
    story.pause()
    assert story.result() == ["action.executed"]
    assert story.resume() == ["run.resumed", "turn.requested"]
    assert [one.call_id for one in story.state.settled] == ["c1"]


def test_a_release_during_a_pause_is_executed_after_it() -> None:
    story = Story()
    story.propose("t.pay")
    story.assess("hold")
    story.pause()
    story.release()
    assert story.wants == []
    story.resume()
    assert story.wants == ["execute a1"]


def test_what_was_claimed_is_followed_through_a_pause_and_a_cancel() -> None:
    story = Story()
    story.propose("t.pay")
    story.assess("allow")
    story.claim()
    story.pause()
    assert story.wants == ["execute a1"]
    story.cancel()
    assert story.wants == ["execute a1"]
    assert story.result() == ["action.executed"]
    assert (story.state.status, story.state.totals.executed, story.wants) == ("cancelled", 1, [])


# ---- what an author is told ----
@pytest.mark.parametrize(
    ("stages", "fault"),
    [
        ([StageSpec(name="one", agent="nobody")], "names agent 'nobody'"),
        ([StageSpec(name="one", agent="worker"), StageSpec(name="one", agent="worker")], "Two stages"),
        ([StageSpec(name="one", agent="worker", repairs=4)], "must be 0 to 3"),
        ([StageSpec(name="one", agent="worker", inputs={"x": "two.n"})], "an earlier stage"),
        ([StageSpec(name="one", agent="worker", inputs={"x": "one"})], "an earlier stage"),
    ],
)
def test_an_impossible_workflow_is_told_to_its_author(stages: list[StageSpec], fault: str) -> None:
    (found,) = Sequential().faults(workflow(*stages))
    assert fault in found


def test_a_workflow_without_stages_is_impossible_and_a_sound_one_has_no_faults() -> None:
    assert Sequential().faults(replace(workflow(), stages=())) != []
    sound = workflow("one", StageSpec(name="two", agent="worker", inputs={"x": "one.n", "y": "run.files"}))
    assert Sequential().faults(sound) == []
