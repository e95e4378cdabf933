"""The fold: total over any sequence of facts, equal after a snapshot, and no larger after a long run."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.domain import digests
from orchestrator.domain import events as e
from orchestrator.domain.plan import plan
from orchestrator.domain.state import ACTION_STEPS, RunState, evolve, spec_from
from orchestrator.domain.validation import StageVerdict
from tests.orchestrator.domain.stories import SITUATIONS
from tests.orchestrator.workflows import STREAM, Story, seal, workflow

SPEC = digests.encode(workflow("one", "two"))
names = st.sampled_from(["one", "two", "nowhere", "t1", "t2", "a1", "a2", "worker", ""])
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: names,
    int: st.integers(0, 9),
    bool: st.booleans(),
    str | None: st.none() | st.just("0.10"),
    msgspec.Raw: st.just(msgspec.Raw(SPEC)),
    tuple[e.SignedBy, ...]: st.just(()),
}
CONTENTS = st.integers(0, 3).map(lambda n: seal({"n": n}))
RUN_EVENTS = [
    kind
    for name, kind in e.TYPES.items()
    if name.split(".")[0] in {"run", "turn", "stage", "belief", "budget", "action"}
]


def bodies(kind: type[e.Body]) -> st.SearchStrategy[e.Body]:
    """Any body of this kind, also one that no decision would make."""
    made = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "spec_digest":
            made[field.name] = st.just(digests.sha256(SPEC))
        elif field.type in VALUES:
            made[field.name] = VALUES[field.type]
        elif "Content" in str(field.type):
            made[field.name] = (CONTENTS | st.none()) if "None" in str(field.type) else CONTENTS
        else:
            assert "StageVerdict" in str(field.type), field
            made[field.name] = st.just(StageVerdict(outcome="pass"))
    return st.builds(kind, **made)


any_body = st.one_of([bodies(kind) for kind in RUN_EVENTS])


@settings(max_examples=200, deadline=None)
@given(st.lists(any_body, max_size=12), st.booleans())
def test_evolve_is_total_over_any_facts_and_plan_over_any_that_began(
    facts: list[e.Body], begins: bool
) -> None:
    state = RunState(STREAM)
    if begins:
        facts = [Story().events[0].body, *facts]
    for seq, body in enumerate(facts, start=1):
        state = evolve(state, e.Event(seq, seq, "system", 0, body))
        if begins:
            plan(state)
    assert state.seq == len(facts)


def test_a_fact_that_this_version_does_not_know_only_moves_the_sequence() -> None:
    state = Story().state
    later = evolve(
        state,
        e.Event(
            state.seq + 1,
            5,
            "system",
            0,
            e.Recorded(name="later.invented", version=1, payload=msgspec.Raw(b"{}")),
        ),
    )
    assert msgspec.structs.replace(later, seq=state.seq) == state


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_state_is_the_fold_of_the_stored_events(situation: str) -> None:
    story = SITUATIONS[situation]()
    folded = RunState(STREAM)
    for event in story.events:
        name, version = e.name_of(event.body)
        body = e.decode(name, version, e.encode(event.body))
        folded = evolve(folded, e.Event(event.seq, event.at, event.actor, event.cause, body))
    assert folded == story.state
    assert plan(folded) == plan(story.state)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_snapshot_comes_back_as_the_state_it_was(situation: str) -> None:
    state = SITUATIONS[situation]().state
    thawed = msgspec.json.decode(msgspec.json.encode(state), type=RunState)
    assert thawed == state
    assert plan(thawed) == plan(state)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_sequence_numbers_have_no_gap_and_causes_lie_before_their_effects(situation: str) -> None:
    recorded = SITUATIONS[situation]().events
    assert [event.seq for event in recorded] == list(range(1, len(recorded) + 1))
    assert all(0 <= event.cause < event.seq for event in recorded)


def test_the_state_of_a_long_run_is_no_larger_than_that_of_a_short_one() -> None:
    story = Story(workflow(turns=10**6))
    sizes = []
    for number in range(1, 2001):
        story.reply(more=True)
        if number in (200, 2000):
            sizes.append(len(msgspec.json.encode(story.state)))
    assert story.state.seq == 4002
    assert sizes[1] < sizes[0] * 1.1


def test_settled_actions_leave_the_state() -> None:
    story = Story(workflow(turns=1000))
    for _ in range(50):
        story.propose("t.look", "t.look")
        for action in list(story.state.actions):
            story.result(action)
    assert story.state.actions == {}
    assert len(story.state.settled) == 2


def test_every_open_status_has_its_steps_and_every_step_leads_somewhere_known() -> None:
    settled = {"executed", "failed", "refused", "voided"}
    assert {to for steps in ACTION_STEPS.values() for to in steps} <= set(ACTION_STEPS) | settled
    assert not settled & set(ACTION_STEPS)


def test_a_pinned_workflow_under_another_ones_digest_is_kept_for_nobody() -> None:
    honest, forged = (digests.encode(replace(workflow("one"), name=name)) for name in ("Honest", "Forged"))
    digest = digests.sha256(honest)
    assert spec_from(digest, forged).name == "Forged"
    assert spec_from(digest, honest).name == "Honest"
    assert spec_from(digest, forged).name == "Honest"
