"""The one event loop of this process on which models are asked.

Clients of models must not be shared between loops, so there is exactly one, in its own thread, started on first
use: a worker that forks its children gives each a loop of its own.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

_starting = threading.Lock()
_stack = ExitStack()
_portal: BlockingPortal | None = None
_inherited: list[ExitStack] = []
_endings: list[Callable[[], Awaitable[None]]] = []


def portal() -> BlockingPortal:
    """The way onto this process's loop from any thread."""
    global _portal
    if _portal is None:
        with _starting:
            if _portal is None:
                from anyio.from_thread import start_blocking_portal

                _portal = _stack.enter_context(start_blocking_portal(name="models"))
    return _portal


def at_end(ending: Callable[[], Awaitable[None]]) -> None:
    """Run this on the loop before it ends. It must leave nothing behind that belongs to the loop."""
    _endings.append(ending)


def close() -> None:
    """End the loop; what runs on it is cancelled. The next use starts a new one."""
    global _portal
    with _starting:
        running, _portal = _portal, None
        if running is not None:
            for ending in _endings:
                running.call(ending)
            running.start_task_soon(running.stop, True)
            _stack.close()


def _forget() -> None:
    """The child of a fork has no thread behind its parent's loop. Letting go of it would wait for that thread."""
    global _portal, _stack, _starting
    _inherited.append(_stack)
    _portal, _stack, _starting = None, ExitStack(), threading.Lock()


os.register_at_fork(after_in_child=_forget)
atexit.register(close)
