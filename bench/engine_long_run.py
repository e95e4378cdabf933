"""engine.long_run: what advancing costs at event 100,000 over what it costs at event 10, warm and cold.

The long log is folded in memory by the same rule book and written by COPY, chain and all. Cold means an empty
cache: snapshot, tail and claim are inside the figure. Also how large the state is then.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import connection
from django.utils import timezone

from bench import ground
from orchestrator import dispatch, eventlog, kinds, outbox, projections, sql
from orchestrator.domain import commands as c
from orchestrator.domain import digests
from orchestrator.domain import events as e
from orchestrator.services import effects

LONG = 100_000
TRIES = 150


def measure() -> None:
    dispatch.rings = False
    data = ground.spec("bench.endless", turns=10_000_000)
    short = [ground.start(data) for _ in range(2)]
    long, sizes = _long_run(data)
    sql.run("ANALYZE", prepare=False)
    warm: dict[str, list[float]] = {"short": [], "long": []}
    cold: dict[str, list[float]] = {"short": [], "long": []}
    for run in (short[0], long):
        _warm(run, 30)
    for _ in range(5):
        warm["short"] += _warm(ground.start(data), TRIES // 5)
        warm["long"] += _warm(long, TRIES // 5)
        cold["short"] += _cold(short[1], TRIES // 5)
        cold["long"] += _cold(long, TRIES // 5)
    for name, found in (("warm", warm), ("cold", cold)):
        at_start, at_end = ground.median(found["short"]), ground.median(found["long"])
        ground.say(
            f"engine.long_run.{name}",
            at_end / at_start,
            "times",
            at_10=at_start,
            at_100000=at_end,
            aim="< 1.2",
        )
    ground.say(
        "engine.long_run.state_bytes",
        sizes[LONG],
        "bytes",
        at_1000=sizes[1000],
        aim="< 2 times those at 1,000",
    )


def _warm(run: str, tries: int) -> list[float]:
    """Milliseconds of one step of an owner that has the run in its hands."""
    owner = outbox.Owner("bench", 16)
    held = outbox.claim(run, "bench", limit=1)[0]
    times = []
    for _ in range(tries):
        started = time.perf_counter()
        held = effects._perform(run, held, owner)[0]
        times.append((time.perf_counter() - started) * 1000)
    outbox.put_back(held.key, held.token)
    return times


def _cold(run: str, tries: int) -> list[float]:
    times = []
    for _ in range(tries):
        eventlog.forget(run)
        started = time.perf_counter()
        held = outbox.claim(run, "bench", limit=1)[0]
        born = effects._perform(run, held, outbox.Owner("bench", 16))[0]
        times.append((time.perf_counter() - started) * 1000)
        outbox.put_back(born.key, born.token)
    return times


def _long_run(data: bytes) -> tuple[str, dict[int, int]]:
    """A run of LONG events, written by COPY with its chain, rows and one open effect."""
    run = ground.start(data)
    entry = eventlog.load(run)
    decider = kinds.find("run")
    state, last, before = entry.state, entry.hash, entry.head
    at = eventlog.micros(timezone.now())
    sizes: dict[int, int] = {}
    written: list[tuple[Any, ...]] = []
    while state.seq < LONG:
        turn = next(iter(state.turns.values()))
        events, state = decider.decide(state, c.RecordReply(actor="system", at=at, turn=turn.id, more=True))
        for event in events:
            name, version = e.name_of(event.body)
            payload = e.encode(event.body)
            last = digests.link(
                last, e.envelope(run, event.seq, name, version, event.actor, event.cause, at), payload
            )
            moment = projections.moment(at)
            written.append(
                (run, event.seq, name, version, event.actor, event.cause, moment, payload.decode(), last)
            )
        for mark in (1000, LONG):
            if mark not in sizes and state.seq >= mark:
                sizes[mark] = len(decider.freeze(state) or b"")
    connection.ensure_connection()
    raw = connection.connection
    columns = "stream_id, seq, type, version, actor, cause, occurred_at, payload, hash"
    with raw.cursor() as cursor, cursor.copy(f'COPY "orchestrator_event" ({columns}) FROM STDIN') as copy:
        for row in written:
            copy.write_row(row)
    sql.run('UPDATE "orchestrator_stream" SET head=$2, hash=$3 WHERE id=$1::uuid', [run, state.seq, last])
    grown = eventlog.Entry("run", state, last, decider.plan(state))
    eventlog.keep_snapshot(run, before, grown)
    sql.run(
        "DELETE FROM \"orchestrator_effect\" WHERE stream_id=$1::uuid AND state IN ('wanted','claimed')",
        [run],
    )
    want = next(iter(grown.wants.values()))
    sql.run(
        'INSERT INTO "orchestrator_effect" (key, stream_id, kind, subject, queue, state) '
        "VALUES ($1, $2::uuid, $3, $4, $5, 'wanted')",
        [want.key, run, want.kind, want.subject, want.queue],
    )
    row = projections.run_row(state, projections.moment(at), is_new=False)
    turn = next(iter(state.turns.values()))
    sql.run('UPDATE "orchestrator_run" SET turns=$2::int4 WHERE id=$1::uuid', [run, row.columns["turns"]])
    eventlog.forget(run)
    return run, sizes
