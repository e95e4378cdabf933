"""engine.fanout: 400 replies to one stream from 32 threads, one commit a batch of the stream's mailbox."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from django.utils import timezone

from bench import ground
from orchestrator import blobs, dispatch, engine, eventlog, outbox
from orchestrator.domain import commands as c
from orchestrator.domain.effects import Fence
from orchestrator.domain.specs import ToolSpec
from orchestrator.services import effects

ROUNDS = 5
THREADS = 32


def measure() -> None:
    dispatch.rings = False
    tool = ToolSpec(
        name="bench.read",
        description="Reads.",
        parameters={"type": "object"},
        reads_only=True,
        idempotent=True,
    )
    data = ground.spec("bench.fanout", tools=[tool])
    rates, given_up = [], 0
    for _ in range(ROUNDS):
        rate, lost = _round(data)
        rates.append(rate)
        given_up += lost
    ground.say(
        "engine.fanout", ground.median(rates), "replies/s", given_up=given_up, aim=">= 1000, none given up"
    )


def _round(data: bytes) -> tuple[float, int]:
    run = ground.start(data)
    first = outbox.claim(run, "bench", limit=1)[0]
    effects._perform(run, first, outbox.Owner("bench", 0))
    held = outbox.claim(run, "bench", limit=1000)
    assert len(held) == 400, len(held)
    result = blobs.seal({"ok": True})

    def reply(item: outbox.Held) -> int:
        command = c.RecordResult(
            actor="system", at=eventlog.micros(timezone.now()), action=item.subject, result=result
        )
        try:
            engine.submit(run, command, fence=Fence(item.key, item.token, True))
            return 0
        except engine.TooBusy:
            return 1
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        started = time.perf_counter()
        lost = sum(threads.map(reply, held))
        seconds = time.perf_counter() - started
    assert eventlog.load(run, fresh=True).state.totals.executed == 400 - lost
    return 400 / seconds, lost
