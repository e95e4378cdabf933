"""Runs somebody else's Python function with a time limit.

A thread cannot be ended from outside. One that oversteps its limit is left behind, counted until it returns, and
never used again; a process with too many of them should be replaced.

`run` waits for another thread, and gives up waiting. `watched` runs on the caller's own thread: handing work over
and back costs two switches of threads, which under many runs is a third of a step. At the limit somebody else is
told to go on in the caller's place.
"""

from __future__ import annotations

import contextvars
import itertools
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from orchestrator import ports

STUCK_LIMIT = 4
BUSY_SECONDS = 1.0


class TimeLimitReached(Exception):
    """The function did not return in time. Its thread was left behind."""


class _Call:
    def __init__(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        self.function, self.arguments, self.keywords = function, arguments, keywords
        self.context = contextvars.copy_context()
        self.done = threading.Lock()
        self.done.acquire()
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_left_behind = False


class _Pool:
    def __init__(self) -> None:
        self.idle: deque[SimpleQueue[_Call | None]] = deque()
        self.changing = threading.Lock()
        self.numbers = itertools.count(1)

    def run(self, call: _Call, seconds: float) -> Any:
        self._hand_over(call)
        if not call.done.acquire(timeout=max(0.0, min(seconds, threading.TIMEOUT_MAX))):
            with self.changing:
                # It may have returned between the limit and the lock: then its answer counts.
                if not call.done.acquire(blocking=False):
                    call.is_left_behind = True
                    _stuck.add(1)
                    raise TimeLimitReached
        if call.error is not None:
            raise call.error
        return call.result

    def _hand_over(self, call: _Call) -> None:
        try:
            inbox = self.idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            name = f"timed-{next(self.numbers)}"
            threading.Thread(target=self._work, args=(inbox,), name=name, daemon=True).start()
        inbox.put(call)

    def _work(self, inbox: SimpleQueue[_Call | None]) -> None:
        while (call := inbox.get()) is not None:
            try:
                call.result = call.context.run(call.function, *call.arguments, **call.keywords)
            except BaseException as error:  # an agent may raise anything, SystemExit included
                call.error = error
            _close_connections()
            with self.changing:
                if call.is_left_behind:
                    _stuck.add(-1)
                    return
                self.idle.append(inbox)
                call.done.release()
            del call


class _Watch:
    """The calls that run on their callers' threads, by when their time is up. Whoever takes a call out of
    `running` decides: its own thread, then it was in time, or the watch, then it was not."""

    def __init__(self) -> None:
        self.running: dict[int, tuple[float, Callable[[], None]]] = {}
        self.numbers = itertools.count(1)
        self.rung = threading.Event()
        self.starting = threading.Lock()
        self.thread: threading.Thread | None = None
        self.begun = 0
        # When it looks again. A call that ends sooner rings; while this is infinite, every call does.
        self.looks_next = math.inf

    def begin(self, seconds: float, overran: Callable[[], None]) -> int:
        number = self.begun = next(self.numbers)
        until = time.monotonic() + max(0.0, seconds)
        self.running[number] = (until, overran)
        if until < self.looks_next:
            if self.thread is None:
                self._start()
            self.rung.set()
        return number

    def end(self, number: int) -> bool:
        """Whether the call was in time."""
        return self.running.pop(number, None) is not None

    def _start(self) -> None:
        with self.starting:
            if self.thread is None:
                self.thread = threading.Thread(target=self._look, name="time-limits", daemon=True)
                self.thread.start()

    def _look(self) -> None:
        seen = 0
        while True:
            self.looks_next = math.inf  # before the calls are read: one that begins meanwhile rings
            self.rung.clear()
            now = time.monotonic()
            running = list(self.running.items())
            for number, (until, overran) in running:
                if until <= now and self.end(number):
                    _stuck.add(1)
                    threading.Thread(target=overran, name="overran", daemon=True).start()
            soonest = min((until for _, (until, _) in running if until > now), default=math.inf)
            if self.begun != seen:
                # Short calls come and go: it stays awake for the next ones, so that they need not ring.
                soonest = min(soonest, now + BUSY_SECONDS)
            seen = self.begun
            self.looks_next = soonest
            # `rung` tells of a call that began before this line and saw no end of the wait.
            self.rung.wait(None if soonest == math.inf else min(soonest - now, threading.TIMEOUT_MAX))


class _Stuck:
    """How many functions overstepped their limit and have not returned since, and who is told when that is too many."""

    def __init__(self) -> None:
        self.count = 0
        self.changing = threading.Lock()
        self.told: Callable[[], None] | None = None

    def add(self, more: int) -> None:
        with self.changing:
            self.count += more
            is_full = more > 0 and self.count >= STUCK_LIMIT
        if is_full and self.told is not None:
            self.told()


_pool = _Pool()
_watch = _Watch()
_stuck = _Stuck()


def run(function: Callable[..., Any], *arguments: Any, seconds: float, **keywords: Any) -> Any:
    """The function's result. Raises TimeLimitReached after `seconds`, or whatever the function raised."""
    return _pool.run(_Call(function, arguments, keywords), seconds)


def watched(
    function: Callable[..., Any],
    *arguments: Any,
    seconds: float,
    overran: Callable[[], None],
    **keywords: Any,
) -> Any:
    """The function's result, on this very thread.

    After `seconds`, `overran` is called on a thread of its own, to go on in this one's place; when the function
    comes back after all, ports.Abandoned is raised and this thread must touch nothing more of its run.
    """
    mine = _connections()
    before = frozenset(one.alias for one in mine if one.in_atomic_block)
    number = _watch.begin(seconds, overran)
    try:
        result = contextvars.copy_context().run(function, *arguments, **keywords)
    except BaseException:
        _back(number, mine, before)
        raise
    _back(number, mine, before)
    return result


def _back(number: int, mine: list[Any], before: frozenset[str]) -> None:
    _put_connections_right(mine, before)
    if not _watch.end(number):
        _stuck.add(-1)
        raise ports.Abandoned from None


def stuck_threads() -> int:
    """How many functions of this process overstepped their limit and have not returned since."""
    return _stuck.count


def when_full(told: Callable[[], None]) -> None:
    """Call this whenever one more thread is stuck and STUCK_LIMIT of them are: the process should be replaced."""
    _stuck.told = told


def _close_connections() -> None:
    """Give database connections back that the function may have opened in this thread."""
    from django.db import connections

    connections.close_all()


def _put_connections_right(mine: list[Any], before: frozenset[str]) -> None:
    """A function that left a transaction open on this thread must not take the run's next append into it. `before`
    names the connections that stood in a transaction of the caller's."""
    for one in mine:
        is_left_open = one.in_atomic_block or one.needs_rollback or not one.autocommit
        if is_left_open and one.connection is not None and one.alias not in before:
            one.in_atomic_block = one.needs_rollback = False
            one.close()


def _connections() -> list[Any]:
    """This thread's connections, opened or not. Asking Django which of them are open costs more than they do."""
    from django.db import connections

    return [connections[alias] for alias in connections.settings]


def _forget() -> None:
    global _pool, _watch, _stuck
    told = _stuck.told
    _pool, _watch, _stuck = _Pool(), _Watch(), _Stuck()
    _stuck.told = told


os.register_at_fork(after_in_child=_forget)
