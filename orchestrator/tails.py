"""One look for all who wait: a process asks once every LOOK_SECONDS where the awaited actions stand.

A long poll awaits an event here and holds no database connection and no thread. The number of them is bounded.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from orchestrator.domain import errors
from orchestrator.queries import external as queries

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25


class TooManyWait(errors.Refused):
    """Too many callers wait at once. Ask again without waiting, or in a moment."""

    status = 429


class _Waiter(NamedTuple):
    key: str
    moved: asyncio.Event


# By event loop, because an event belongs to its loop: who waits, and the task that looks for them.
_waiting: dict[asyncio.AbstractEventLoop, tuple[set[_Waiter], asyncio.Task[None] | None]] = {}

# Loops whose process is about to end.
_left: set[asyncio.AbstractEventLoop] = set()


async def wait_for_answer(key: str, seconds: float) -> bool:
    """Wait until the action under this row key is answered, at most so long; whether it is. Raises TooManyWait."""
    loop = asyncio.get_running_loop()
    if loop in _left:
        return False
    waiters, task = _waiting.setdefault(loop, (set(), None))
    if len(waiters) >= settings.API_OPEN_POLLS:
        raise TooManyWait(code="too_many_wait", retry_after=1)
    waiter = _Waiter(key, asyncio.Event())
    waiters.add(waiter)
    if task is None or task.done():
        _waiting[loop] = (waiters, loop.create_task(_look(waiters)))
    try:
        await asyncio.wait_for(waiter.moved.wait(), seconds)
        return True
    except TimeoutError:
        return False
    finally:
        waiters.discard(waiter)


def let_go() -> None:
    """Give all who wait on the running loop what is known now, and let nobody wait from here on: the process ends."""
    loop = asyncio.get_running_loop()
    _left.add(loop)
    for waiter in _waiting.get(loop, (set(), None))[0]:
        waiter.moved.set()


def waiting() -> int:
    """How many wait in this process now."""
    return sum(len(waiters) for waiters, _ in _waiting.values())


async def _look(waiters: set[_Waiter]) -> None:
    """Look for everybody until nobody waits. A look that fails is tried again: only time is lost."""
    while waiters:
        await asyncio.sleep(LOOK_SECONDS)
        keys = sorted({waiter.key for waiter in waiters})
        try:
            states = await _states(keys)
        except Exception:
            log.exception("wait_look_failed")
            continue
        for waiter in list(waiters):
            if states.get(waiter.key, "gone") not in queries.WAITS:
                waiter.moved.set()


@sync_to_async(thread_sensitive=False)
def _states(keys: list[str]) -> dict[str, str]:
    try:
        return queries.states_of(keys)
    finally:
        connection.close()  # back to the pool, from the thread that took it
