"""engine.step: a run of 20 no-op turns, every turn one commit with its two events, rows, state and hash.

Alone, with 8 and with 32 runs in flight, beside LangGraph (PostgresSaver, durability sync) and DBOS on the same
PostgreSQL in the same round. `with_listeners` repeats 8 in flight while every commit is announced to listeners.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from bench import ground
from config import preparation
from orchestrator import dispatch, sql
from orchestrator.services import effects

STEPS = 20
ROUNDS = 5
RUNS = {1: 20, 8: 80, 32: 160}


def measure() -> None:
    dispatch.rings = False  # nobody else works here: the owner loop is measured, not the broker
    langgraph, dbos = ground.peer_dsn("bench_langgraph"), ground.peer_dsn("bench_dbos")
    data = ground.spec("bench.noop")
    figures: dict[tuple[str, int], list[float]] = {}
    _ours(data, 8, 40)
    preparation.settle_memory()  # as a worker does
    sql.run("ANALYZE", prepare=False)
    for _ in range(ROUNDS):
        for in_flight, runs in RUNS.items():
            figures.setdefault(("countersign", in_flight), []).append(_ours(data, in_flight, runs))
            _add(
                figures,
                "langgraph",
                in_flight,
                ground.peer("langgraph_steps.py", langgraph, in_flight, runs // 2),
            )
            _add(figures, "dbos", in_flight, ground.peer("dbos_steps.py", dbos, in_flight, runs // 2))
        figures.setdefault(("announced", 8), []).append(_announced(data, 8, RUNS[8]))
    alone = ground.median(figures["countersign", 1])
    ground.say("engine.step.alone", 1000 / alone, "ms per step", aim="<= 0.7")
    for in_flight in RUNS:
        ours = ground.median(figures["countersign", in_flight])
        ground.say(f"engine.step.{in_flight}", ours, "steps/s")
        for name in ("langgraph", "dbos"):
            if (name, in_flight) in figures:
                theirs = ground.median(figures[name, in_flight])
                aim = {("langgraph", 8): ">= 4", ("langgraph", 32): ">= 5"}.get((name, in_flight), "")
                more = {"aim": aim} if aim else {}
                ground.say(
                    f"engine.step.{in_flight}.over_{name}",
                    ours / theirs,
                    "times",
                    peer=round(theirs, 1),
                    **more,
                )
    cost = 1 - ground.median(figures["announced", 8]) / ground.median(figures["countersign", 8])
    ground.say("engine.step.8.announcing_costs", 100 * cost, "per cent", aim="< 10")


def _add(figures: dict[tuple[str, int], list[float]], name: str, in_flight: int, value: float | None) -> None:
    if value is not None:
        figures.setdefault((name, in_flight), []).append(value)


def _one(data: bytes) -> None:
    try:
        performed = effects.advance_run(run=ground.start(data))
        assert performed == STEPS + 1, performed
    finally:
        connection.close()


def _ours(data: bytes, in_flight: int, runs: int) -> float:
    with ThreadPoolExecutor(in_flight) as threads:
        list(threads.map(lambda _: _one(data), range(in_flight)))
        started = time.perf_counter()
        list(threads.map(lambda _: _one(data), range(runs)))
        return runs * STEPS / (time.perf_counter() - started)


def _announced(data: bytes, in_flight: int, runs: int) -> float:
    """The same while 32 subscribers are told of every head, as the live pages are."""
    told: list[int] = []
    listeners = [lambda heads: told.append(len(heads)) for _ in range(32)]
    for listener in listeners:
        dispatch.subscribe(listener)
    try:
        return _ours(data, in_flight, runs)
    finally:
        for listener in listeners:
            dispatch.unsubscribe(listener)
