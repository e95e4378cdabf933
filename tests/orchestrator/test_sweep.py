"""The second chance: with every nudge lost, everything is still found."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import dispatch, engine, outbox
from orchestrator.domain import commands as c
from orchestrator.services import effects, sweep
from tests.orchestrator import runs, workers
from tests.orchestrator.workflows import workflow

pytestmark = pytest.mark.django_db(transaction=True)
SPEC = workflow("one", turns=50, reference="tests.worker")


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The process is deaf while runs are made; what the sweep rings for afterwards is written down."""
    found: list[tuple[str, str]] = []

    def send(name: str, *, kwargs: dict[str, str], queue: str, **_: Any) -> None:
        assert name == "orchestrator.tasks.advance_run"
        found.append((kwargs["stream"], queue))

    monkeypatch.setattr(workers, "world", workers.World())
    monkeypatch.setattr(dispatch, "rings", True)
    monkeypatch.setattr(dispatch, "is_deaf", True)
    monkeypatch.setattr(dispatch.current_app, "send_task", send)
    return found


def hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "is_deaf", False)


def test_a_deaf_process_loses_nothing(monkeypatch: pytest.MonkeyPatch, rung: list[tuple[str, str]]) -> None:
    made = [runs.begin(SPEC) for _ in range(5)]
    assert rung == []
    for run in made:
        runs.due(run)
    hears(monkeypatch)
    assert sweep.sweep() == 5
    assert sorted(rung) == sorted((run, "runs") for run in made)
    for run, _ in list(rung):
        effects.advance_run(run=run)
        assert runs.state_of(run).status == "succeeded"
    rung.clear()
    assert sweep.sweep() == 0


def test_a_dead_workers_effect_is_found_when_its_lease_is_over(
    monkeypatch: pytest.MonkeyPatch, rung: list[tuple[str, str]]
) -> None:
    run = runs.begin(SPEC)
    runs.take(run)
    assert outbox.stalled() == []
    runs.expire(run)
    hears(monkeypatch)
    assert sweep.sweep() == 1
    assert rung == [(run, "runs")]


def test_isolated_work_is_rung_for_in_its_own_queue(
    monkeypatch: pytest.MonkeyPatch, rung: list[tuple[str, str]]
) -> None:
    run = runs.begin(workflow(isolated=True))
    runs.due(run)
    hears(monkeypatch)
    sweep.sweep()
    assert rung == [(run, "isolated")]


def test_what_waits_is_not_rung_for_before_its_time() -> None:
    run = runs.begin(SPEC)
    runs.due(run)
    held = runs.take(run)
    outbox.put_back(held.key, held.token, after=60)
    assert outbox.stalled() == []


def test_what_was_just_wanted_is_left_to_its_own_nudge() -> None:
    runs.begin(SPEC)
    assert outbox.stalled() == []


@pytest.mark.parametrize("stop", [c.PauseRun, c.CancelRun])
def test_a_stopped_run_is_not_rung_for(stop: Any) -> None:
    run = runs.begin(SPEC)
    engine.submit(run, stop(actor="user:operator", at=runs.now(), reason="stop"))
    runs.due(run)
    assert outbox.stalled() == []


def test_a_held_action_waits_without_being_rung_for() -> None:
    run = runs.begin(SPEC)
    runs.propose(run, "t.pay")
    assess = c.RecordAssessment(
        actor="system", at=runs.now(), action="a1", decision="hold", rule="r", explanation="e"
    )
    held = runs.take(run)
    engine.submit(run, assess, fence=runs.fence(held))
    runs.due(run)
    assert outbox.stalled() == []


def test_a_broker_that_is_down_costs_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise ConnectionError("refused")

    hears(monkeypatch)
    monkeypatch.setattr(dispatch.current_app, "send_task", down)
    run = runs.begin(SPEC)
    assert runs.state_of(run).status == "running"
