"""Events to rows: pure, one row at a time, and the same whether an append or a rebuild asks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrator import projections
from orchestrator.domain import events as e
from orchestrator.domain.state import RunState, evolve
from tests.orchestrator.domain.stories import SITUATIONS
from tests.orchestrator.workflows import STREAM, Story

Rows = dict[tuple[str, Any], dict[str, Any]]


def folded(story: Story, batch: int) -> Rows:
    """The rows of a story, projected so many events at a time."""
    rows: Rows = {}
    state = RunState(STREAM)
    for start in range(0, len(story.events), batch):
        events = story.events[start : start + batch]
        before = state
        for event in events:
            state = evolve(state, event)
        for put in projections.rows(STREAM, events, before, state):
            assert put.is_new == ((put.table, put.key) not in rows)
            rows.setdefault((put.table, put.key), {}).update(put.columns)
    return rows


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "new"])
def test_the_rows_do_not_depend_on_how_the_events_were_batched(situation: str) -> None:
    story = SITUATIONS[situation]()
    whole = folded(story, 1000)
    for batch in (1, 2, 3):
        assert folded(story, batch) == whole


WAITS: dict[str, tuple[str, str]] = {
    "turn_open": ("running", ""),
    "turn_answered": ("running", ""),
    "proposed": ("running", ""),
    "held": ("waiting", "1 action to be decided"),
    "released": ("running", ""),
    "unconfirmed": ("waiting", "1 unconfirmed action to be settled"),
    "paused_held": ("paused", ""),
    "succeeded": ("succeeded", ""),
    "failed": ("failed", ""),
    "cancelled": ("cancelled", ""),
    "cancelled_claimed": ("cancelled", ""),
}


@pytest.mark.parametrize("situation", WAITS)
def test_a_run_says_what_it_waits_for(situation: str) -> None:
    run = folded(SITUATIONS[situation](), 1000)["run", STREAM]
    assert (run["state"], run["waits_for"]) == WAITS[situation]


def test_a_run_that_still_works_is_not_waiting() -> None:
    story = Story()
    story.propose("t.pay", "t.pay", "t.look")
    story.assess("hold", "a1")
    assert folded(story, 1000)["run", STREAM]["state"] == "running"
    story.assess("hold", "a2")
    story.result("a3")
    run = folded(story, 1000)["run", STREAM]
    assert (run["state"], run["waits_for"], run["held"]) == ("waiting", "2 actions to be decided", 2)


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "new"])
def test_the_row_of_an_action_stands_where_the_state_has_it(situation: str) -> None:
    story = SITUATIONS[situation]()
    rows = folded(story, 1000)
    for action in story.state.actions.values():
        assert rows["action", f"{STREAM}.{action.id}"]["state"] == action.status


def test_only_what_differs_is_written_of_a_runs_row() -> None:
    story = Story()
    before = story.state
    count = len(story.events)
    story.reply(more=True)
    puts = projections.rows(STREAM, story.events[count:], before, story.state)
    (run,) = [put for put in puts if put.table == "run"]
    assert set(run.columns) == {"changed_at", "head", "turns"}
    assert not run.is_new


def test_a_batch_gives_one_put_a_row() -> None:
    story = SITUATIONS["succeeded"]()
    puts = projections.rows(STREAM, story.events, RunState(STREAM), story.state)
    assert len({(put.table, put.key) for put in puts}) == len(puts)
    assert {put.table for put in puts} == {"run", "turn"}
    (turn,) = [put for put in puts if put.table == "turn"]
    assert turn.is_new
    assert (turn.columns["state"], turn.columns["outcome"]) == ("completed", "passed")


def test_the_time_of_a_row_is_the_time_of_its_event() -> None:
    at = 1_767_225_600_123_456
    assert projections.moment(at).isoformat() == "2026-01-01T00:00:00.123456+00:00"


def test_every_projected_event_is_one_that_the_log_knows() -> None:
    assert set(projections._PROJECT) <= set(e.TYPES.values())


def test_facts_of_other_apps_lead_to_no_rows_here() -> None:
    fact = e.Event(
        1, 1, "user:a", 0, e.Recorded(name="request.opened", version=1, payload=msgspec.Raw(b"{}"))
    )
    assert projections.rows(STREAM, [fact], None, None) == []


def test_text_that_a_column_cannot_hold_is_replaced() -> None:
    story = Story()
    before, count = story.state, len(story.events)
    story.reply(more=True, note="a\0b")
    puts = projections.rows(STREAM, story.events[count:], before, story.state)
    (turn,) = [put for put in puts if put.table == "turn" and put.key.endswith(".t1")]
    assert turn.columns["note"] == "a\ufffdb"
