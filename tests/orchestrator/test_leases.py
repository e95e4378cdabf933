"""Leases: a slow call keeps its own, a dead worker's is taken over, and whoever lost one hears of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from orchestrator import engine, models, outbox
from orchestrator.domain import commands as c
from orchestrator.domain.replies import Reply
from orchestrator.ports import TurnRequest
from orchestrator.services import effects, leases
from orchestrator.services import runs as run_services
from tests.orchestrator import runs, workers
from tests.orchestrator.workflows import workflow

pytestmark = pytest.mark.django_db(transaction=True)
SPEC = workflow("one", turns=50, reference="tests.worker")
LONGEST = 30.0


@pytest.fixture(autouse=True)
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[workers.World]:
    settings.LEASE_SECONDS = 2.0
    settings.LEASE_RENEW_SECONDS = 0.1
    # A renewing thread of an earlier test may still sleep by that test's longer interval.
    monkeypatch.setattr(leases, "_thread", None)
    fresh = workers.World()
    monkeypatch.setattr(workers, "world", fresh)
    yield fresh
    for key in list(leases._held):
        leases.let_go(key)


def until(holds: Callable[[], Any]) -> Any:
    """Wait for a fact; fails when it does not come."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come true")


def lease_of(run: str) -> Any:
    return models.Effect.objects.get(stream_id=run, subject="t1", kind="turn").lease_until


def test_a_slow_call_keeps_its_lease_and_nobody_else_takes_it(world: workers.World) -> None:
    run = runs.begin(SPEC)
    seen: list[Any] = []

    def slow(turn: TurnRequest) -> Reply:
        first = lease_of(run)
        # Longer than one lease lasts: it must have been renewed past its first end.
        until(lambda: timezone.now() > first)
        seen.append(outbox.claim(run, "thief", limit=9))
        seen.append(models.Effect.objects.get(stream_id=run, kind="turn").dispatches)
        return Reply(output={"n": 1})

    world.answer = slow
    effects.advance_run(run=run)
    assert seen == [[], 1]
    assert runs.state_of(run).status == "succeeded"
    assert leases._held == {}


def test_a_lease_that_nobody_renews_runs_out_and_is_taken_over() -> None:
    run = runs.begin(SPEC)
    runs.take(run, "a worker that dies")
    assert outbox.claim(run, "successor", limit=9) == []
    (held,) = until(lambda: outbox.claim(run, "successor", limit=9))
    assert (held.token, held.dispatches) == (2, 2)


def test_who_lost_a_lease_hears_of_it_during_the_call() -> None:
    run = runs.begin(SPEC)
    held = runs.take(run, leases.holder())
    leases.keep(run, held)
    assert not leases.is_gone(held.key)
    runs.expire(run)
    outbox.claim(run, "successor", limit=9)
    until(lambda: leases.is_gone(held.key))
    leases.let_go(held.key)
    assert not leases.is_gone(held.key)


def test_a_call_hears_of_a_cancel_while_it_lasts(world: workers.World, operator: Any) -> None:
    heard: list[bool] = []

    def answer(turn: TurnRequest) -> Reply:
        run_services.cancel_run(run=turn.run, reason="stop", by=operator, now=timezone.now())
        heard.append(until(turn.is_cancelled))
        return Reply(output={"n": 1})

    world.answer = answer
    run = runs.begin(SPEC)
    effects.advance_run(run=run)
    assert heard == [True]
    assert runs.types_of(run)[-1] == "run.cancelled"


def test_a_worker_that_slept_past_its_lease_writes_nothing_over_its_successor(world: workers.World) -> None:
    run = runs.begin(SPEC)
    asleep, go = threading.Event(), threading.Event()

    def answer(turn: TurnRequest) -> Reply:
        if len(world.turns) == 1:
            asleep.set()
            assert go.wait(LONGEST)
            return Reply(output={"n": "late"})
        return Reply(output={"n": "in time"})

    def advance(number: int) -> int:
        if number == 0:
            return effects.advance_run(run=run)
        assert asleep.wait(LONGEST)
        for key in list(leases._held):
            leases.let_go(key)  # the process is frozen: nothing renews
        until(lambda: timezone.now() > lease_of(run))
        performed = effects.advance_run(run=run)
        go.set()
        return performed

    world.answer = answer
    sleeper, successor = runs.in_threads(2, advance)
    assert successor >= 2
    assert sleeper >= 1
    state = runs.state_of(run)
    assert state.output is not None
    assert state.output.value() == {"n": "in time"}
    assert runs.types_of(run).count("turn.completed") == 1


def test_effects_born_in_a_workers_hands_are_renewed_as_well() -> None:
    run = runs.begin(SPEC)
    held = runs.take(run, leases.holder())
    appended = runs.reply(run, held, owner=outbox.Owner(leases.holder(), 16), more=True)
    (want,) = appended.born
    born = outbox.Held(want.key, want.kind, want.subject, 1, 1)
    leases.keep(run, born)
    first = models.Effect.objects.get(key=want.key).lease_until
    until(lambda: models.Effect.objects.get(key=want.key).lease_until > first)
    engine.submit(
        run,
        c.RecordReply(actor="system", at=runs.now(), turn="t2", more=True),
        fence=runs.fence(born),
    )
