"""Real runs on the real database, moved by hand: what a worker, a gate and a person would submit."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from orchestrator import engine, eventlog, outbox, sql
from orchestrator.domain import commands as c
from orchestrator.domain import digests
from orchestrator.domain.effects import Fence
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.state import RunState
from orchestrator.engine import Appended
from orchestrator.outbox import Held, Owner
from orchestrator.services import runs
from tests.orchestrator.workflows import seal, sealed, verdict, workflow

_keys = itertools.count()
_session = uuid.uuid4().hex


def now() -> int:
    return eventlog.micros(timezone.now())


def begin(spec: WorkflowSpec | None = None, *, key: str = "", inputs: Any = None) -> str:
    """A run whose first turn is wanted."""
    return runs.start_revision(
        spec=digests.encode(spec or workflow(turns=10**6)),
        inputs=inputs or {},
        key=key or f"{_session}-{next(_keys)}",
        by="operator",
        now=timezone.now(),
    )


def state_of(run: str) -> RunState:
    state: RunState = eventlog.load(run, fresh=True).state
    return state


def types_of(stream: str) -> list[str]:
    return [event.type for event in eventlog.events_after(stream, 0, 10**6)]


def effect(run: str, subject: str, kind: str = "") -> dict[str, Any]:
    """The newest effect of a subject, as its row stands."""
    names = ["key", "kind", "state", "token", "holder", "dispatches", "error", "queue"]
    rows = sql.run(
        f"SELECT {','.join(names)}, not_before-clock_timestamp(), lease_until-clock_timestamp() "
        'FROM "orchestrator_effect" WHERE stream_id=$1::uuid AND subject=$2 '
        "AND ($3='' OR kind=$3) ORDER BY wanted_at DESC LIMIT 1",
        [run, subject, kind],
    )
    return dict(zip([*names, "waits", "lease"], rows[0], strict=True))


def take(run: str, holder: str = "tester", queue: str = "main") -> Held:
    """Claim the run's one due effect."""
    (held,) = outbox.claim(run, holder, limit=100, queue=queue)
    return held


def expire(run: str) -> None:
    """Every lease of the run has run out."""
    sql.run(
        "UPDATE \"orchestrator_effect\" SET lease_until=clock_timestamp()-interval '1 minute' "
        "WHERE stream_id=$1::uuid AND state='claimed'",
        [run],
    )


def due(run: str) -> None:
    """Every wait of the run is over, and nothing is too young to be swept."""
    sql.run(
        "UPDATE \"orchestrator_effect\" SET not_before=NULL, wanted_at=clock_timestamp()-interval '1 minute' "
        "WHERE stream_id=$1::uuid",
        [run],
    )


def fence(held: Held, *, finishes: bool = True) -> Fence:
    return Fence(held.key, held.token, finishes)


def reply(run: str, held: Held | None = None, *, owner: Owner | None = None, **fields: Any) -> Appended:
    """The open turn is answered, by the holder of its effect when there is one."""
    if "output" in fields:
        fields["output"] = seal(fields["output"])
    turn = next(iter(state_of(run).turns))
    command = c.RecordReply(actor="system", at=now(), turn=turn, **fields)
    return engine.submit(run, command, fence=fence(held) if held else None, owner=owner)


def propose(run: str, *tools: str) -> Appended:
    spec = state_of(run).spec
    return reply(run, actions=tuple(sealed(spec, tool, f"c{at}", n=at) for at, tool in enumerate(tools)))


def judge(run: str, outcome: str = "pass", text: str = "") -> Appended:
    turn = next(iter(state_of(run).turns))
    return engine.submit(
        run, c.RecordVerdict(actor="system", at=now(), turn=turn, verdict=verdict(outcome, text))
    )


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What each of so many threads returned, or the error it raised; they start at the same moment."""
    gate = threading.Barrier(count)
    found: list[Any] = [None] * count

    def one(number: int) -> None:
        try:
            gate.wait()
            found[number] = work(number)
        except BaseException as error:
            found[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a thread hangs"
    return found


def settle() -> None:
    """Wait until all that was committed lies behind every transaction that is open in the cluster: readers across
    streams see it from then on. Tests that run beside this one have transactions of their own open."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        rows = sql.run(
            "SELECT coalesce(max(tx), '0') < pg_snapshot_xmin(pg_current_snapshot()) FROM \"orchestrator_event\"",
            prepare=False,
        )
        if rows[0][0]:
            return
        time.sleep(0.02)
    raise AssertionError("a transaction stays open in the cluster")


def raised(found: Sequence[Any]) -> list[BaseException]:
    return [one for one in found if isinstance(one, BaseException)]
