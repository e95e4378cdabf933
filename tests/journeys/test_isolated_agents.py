"""Agents that loop, sleep for ever or hold the interpreter, in real workers: they end, and the others go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from config import processes
from tests.fixtures.model_sites import ModelSite

pytestmark = pytest.mark.processes


def _code(reference: str, seconds: float, *, isolated: bool, instructions: str = "") -> str:
    return (
        f'reference = "{reference}"\nisolated = {str(isolated).lower()}\ninstructions = "{instructions}"\n'
        f"budget = {{ total_seconds = {seconds} }}"
    )


@pytest.fixture(scope="module")
def odd_site(model_site: ModelSite) -> ModelSite:
    model_site.install(
        looping=_code("odd.loops", 1, isolated=True),
        holding=_code("odd.holds", 1, isolated=True),
        apart=_code("odd.slow", 60, isolated=True, instructions="0.01"),
        apart_longer=_code("odd.slow", 60, isolated=True, instructions="4"),
        sleeping=_code("odd.sleeps", 0.5, isolated=False),
        slow=_code("odd.slow", 60, isolated=False, instructions="1.5"),
        slower=_code("odd.slow", 60, isolated=False, instructions="9"),
    )
    return model_site


def _its_processes(site: ModelSite, run: str) -> list[Path]:
    return sorted((site.var / "odd").glob(f"{run}.*"))


def _number(path: Path) -> int:
    return int(path.suffix[1:])


def test_an_isolated_agent_that_does_not_stop_is_ended_and_the_next_one_is_answered(
    odd_site: ModelSite,
) -> None:
    looping, holding, apart = odd_site.start_runs("looping", "holding", "apart")

    odd_site.until(lambda: odd_site.run_state(apart) == "succeeded", 40)
    for run in (looping, holding):
        odd_site.until(lambda run=run: odd_site.run_state(run) == "paused", 40)
        assert "gave no answer within 1 seconds, and its process was ended" in odd_site.reason(run)
        assert odd_site.count(run, "turn.failed") == 1
    (its,) = _its_processes(odd_site, apart)
    assert not processes.is_alive(_number(its))


def test_a_killed_worker_takes_its_isolated_agent_along_and_the_turn_is_done_again(
    odd_site: ModelSite,
) -> None:
    (run,) = odd_site.start_runs("apart_longer")
    (first,) = odd_site.until(lambda: _its_processes(odd_site, run), 30)
    odd_site.kill("worker-isolated")

    odd_site.until(lambda: not processes.is_alive(_number(first)))
    odd_site.until(lambda: odd_site.run_state(run) == "succeeded", 30)
    assert odd_site.count(run, "turn.completed") == 1
    assert len(_its_processes(odd_site, run)) == 2


def test_a_worker_with_four_stuck_threads_is_replaced_and_what_it_did_is_finished_or_taken_over(
    odd_site: ModelSite,
) -> None:
    before = odd_site.pid("worker-runs")
    slower, slow, *stuck = odd_site.start_runs("slower", "slow", *["sleeping"] * 4)

    odd_site.until(lambda: odd_site.pid("worker-runs") != before, 40)
    assert not processes.is_alive(before)
    for run in stuck:
        odd_site.until(lambda run=run: odd_site.run_state(run) == "paused", 40)
        assert "gave no answer within 0.5 seconds" in odd_site.reason(run)
    for run in (slow, slower):
        odd_site.until(lambda run=run: odd_site.run_state(run) == "succeeded", 40)
        assert odd_site.count(run, "turn.completed") == 1
    assert "worker_recycles" in (odd_site.var / "log" / "worker-runs.log").read_text()


def test_a_worker_asked_to_end_while_an_isolated_agent_loops_ends_with_it(odd_site: ModelSite) -> None:
    (run,) = odd_site.start_runs("apart_longer")
    (its,) = odd_site.until(lambda: _its_processes(odd_site, run), 30)
    before = odd_site.pid("worker-isolated")
    os.kill(before, signal.SIGTERM)
    odd_site.until(lambda: odd_site.pid("worker-isolated") != before, 30)

    assert not processes.is_alive(_number(its))
    odd_site.until(lambda: odd_site.run_state(run) == "succeeded", 30)
    assert odd_site.count(run, "turn.completed") == 1
