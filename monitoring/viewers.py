"""One socket as the tails see it: what waits to be written, what was sent and not yet acknowledged, when to let go.

Its memory is bounded: past the window no events are put until the browser says what it has; who never says is let
go with 1013 and comes back with its cursor.
"""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import structlog

log = structlog.get_logger(__name__)

# Characters of events that may be on their way to one browser.
WINDOW = 4 * 1024 * 1024


class Viewer:
    """Give it frames with `put` and `put_events`; `write` sends one, `close` ends the socket with a code."""

    def __init__(
        self, write: Callable[[str], Awaitable[None]], close: Callable[[int], Coroutine[Any, Any, None]]
    ) -> None:
        self._write = write
        self._close = close
        self._waiting: deque[str] = deque()
        self._sent: dict[str, deque[tuple[int, int]]] = {}
        self._size = 0
        self._is_writing = False
        self._room = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.is_gone = False

    def has_room(self) -> bool:
        return self._size < WINDOW

    async def waited_for_room(self, seconds: float) -> bool:
        while not self.has_room():
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), seconds)
            except TimeoutError:
                return False
        return True

    def put(self, text: str) -> None:
        if self.is_gone:
            return
        self._waiting.append(text)
        if not self._is_writing:
            # A server that takes the text at once costs no task and no turn of the loop: with many sockets, those
            # would be most of the time between an event and its last browser.
            self._is_writing = True
            rest = begun(self._write_on())
            if rest is not None:
                self.spawn(rest)

    def put_once(self, text: str) -> None:
        """A frame of which one is enough: a browser that pings without reading fills no memory."""
        if not self._waiting or self._waiting[-1] != text:
            self.put(text)

    def put_events(self, stream: str, last: int, text: str) -> None:
        """A frame of events that ends with `last`; it counts until that is acknowledged."""
        self._sent.setdefault(stream, deque()).append((last, len(text)))
        self._size += len(text)
        self.put(text)

    def acknowledge(self, stream: str, seq: int) -> None:
        sent = self._sent.get(stream)
        while sent and sent[0][0] <= seq:
            self._size -= sent.popleft()[1]
        if self.has_room():
            self._room.set()

    def let_go(self, code: int) -> None:
        """End the socket. What waits is not sent."""
        self._waiting.clear()
        self.is_gone = True
        self.spawn(self._close(code))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        self.is_gone = True
        for task in list(self._tasks):
            task.cancel()

    async def _write_on(self) -> None:
        try:
            while self._waiting:
                await self._write(self._waiting.popleft())
        except Exception as error:
            # The socket is closing; its disconnect ends this viewer.
            self._waiting.clear()
            log.debug("viewer_not_written", error=str(error))
        finally:
            self._is_writing = False


def begun(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Run a coroutine up to where it first waits, here and now. None when it came to its end, else the rest of it."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return _rest(work, awaited)


async def _rest(work: Coroutine[Any, Any, None], awaited: Any) -> None:
    await _go_on(work, awaited)


@types.coroutine
def _go_on(work: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """Wait for what the coroutine waits for, and hand it what comes, until it ends."""
    resume: Callable[[Any], Any]
    while True:
        try:
            given = yield awaited
            resume = work.send
        except BaseException as error:
            given, resume = error, work.throw
        try:
            awaited = resume(given)
        except StopIteration:
            return
