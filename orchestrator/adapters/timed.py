"""Runs somebody else's Python function with a time limit, on threads that are used again.

A thread cannot be ended from outside. One that oversteps its limit is left behind, counted until it returns, and
never used again; a process with too many of them should be replaced.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

STUCK_LIMIT = 4


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
        self.stuck = 0
        self.numbers = itertools.count(1)

    def run(self, call: _Call, seconds: float) -> Any:
        self._hand_over(call)
        if not call.done.acquire(timeout=max(0.0, min(seconds, threading.TIMEOUT_MAX))):
            with self.changing:
                # It may have returned between the limit and the lock: then its answer counts.
                if not call.done.acquire(blocking=False):
                    call.is_left_behind = True
                    self.stuck += 1
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
                    self.stuck -= 1
                    return
                self.idle.append(inbox)
                call.done.release()
            del call


_pool = _Pool()


def run(function: Callable[..., Any], *arguments: Any, seconds: float, **keywords: Any) -> Any:
    """The function's result. Raises TimeLimitReached after `seconds`, or whatever the function raised."""
    return _pool.run(_Call(function, arguments, keywords), seconds)


def stuck_threads() -> int:
    """How many functions of this process overstepped their limit and have not returned since."""
    return _pool.stuck


def _close_connections() -> None:
    """Give database connections back that the function may have opened in this thread."""
    from django.db import connections

    connections.close_all()


def _forget() -> None:
    global _pool
    _pool = _Pool()


os.register_at_fork(after_in_child=_forget)
