"""engine.celery: the same runs of 20 no-op turns, submitted through Celery to two worker processes.

Beside LangGraph's best total of two processes in the same round.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench import ground
from orchestrator import dispatch, sql

STEPS = 20
RUNS = 150
ROUNDS = 3


def measure() -> None:
    dispatch.rings = True
    data = ground.spec("bench.noop")
    langgraph = ground.peer_dsn("bench_langgraph")
    environment = {**os.environ, "DATABASE_POOL": "12", "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "manage.py", "worker", "--queue", "runs", "--concurrency", "8"]
    workers = [
        subprocess.Popen(
            command,
            env=environment,
            cwd=ground.ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    ours: list[float] = []
    theirs: dict[int, list[float]] = {}
    try:
        _round(data, 20)
        sql.run("ANALYZE", prepare=False)
        for _ in range(ROUNDS):
            ours.append(_round(data, RUNS))
            for in_flight in (1, 8):
                found = _two_peers(langgraph, in_flight)
                if found is not None:
                    theirs.setdefault(in_flight, []).append(found)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(30)
    ground.say("engine.celery", ground.median(ours), "steps/s")
    if theirs:
        best = max(ground.median(found) for found in theirs.values())
        ground.say(
            "engine.celery.over_langgraph",
            ground.median(ours) / best,
            "times",
            peer=round(best, 1),
            aim=">= 2",
        )


def _round(data: bytes, runs: int) -> float:
    started = time.perf_counter()
    ids = [ground.start(data) for _ in range(runs)]
    while True:
        (left,) = sql.run(
            "SELECT count(*) FROM \"orchestrator_run\" WHERE id=ANY($1::uuid[]) AND state<>'succeeded'", [ids]
        )[0]
        if not left:
            return runs * STEPS / (time.perf_counter() - started)
        if time.perf_counter() - started > 120:
            raise SystemExit(f"{left} of {runs} runs were not done after two minutes.")
        time.sleep(0.02)


def _two_peers(dsn: str, in_flight: int) -> float | None:
    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda _: ground.peer("langgraph_steps.py", dsn, in_flight, 40), range(2)))
    return None if None in found else sum(value for value in found if value is not None)
