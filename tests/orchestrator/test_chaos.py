"""Several workers, dying and sleeping ones among them, a person who pauses and resumes, and no nudge at all: every
run ends, every tool that must not be repeated is performed once, and the record is exact."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from orchestrator import engine, models, outbox, ports
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.replies import ProposedAction, Reply
from orchestrator.services import effects, leases
from orchestrator.services import runs as run_services
from tests.house.exact import assert_record_is_exact
from tests.orchestrator import runs, workers
from tests.orchestrator.workflows import workflow

pytestmark = pytest.mark.django_db(transaction=True)
SPEC = workflow("one", "two", turns=50, reference="tests.worker")
RUNS = 10


@pytest.fixture
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[workers.World]:
    settings.COUNTERSIGN_GATE = "tests.orchestrator.workers.ByTool"
    settings.LEASE_SECONDS = 1.0
    settings.LEASE_RENEW_SECONDS = 0.1
    settings.SLICE_SECONDS = 0.2
    settings.MAX_DISPATCHES = 1000
    ports.gate.cache_clear()
    monkeypatch.setattr(leases, "_thread", None)
    monkeypatch.setattr(effects, "BACKOFF_SECONDS", (0.01,))
    fresh = workers.World()
    fresh.decisions = {"t.pay": "allow", "t.send": "allow"}
    monkeypatch.setattr(workers, "world", fresh)
    yield fresh
    ports.gate.cache_clear()


def answer(turn: ports.TurnRequest) -> Reply:
    if random.random() < 0.1:
        raise errors.PortFailure("The model is overloaded.", retry_after=0.02)
    if turn.results:
        return Reply(output={"n": len(turn.results)})
    wanted = ["t.pay", "t.look", "t.send"][: random.randint(1, 3)]
    return Reply(
        actions=tuple(
            ProposedAction(tool=tool, arguments={"n": at}, call_id=f"c{at}") for at, tool in enumerate(wanted)
        )
    )


def test_every_run_ends_whatever_happens_to_workers_and_nudges(world: workers.World, operator: Any) -> None:
    random.seed(7)
    world.answer = answer
    made = [runs.begin(SPEC) for _ in range(RUNS)]
    over = threading.Event()
    ends = time.monotonic() + 120

    def is_over() -> bool:
        return over.is_set() or time.monotonic() > ends

    def worker(number: int) -> None:
        while not is_over():
            stalled = [run for run in made if random.random() < 0.5]
            for run in stalled:
                effects.advance_run(run=run)
            time.sleep(0.005)

    def mortal(number: int) -> None:
        """Takes work and is never heard of again."""
        for _ in range(25):
            if is_over():
                return
            outbox.claim(random.choice(made), f"mortal {number}", limit=1)
            time.sleep(0.1)

    def person(number: int) -> None:
        for _ in range(60):
            if is_over():
                return
            run = random.choice(made)
            with contextlib.suppress(errors.Refused):
                run_services.pause_run(run=run, reason="look", by=operator, now=timezone.now())
            time.sleep(0.02)
            with contextlib.suppress(errors.Refused):
                run_services.resume_run(run=run, by=operator, now=timezone.now())

    def watcher(number: int) -> None:
        """Ends the story when every run has ended; confirms what nobody knows of, and resumes what was left paused."""
        while not is_over():
            for run in made:
                state = runs.state_of(run)
                for action in state.actions.values():
                    if action.status == "unconfirmed":
                        with contextlib.suppress(errors.Refused):
                            engine.submit(
                                run,
                                c.ConfirmAction(
                                    actor="user:admin",
                                    at=runs.now(),
                                    action=action.id,
                                    executed=False,
                                    text="It did not happen.",
                                ),
                            )
            if all(runs.state_of(run).is_over for run in made):
                over.set()
            time.sleep(0.05)

    jobs = [worker, worker, worker, mortal, person, watcher]
    assert runs.raised(runs.in_threads(len(jobs), lambda number: jobs[number](number))) == []
    assert {run: runs.state_of(run).status for run in made} == dict.fromkeys(made, "succeeded")
    assert_record_is_exact()

    # A tool that must not be repeated was performed at most once for each action, whatever crashed.
    times = Counter((act.run, act.action) for act in world.acts if act.tool.name == "t.send")
    assert set(times.values()) <= {1}
    # One that may be repeated was repeated under the same key only.
    keys: dict[tuple[str, str], set[str]] = {}
    for act in world.acts:
        keys.setdefault((act.run, act.action), set()).add(act.key)
    assert all(len(found) == 1 for found in keys.values())
    assert (
        not models.Effect.objects.filter(state__in=["wanted", "claimed"]).exclude(stream_id__in=made).exists()
    )
