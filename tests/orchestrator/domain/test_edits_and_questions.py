"""What a person may change of a held action and ask about it, at every place of a run."""

from __future__ import annotations

import pytest

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.rules import edits, questions, shared
from tests.orchestrator.domain.stories import SITUATIONS
from tests.orchestrator.workflows import Story, sealed

EDITABLE = {"held", "paused_held"}
HAS_OPEN_ACTION = {
    *("proposed", "reading", "allowed", "held", "released", "claimed", "unconfirmed"),
    *("paused_held", "paused_claimed"),
}


def change(story: Story, seen: str = "", **arguments: object) -> list[str]:
    new = sealed(story.spec, "t.pay", "c1", **(arguments or {"n": 2}))
    known = story.state.actions.get("a1")
    return story.do(
        c.EditAction,
        by="user:rita",
        action="a1",
        seen_digest=seen or (known.digest if known else "d"),
        arguments=new.arguments,
        digest=new.digest,
        editor="rita",
        note="rita changed this call.",
        replaces="q1",
    )


def ask(story: Story, text: str = "Why?") -> list[str]:
    return story.do(c.AskAgent, by="user:rita", question="x1", action="a1", request="q1", text=text)


@pytest.mark.parametrize("place", SITUATIONS)
def test_only_what_waits_for_people_is_changed(place):
    story = SITUATIONS[place]()
    if place in EDITABLE:
        assert change(story) == ["action.edited"]
        assert (story.action.status, story.action.edited_by) == ("held", "rita")
        return
    with pytest.raises(errors.CountersignError):
        change(story)


def test_a_change_of_something_else_or_of_nothing_is_refused():
    story = SITUATIONS["held"]()

    with pytest.raises(shared.DigestMismatch):
        change(story, seen="0" * 64)
    with pytest.raises(edits.NothingChanged):
        change(story, n=1)


def test_the_release_of_the_original_does_not_fit_the_changed_action():
    story = SITUATIONS["held"]()
    original = story.action.digest
    change(story)

    with pytest.raises(shared.DigestMismatch):
        story.release(digest=original)
    assert story.release() == ["action.released"]


@pytest.mark.parametrize("end", ["executed", "failed", "refused"])
def test_the_agent_is_told_that_its_call_was_changed_whatever_became_of_it(end):
    story = SITUATIONS["held"]()
    change(story)
    if end == "refused":
        story.do(c.RefuseAction, action="a1", source="reviewer", reason="no")
    else:
        story.release()
        story.claim()
        story.result() if end == "executed" else story.do(c.RecordActionFailure, action="a1", text="bounced")

    (settled,) = story.state.settled
    assert settled.text.startswith("rita changed this call.")


@pytest.mark.parametrize("place", SITUATIONS)
def test_a_question_needs_an_open_action_and_changes_nothing_else(place):
    story = SITUATIONS[place]()
    before = set(story.wants)
    if place not in HAS_OPEN_ACTION:
        with pytest.raises(errors.CountersignError):
            ask(story)
        return
    assert ask(story) == ["question.asked"]
    added = [] if place.startswith("paused") else ["answer x1"]
    assert set(story.wants) == before | set(added)


def test_an_answer_is_taken_once_and_holds_nothing_up():
    story = SITUATIONS["held"]()
    ask(story)
    story.release()
    story.claim()
    assert story.result() == ["action.executed", "turn.requested"]

    assert story.do(c.RecordAnswer, question="x1", text="So.", model="m", cost="0.10") == [
        "question.answered"
    ]

    assert (story.state.questions, story.state.totals.cost) == ({}, "0.10")
    with pytest.raises(questions.AnsweredAlready):
        story.do(c.RecordAnswer, question="x1", text="Or so.")


def test_a_question_without_words_is_refused():
    with pytest.raises(shared.ReasonMissing):
        ask(SITUATIONS["held"](), " ")


def test_a_question_that_kills_its_workers_ends_without_an_answer_and_without_a_pause():
    story = SITUATIONS["held"]()
    ask(story)

    assert story.do(c.DeadLetter, kind="answer", subject="x1", text="Died.") == ["question.answered"]
    assert (story.state.status, story.state.questions) == ("running", {})


def test_questions_end_with_the_run():
    story = SITUATIONS["held"]()
    ask(story)
    story.cancel()

    assert (story.state.questions, story.wants) == ({}, [])
