"""An agent that hangs on the worker's own thread: its turn fails in time, and the run goes on without that thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.db import connection

from orchestrator import engine, models, outbox, ports
from orchestrator.domain import commands as c
from orchestrator.domain.replies import Reply
from orchestrator.domain.specs import Budget
from orchestrator.services import effects, leases, rebuild
from tests.orchestrator import runs, workers
from tests.orchestrator.test_leases import until
from tests.orchestrator.workflows import workflow

pytestmark = pytest.mark.django_db(transaction=True)

SPEC = workflow("one", turns=50, reference="tests.worker")
BRIEF = msgspec.structs.replace(
    SPEC,
    agents={
        name: msgspec.structs.replace(agent, budget=Budget(turns=50, total_seconds=0.2))
        for name, agent in SPEC.agents.items()
    },
)


@pytest.fixture
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[workers.World]:
    fresh = workers.World()
    monkeypatch.setattr(workers, "world", fresh)
    settings.COUNTERSIGN_GATE = "tests.orchestrator.workers.ByTool"
    ports.gate.cache_clear()
    yield fresh
    ports.gate.cache_clear()
    assert [found.text for found in rebuild.differences()] == []


def test_the_turn_fails_at_its_limit_and_what_comes_later_is_not_recorded(world: workers.World) -> None:
    run = runs.begin(BRIEF)
    release, ended = threading.Event(), threading.Event()

    def hang(turn: ports.TurnRequest) -> Reply:
        release.wait(30)
        return Reply(output={"n": 99})

    def work() -> None:
        try:
            effects.advance_run(run=run)
        finally:
            ended.set()
            connection.close()

    world.answer = hang
    threading.Thread(target=work, daemon=True).start()
    until(lambda: runs.state_of(run).status == "paused")
    assert not ended.is_set()
    assert "within 0.2 seconds" in runs.state_of(run).reason
    assert leases._held == {}
    before = runs.types_of(run)
    release.set()
    assert ended.wait(10)
    assert runs.types_of(run) == before
    assert models.Turn.objects.get(run=run).state == "failed"


def test_what_waited_behind_it_is_given_back_and_done_by_others(world: workers.World) -> None:
    run = runs.begin(BRIEF)
    release, ended = threading.Event(), threading.Event()

    class Waits(effects._Slice):
        """A slice that already holds one more effect when the agent hangs."""

        def _take(self, taken: list[outbox.Held]) -> None:
            super()._take([*taken, *([more] if taken and taken[0].subject == "t1" else [])])

    more = outbox.Held("other", "turn", "t9", 1, 1)
    world.answer = lambda turn: Reply(output=release.wait(30))

    def work() -> None:
        own = Waits(run, "main")
        try:
            own.work()
        except ports.Abandoned:
            ended.set()
        finally:
            connection.close()

    models.Effect.objects.create(
        key="other",
        stream_id=run,
        kind="turn",
        subject="t9",
        queue="main",
        state="claimed",
        token=1,
        holder=leases.holder(),
        dispatches=1,
    )
    threading.Thread(target=work, daemon=True).start()
    until(lambda: models.Effect.objects.get(key="other").state == "wanted")
    given_back = models.Effect.objects.get(key="other")
    assert (given_back.holder, given_back.dispatches) == ("", 0)
    release.set()
    assert ended.wait(10)
    models.Effect.objects.filter(key="other").delete()


def test_a_run_that_was_resumed_with_more_time_goes_on_while_the_old_thread_still_hangs(
    world: workers.World,
) -> None:
    run = runs.begin(BRIEF)
    release = threading.Event()
    hung = threading.Event()

    def first_hangs(turn: ports.TurnRequest) -> Reply:
        if not hung.is_set():
            hung.set()
            release.wait(30)
        return Reply(output={"n": 1})

    def work() -> None:
        try:
            effects.advance_run(run=run)
        finally:
            connection.close()

    world.answer = first_hangs
    stuck = threading.Thread(target=work, daemon=True)
    stuck.start()
    until(lambda: runs.state_of(run).status == "paused")
    engine.submit(run, c.ResumeRun(actor="user:operator", at=runs.now(), reason="again"))
    effects.advance_run(run=run)
    assert runs.state_of(run).status == "succeeded"
    head = len(runs.types_of(run))
    release.set()
    stuck.join(10)
    assert len(runs.types_of(run)) == head
