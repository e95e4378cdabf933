"""A worker's loop over real runs: what becomes of answers, failures, crashes, pauses and cancels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from orchestrator import engine, eventlog, models, outbox, ports
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.replies import Reply, Usage
from orchestrator.domain.specs import StageSpec
from orchestrator.ports import Verdict
from orchestrator.services import effects, executing, leases, perform, rebuild, release, replying
from orchestrator.services import runs as run_services
from tests.orchestrator import runs, workers
from tests.orchestrator.workers import World, asks
from tests.orchestrator.workflows import SIGNED, workflow

pytestmark = pytest.mark.django_db(transaction=True)
SPEC = workflow("one", turns=50, reference="tests.worker")


@pytest.fixture
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    fresh = World()
    monkeypatch.setattr(workers, "world", fresh)
    settings.COUNTERSIGN_GATE = "tests.orchestrator.workers.ByTool"
    ports.gate.cache_clear()
    yield fresh
    ports.gate.cache_clear()


@pytest.fixture(autouse=True)
def _exact_rows() -> Iterator[None]:
    """After each story the rows are what the log says."""
    yield
    assert [found.text for found in rebuild.differences()] == []


def work(run: str) -> int:
    """As a worker would, but waits that a failure asked for are over at once."""
    performed = 0
    while done := effects.advance_run(run=run):
        performed += done
        runs.due(run)
    return performed


def let_go(run: str, action: str = "a1") -> None:
    """People agree to a held action."""
    with transaction.atomic():
        release.lock(run=run)
        release.release(
            run=run,
            action=action,
            request="q1",
            digest=release.held_action(run=run, action=action).digest,
            policy="strict",
            policy_revision=1,
            sign_offs=SIGNED,
            by="user:reviewer",
            now=timezone.now(),
        )


def failing(failure: errors.PortFailure) -> Any:
    def answer(request: Any) -> Any:
        raise failure

    return answer


# ---- the way through ----
def test_a_run_goes_through_in_one_slice(world: World) -> None:
    run = runs.begin(SPEC)
    assert work(run) == 2
    assert runs.types_of(run) == [
        "run.started",
        "turn.requested",
        "turn.completed",
        "stage.passed",
        "run.succeeded",
    ]
    assert len(world.turns) == 1


def test_a_held_action_stops_nothing_else_and_is_executed_once_after_its_release(world: World) -> None:
    world.answer = asks("t.pay", "t.send", "t.look")
    run = runs.begin(SPEC)
    work(run)
    assert sorted(act.tool.name for act in world.acts) == ["t.look", "t.send"]
    assert world.held == ["a1"]
    row = models.Run.objects.get(id=run)
    assert (row.state, row.waits_for) == ("waiting", "1 action to be decided")
    let_go(run)
    work(run)
    assert [act.tool.name for act in world.acts].count("t.pay") == 1
    assert runs.types_of(run)[-1] == "run.succeeded"
    assert [result.state for result in world.turns[1].results] == ["executed"] * 3


def test_the_key_of_an_effect_is_the_idempotency_key_of_its_call(world: World) -> None:
    asking = asks("t.send")
    rows: list[str] = []

    def answer(turn: ports.TurnRequest) -> Reply:
        rows.append(runs.effect(run, turn.turn, "turn")["key"])
        return asking(turn)

    world.answer = answer
    run = runs.begin(SPEC)
    work(run)
    assert [turn.key for turn in world.turns] == rows
    assert world.acts[0].key == runs.effect(run, "a1", "execute")["key"]


def test_the_agent_is_told_why_its_action_was_refused_and_the_run_goes_on(world: World) -> None:
    world.answer = asks("t.pay")
    world.decisions["t.pay"] = "refuse"
    run = runs.begin(SPEC)
    work(run)
    (result,) = world.turns[1].results
    assert (result.state, result.text) == ("refused", "t.pay: refuse")
    row = models.Run.objects.get(id=run)
    assert (row.state, row.refused) == ("succeeded", 1)


def test_a_gate_that_fails_holds(world: World) -> None:
    def broken(facts: ports.ActionFacts) -> Verdict:
        raise RuntimeError("secret detail")

    world.answer = asks("t.send")
    world.assess = broken
    run = runs.begin(SPEC)
    work(run)
    action = runs.state_of(run).actions["a1"]
    assert (action.status, action.rule) == ("held", "gate-failure")
    assert "secret" not in action.explanation
    assert world.acts == []


def test_a_gate_that_is_not_configured_holds_everything(settings: Any, world: World) -> None:
    world.answer = asks("t.send")
    settings.COUNTERSIGN_GATE = ""
    ports.gate.cache_clear()
    run = runs.begin(SPEC)
    work(run)
    assert runs.state_of(run).actions["a1"].explanation == "No gate is configured, so nothing may proceed."


def test_a_hold_whose_request_cannot_be_opened_is_not_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Any, *_: Any, **__: Any) -> None:
        raise RuntimeError("no room")

    world.answer = asks("t.pay")
    monkeypatch.setattr(workers.ByTool, "held", fails)
    run = runs.begin(SPEC)
    effects.advance_run(run=run)
    assert runs.state_of(run).actions["a1"].status == "proposed"
    assert runs.effect(run, "a1")["state"] == "wanted"
    monkeypatch.undo()
    monkeypatch.setattr(workers, "world", world)


def test_a_release_that_no_longer_holds_is_assessed_anew(world: World) -> None:
    world.answer = asks("t.pay")
    run = runs.begin(SPEC)
    work(run)
    let_go(run)
    world.objection = "The policy became stricter."
    work(run)
    action = runs.state_of(run).actions["a1"]
    assert (action.status, action.assessment) == ("held", 2)
    assert world.acts == []
    world.objection = None
    let_go(run)
    work(run)
    assert [act.tool.name for act in world.acts] == ["t.pay"]


# ---- failures ----
def test_a_transient_failure_waits_longer_each_time_and_is_then_a_dead_letter(
    world: World, settings: Any
) -> None:
    settings.MAX_DISPATCHES = 4
    world.answer = failing(errors.PortFailure("The model is overloaded."))
    run = runs.begin(SPEC)
    waits = []
    for dispatches in (1, 2, 3):
        assert effects.advance_run(run=run) == 1
        row = runs.effect(run, "t1")
        assert (row["state"], row["dispatches"]) == ("wanted", dispatches)
        assert row["error"] == "The model is overloaded."
        waits.append(row["waits"].total_seconds())
        assert effects.advance_run(run=run) == 0
        runs.due(run)
    assert waits == sorted(waits)
    assert effects.advance_run(run=run) == 1
    assert runs.effect(run, "t1")["state"] == "dead"
    state = runs.state_of(run)
    assert (state.status, state.is_fault) == ("paused", True)
    assert "Tried 4 times" in state.reason
    assert len(world.turns) == 4


def test_a_wait_that_the_other_side_asked_for_is_kept(world: World) -> None:
    world.answer = failing(errors.PortFailure("Too many requests.", retry_after=90))
    run = runs.begin(SPEC)
    effects.advance_run(run=run)
    assert 80 < runs.effect(run, "t1")["waits"].total_seconds() <= 90


def test_a_broken_contract_goes_back_to_the_agent_with_its_text(world: World) -> None:
    world.answer = lambda turn: Reply(output={"n": 1}) if turn.feedback else Reply(output=float("nan"))
    run = runs.begin(SPEC)
    work(run)
    assert "NaN" in world.turns[1].feedback
    assert runs.state_of(run).status == "succeeded"


def test_an_agent_that_raises_pauses_the_run_for_a_person(world: World) -> None:
    def broken(turn: Any) -> Reply:
        raise ValueError("no\0 good")

    world.answer = broken
    run = runs.begin(SPEC)
    work(run)
    state = runs.state_of(run)
    assert (state.status, state.is_fault, "ValueError" in state.reason) == ("paused", True, True)
    world.answer = lambda turn: Reply(output={"n": 1})
    engine.submit(run, c.ResumeRun(actor="user:operator", at=runs.now()))
    work(run)
    assert runs.state_of(run).status == "succeeded"


def test_text_that_no_column_can_hold_stops_no_run(world: World) -> None:
    world.answer = failing(errors.PortFailure("half \ud800 and \0 nothing", retry="permanent"))
    run = runs.begin(SPEC)
    work(run)
    assert runs.state_of(run).status == "paused"


def test_a_worker_that_dies_again_and_again_is_a_dead_letter(world: World, settings: Any) -> None:
    settings.MAX_DISPATCHES = 3
    run = runs.begin(SPEC)
    for _ in range(3):
        runs.take(run, "a worker that dies")
        runs.expire(run)
    assert effects.advance_run(run=run) == 1
    assert world.turns == []
    assert "started 3 times and never finished" in runs.state_of(run).reason
    assert runs.effect(run, "t1")["state"] == "dead"


def test_an_unexpected_error_is_tried_again_and_never_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.begin(SPEC)
    with monkeypatch.context() as patch:
        patch.setattr(replying, "reply_command", lambda *_: 1 / 0)
        effects.advance_run(run=run)
    assert runs.effect(run, "t1")["state"] == "wanted"
    runs.due(run)
    work(run)
    assert runs.state_of(run).status == "succeeded"


# ---- crashes between claim and result ----
def crash_after_claim(run: str, world: World, tool: str) -> str:
    """The executor takes the action, and the worker dies before a result is recorded. The effect's key."""
    world.answer = asks(tool)
    world.decisions[tool] = "allow"

    while (
        runs.state_of(run).actions.get("a1") is None or runs.state_of(run).actions["a1"].status != "allowed"
    ):
        (held,) = outbox.claim(run, "first", limit=1)
        perform.perform(runs.state_of(run), held, outbox.Owner("first", 0))
    held = runs.take(run, "first")
    action = runs.state_of(run).actions["a1"]
    executing.claim(
        runs.state_of(run),
        action,
        runs.fence(held, finishes=False),
        runs.fence(held),
        outbox.Owner("first", 0),
    )
    assert runs.state_of(run).actions["a1"].status == "claimed"
    runs.expire(run)
    return held.key


def test_a_crash_of_a_tool_that_is_not_idempotent_is_unconfirmed_and_never_repeated(
    world: World, operator: Any
) -> None:
    run = runs.begin(SPEC)
    crash_after_claim(run, world, "t.send")
    work(run)
    assert world.acts == []
    row = models.Action.objects.get(run=run)
    assert (row.state, row.assigned_to) == ("unconfirmed", "admin")
    assert models.Run.objects.get(id=run).waits_for == "1 unconfirmed action to be settled"
    run_services.confirm_action(
        run=run, action="a1", executed=True, text="It arrived.", by=operator, now=timezone.now()
    )
    work(run)
    assert world.turns[-1].results[0].state == "executed"
    assert runs.state_of(run).status == "succeeded"


def test_a_crash_of_an_idempotent_tool_is_repeated_with_the_same_key(world: World) -> None:
    run = runs.begin(SPEC)
    key = crash_after_claim(run, world, "t.pay")
    work(run)
    assert [act.key for act in world.acts] == [key]
    assert runs.types_of(run).count("action.claimed") == 1
    assert runs.types_of(run).count("action.executed") == 1
    assert runs.state_of(run).status == "succeeded"


def test_a_cancel_while_an_action_is_being_done_still_records_its_result(world: World, operator: Any) -> None:
    def act(request: ports.ExecutionRequest) -> Any:
        eventlog.forget()
        run_services.cancel_run(run=request.run, reason="stop", by=operator, now=timezone.now())
        return {"paid": True}

    world.answer = asks("t.send")
    world.act = act
    run = runs.begin(SPEC)
    work(run)
    assert runs.types_of(run)[-2:] == ["run.cancelled", "action.executed"]
    row = models.Run.objects.get(id=run)
    assert (row.state, row.executed) == ("cancelled", 1)


def test_a_cancel_withdraws_what_waits_and_claims_nothing_more(world: World, operator: Any) -> None:
    world.answer = asks("t.pay")
    run = runs.begin(SPEC)
    work(run)
    run_services.cancel_run(run=run, reason="stop", by=operator, now=timezone.now())
    assert world.withdrawn == ["a1"]
    assert effects.advance_run(run=run) == 0
    assert models.Action.objects.get(run=run).state == "voided"


def test_an_answer_that_comes_after_a_cancel_is_not_kept(world: World, operator: Any) -> None:
    def answer(turn: ports.TurnRequest) -> Reply:
        run_services.cancel_run(run=turn.run, reason="stop", by=operator, now=timezone.now())
        return Reply(output={"n": 1})

    world.answer = answer
    run = runs.begin(SPEC)
    work(run)
    assert runs.types_of(run)[-1] == "run.cancelled"
    assert runs.effect(run, "t1")["state"] == "dropped"


def test_a_pause_during_a_turn_keeps_its_answer_and_a_resume_goes_on(world: World, operator: Any) -> None:
    def answer(turn: ports.TurnRequest) -> Reply:
        run_services.pause_run(run=turn.run, reason="look", by=operator, now=timezone.now())
        return Reply(output={"n": 1})

    world.answer = answer
    run = runs.begin(SPEC)
    work(run)
    assert runs.types_of(run)[-2:] == ["run.paused", "turn.completed"]
    run_services.resume_run(run=run, by=operator, now=timezone.now())
    work(run)
    assert runs.state_of(run).status == "succeeded"
    assert len(world.turns) == 1


def test_a_pause_and_resume_during_a_turn_lose_nothing(world: World, operator: Any) -> None:
    def answer(turn: ports.TurnRequest) -> Reply:
        run_services.pause_run(run=turn.run, reason="look", by=operator, now=timezone.now())
        run_services.resume_run(run=turn.run, by=operator, now=timezone.now())
        return Reply(output={"n": 1})

    world.answer = answer
    run = runs.begin(SPEC)
    work(run)
    assert runs.state_of(run).status == "succeeded"


def test_an_effect_of_a_paused_run_is_dropped_by_its_next_holder_and_comes_back(
    world: World, operator: Any
) -> None:
    run = runs.begin(SPEC)
    runs.take(run, "a worker that dies")
    run_services.pause_run(run=run, reason="look", by=operator, now=timezone.now())
    runs.expire(run)
    assert effects.advance_run(run=run) == 1
    assert (runs.effect(run, "t1")["state"], world.turns) == ("dropped", [])
    run_services.resume_run(run=run, by=operator, now=timezone.now())
    work(run)
    assert runs.state_of(run).status == "succeeded"


def test_a_refusal_of_something_still_wanted_is_tried_again_and_then_shown_to_a_person(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any) -> Any:
        raise errors.Refused("This can never be recorded.")

    settings.MAX_DISPATCHES = 2
    monkeypatch.setattr(replying, "reply_command", refuses)
    run = runs.begin(SPEC)
    effects.advance_run(run=run)
    assert runs.effect(run, "t1")["state"] == "wanted"
    runs.due(run)
    work(run)
    state = runs.state_of(run)
    assert (state.status, "This can never be recorded." in state.reason) == ("paused", True)


def test_a_slice_that_is_over_gives_back_what_it_holds(world: World, settings: Any) -> None:
    settings.SLICE_SECONDS = 0
    run = runs.begin(SPEC)
    effects.advance_run(run=run)
    row = runs.effect(run, "t1")
    assert row["state"] in {"wanted", "done"}
    assert leases._held == {}
    settings.SLICE_SECONDS = 5
    work(run)
    assert runs.state_of(run).status == "succeeded"


def test_the_outputs_of_earlier_stages_are_shown_only_where_they_are_named(world: World) -> None:
    spec = workflow(
        StageSpec(name="one", agent="worker", inputs={"given": "run.amount"}),
        StageSpec(name="two", agent="worker", inputs={"number": "one.n", "all": "one"}),
        reference="tests.worker",
    )
    run = runs.begin(spec, inputs={"amount": 7, "secret": "x"})
    work(run)
    assert [dict(turn.inputs) for turn in world.turns] == [{"given": 7}, {"number": 1, "all": {"n": 1}}]


def test_large_answers_and_arguments_travel_through_blobs_unchanged(world: World) -> None:
    large = {"text": "é" * 5000}

    def answer(turn: ports.TurnRequest) -> Reply:
        if turn.number == 1:
            return Reply(more=True, transcript=large, note="n" * 5000)
        assert turn.transcript == large
        return Reply(output=large)

    world.answer = answer
    run = runs.begin(SPEC)
    work(run)
    output = runs.state_of(run).output
    assert output is not None
    assert not output.is_inline
    assert models.Blob.objects.filter(digest=output.digest).exists()


def test_what_the_policy_allowed_is_weighed_again_when_it_is_taken_after_a_pause(world: World) -> None:
    world.answer = asks("t.send")
    run = runs.begin(SPEC)
    effects._perform(run, runs.take(run), outbox.Owner("tester", 0))
    effects._perform(run, runs.take(run), outbox.Owner("tester", 0))
    assert runs.state_of(run).actions["a1"].status == "allowed"

    world.decisions["t.send"] = "hold"
    work(run)

    assert world.acts == []
    assert runs.state_of(run).actions["a1"].status == "held"
    assert "action.recalled" in runs.types_of(run)


def test_a_result_is_held_on_to_while_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.answer = asks("t.send")
    run = runs.begin(SPEC)
    away = iter([True, True])
    submit = engine.submit

    def flaky(stream: str, command: c.Command, **rest: Any) -> Any:
        if isinstance(command, c.RecordResult) and next(away, False):
            raise OperationalError("the server closed the connection")
        return submit(stream, command, **rest)

    monkeypatch.setattr(perform.engine, "submit", flaky)
    work(run)

    assert len(world.acts) == 1
    assert runs.types_of(run).count("action.executed") == 1
    assert "action.unconfirmed" not in runs.types_of(run)


@pytest.mark.parametrize(
    ("said", "recorded"),
    [("0.25", "0.25"), ("NaN", None), ("-1", None), ("a lot", None), ("Infinity", None)],
)
def test_a_price_that_is_no_amount_is_unknown(said: str, recorded: str | None) -> None:
    assert replying.usage_fields([Usage(model="m", cost=said)])["cost"] == recorded
