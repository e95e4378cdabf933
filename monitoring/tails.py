"""One live tail per process and stream: reads the log past its cursor once, renders once, hands the same text to
every socket. Lives on the server's event loop; the database is asked in threads.

A nudge over Redis says that a stream moved; a poll finds what no nudge told. Each viewer has its own cursor: what
does not fit it exactly is read again for it alone, so an event is sent once, in order, or not at all.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import redis.asyncio
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from monitoring import nudges
from monitoring.queries import frames
from monitoring.viewers import Viewer
from orchestrator.queries import watching as queries

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.5
# After a frame the next one waits so long, so that a burst travels together.
COALESCE_SECONDS = 0.015
# Pages that show lists are told that something changed, at most this often.
CHANGED_SECONDS = 0.4
# Further behind than this, a page is loaded again instead of being told every event it missed.
MOST_BEHIND = 5000
# A viewer that takes nothing for so long is let go; it comes back with its cursor when it can.
SLOW_SECONDS = 10.0
KEPT_PAGES = 64
RELOAD = frames.frame({"type": "reload"})
NOTICES = frames.frame({"type": "notices"})


async def in_thread(ask: Callable[..., Any], *values: Any) -> Any:
    """A question to the database in a thread that gives its connection back to the pool."""

    def closing() -> Any:
        try:
            return ask(*values)
        finally:
            connection.close()

    return await sync_to_async(closing, thread_sensitive=False)()


class Tail:
    """The live end of one run's log in this process. `cursor` is the last seq that was handed out."""

    def __init__(self, run: str, cursor: int) -> None:
        self.run = run
        self.stream = f"run:{run}"
        self.cursor = cursor
        self.at: dict[Viewer, int] = {}
        self.catching: set[Viewer] = set()
        self.moved = asyncio.Event()
        self.pages: OrderedDict[int, asyncio.Future[tuple[int, str] | None]] = OrderedDict()

    async def follow(self) -> None:
        while True:
            await self.moved.wait()
            self.moved.clear()
            try:
                await self._read_on()
            except Exception as error:
                # The database may be restarting; the poll rings again.
                log.warning("tail_waits", run=self.run, error=str(error))
                await asyncio.sleep(0.5)
            await asyncio.sleep(COALESCE_SECONDS)

    async def _read_on(self) -> None:
        while (found := await self._page(self.cursor)) is not None:
            last, text = found
            first, self.cursor = self.cursor + 1, last
            for viewer, at in list(self.at.items()):
                if viewer in self.catching or at >= last:
                    continue
                if at == first - 1 and viewer.has_room():
                    viewer.put_events(self.stream, last, text)
                    self.at[viewer] = last
                else:
                    self.catch_up(viewer)

    def join(self, viewer: Viewer, cursor: int) -> None:
        self.at[viewer] = cursor
        self.catch_up(viewer)

    def leave(self, viewer: Viewer) -> None:
        self.at.pop(viewer, None)

    def catch_up(self, viewer: Viewer) -> None:
        """Bring one viewer from its own cursor to the tail's, at its own pace."""
        if viewer not in self.catching:
            self.catching.add(viewer)
            viewer.spawn(self._catch_up(viewer))

    async def _catch_up(self, viewer: Viewer) -> None:
        try:
            # No await stands between finding that the viewer is level and leaving: the next frame finds it level.
            while (at := self.at.get(viewer, self.cursor)) < self.cursor:
                if self.cursor - at > MOST_BEHIND:
                    self.leave(viewer)
                    viewer.put(RELOAD)
                    return
                if not await viewer.waited_for_room(SLOW_SECONDS):
                    self.leave(viewer)
                    viewer.let_go(1013)
                    return
                found = await self._page(at)
                if found is None or self.at.get(viewer) != at:
                    continue
                last, text = found
                viewer.put_events(self.stream, last, text)
                self.at[viewer] = last
        except Exception as error:
            log.warning("viewer_waits", run=self.run, error=str(error))
            await asyncio.sleep(0.5)
        finally:
            self.catching.discard(viewer)
        if self.at.get(viewer, self.cursor) < self.cursor:
            self.catch_up(viewer)

    async def _page(self, after: int) -> tuple[int, str] | None:
        """The frame of the events that follow this cursor, read and rendered once for all who stand there."""
        known = self.pages.get(after)
        if known is None:
            known = self.pages[after] = asyncio.ensure_future(in_thread(_read, self.run, after))
            while len(self.pages) > KEPT_PAGES:
                self.pages.popitem(last=False)
        try:
            found = await asyncio.shield(known)
        except BaseException:
            if known.done():
                self.pages.pop(after, None)
            raise
        if found is None:
            self.pages.pop(after, None)
        return found


def notices_of(person: str) -> str:
    """The topic of one person's own notices: no other person's socket joins it."""
    return f"notices:{person}"


def _read(run: str, after: int) -> tuple[int, str] | None:
    cards = queries.events_after(run, after, limit=frames.FRAME_EVENTS)
    if not cards:
        return None
    last = cards[-1].seq
    head = last if len(cards) < frames.FRAME_EVENTS else queries.heads([run]).get(run, last)
    return last, frames.events_frame(run, max(head, last), cards)


class Tails:
    """All tails and topics of one event loop, with its one Redis subscription and its one poll."""

    def __init__(self) -> None:
        self.tails: dict[str, Tail] = {}
        self.topics: dict[str, set[Viewer]] = {}
        self.heads: dict[str, int] = {}
        self.kinds: OrderedDict[str, str] = OrderedDict()
        self.dirty: set[str] = set()
        self.transaction = -1
        self.tasks: dict[str, asyncio.Task[None]] = {}
        # The loop itself refers to a task weakly: one that still gives back its connection would be lost on the way.
        self.ending: set[asyncio.Task[None]] = set()

    # ---- who watches what ----
    async def join(self, viewer: Viewer, stream: str, cursor: int | None) -> None:
        """Watch a stream from a cursor, or, without one, be told that it changed. Unknown streams are ignored."""
        self._start()
        run = stream.removeprefix("run:")
        if cursor is None or run == stream:
            self.topics.setdefault(stream, set()).add(viewer)
            return
        tail = self.tails.get(run)
        heads = await in_thread(queries.heads, [run]) if tail is None or cursor > tail.cursor else None
        if heads is not None and cursor > heads.get(run, 0):
            viewer.put(RELOAD)  # from a log that is no longer this one
            return
        if viewer.is_gone:
            return
        tail = self.tails.get(run)
        if tail is None:
            tail = self.tails[run] = Tail(run, heads[run] if heads else cursor)
            self._task(f"tail {run}", tail.follow())
        tail.join(viewer, cursor)
        tail.moved.set()

    def leave(self, viewer: Viewer) -> None:
        for run, tail in list(self.tails.items()):
            tail.leave(viewer)
            if not tail.at:
                del self.tails[run]
                self._end(f"tail {run}")
        for topic, viewers in list(self.topics.items()):
            viewers.discard(viewer)
            if not viewers:
                del self.topics[topic]
        if not self.tails and not self.topics:
            self.close()

    def close(self) -> None:
        for name in list(self.tasks):
            self._end(name)

    def _start(self) -> None:
        if "listen" not in self.tasks:
            self._task("listen", self._listen())
            self._task("poll", self._poll())
            self._task("tell", self._tell())

    def _task(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self.tasks[name] = asyncio.ensure_future(work)

    def _end(self, name: str) -> None:
        task = self.tasks.pop(name, None)
        if task is not None and not task.done():
            self.ending.add(task)
            task.add_done_callback(self.ending.discard)
            task.cancel()

    # ---- what moves ----
    async def _listen(self) -> None:
        while True:
            client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(nudges.channel())
                    for tail in self.tails.values():
                        tail.moved.set()
                    async for message in heard.listen():
                        if self.tasks.get("listen") is not asyncio.current_task():
                            return  # it was ended while its client dealt with an error of its own: another listens
                        await self._take(msgspec.json.decode(message["data"]))
            except (redis.RedisError, OSError, msgspec.DecodeError) as error:
                log.warning("nudges_lost", error=str(error))
            finally:
                await client.aclose()
            await asyncio.sleep(0.5)

    async def _take(self, message: dict[str, Any]) -> None:
        if "text" in message:
            run, turn, chunk = message["text"]
            tail = self.tails.get(run)
            if tail is not None and tail.at:
                text = frames.frame({"type": "text", "stream": tail.stream, "turn": turn, "chunk": chunk})
                for viewer in tail.at:
                    if viewer.has_room():
                        viewer.put(text)
            return
        for name in message.get("people", ()):
            for viewer in self.topics.get(notices_of(name), ()):
                viewer.put_once(NOTICES)
        heads: dict[str, int] = message.get("heads", {})
        for run in heads:
            tail = self.tails.get(run)
            if tail is not None:
                tail.moved.set()
        if self.topics:
            await self._mark(heads)

    async def _mark(self, heads: dict[str, int]) -> None:
        """Which topics these moves concern."""
        unknown = [stream for stream in heads if stream not in self.kinds]
        if unknown and not {"runs", "inbox"} <= self.dirty:
            try:
                self.kinds.update(await in_thread(queries.kinds_of, unknown))
            except Exception as error:
                log.warning("kinds_unknown", error=str(error))
            while len(self.kinds) > 10_000:
                self.kinds.popitem(last=False)
        for stream in heads:
            self.dirty.add(f"run:{stream}")
            kind = self.kinds.get(stream, "")
            self.dirty.add({"run": "runs", "approval": "inbox"}.get(kind, kind))

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            watched = {stream.removeprefix("run:") for stream in self.topics if stream.startswith("run:")}
            try:
                heads = await in_thread(queries.heads, list(watched | self.tails.keys()))
                transaction = await in_thread(queries.latest_transaction) if self.topics else self.transaction
            except Exception as error:
                log.warning("poll_failed", error=str(error))
                continue
            for run, head in heads.items():
                tail = self.tails.get(run)
                if tail is not None and head > tail.cursor:
                    tail.moved.set()
                if head != self.heads.get(run, head):
                    self.dirty.add(f"run:{run}")
            self.heads = heads
            if transaction != self.transaction:
                if self.transaction >= 0:
                    self.dirty |= {"runs", "inbox"}
                self.transaction = transaction

    async def _tell(self) -> None:
        """Tell lists that something changed; a burst is one telling."""
        told: dict[str, float] = {}
        while True:
            await asyncio.sleep(CHANGED_SECONDS)
            now = time.monotonic()
            for topic in self.dirty & self.topics.keys():
                told[topic] = now
                text = frames.frame({"type": "changed", "stream": topic})
                for viewer in self.topics[topic]:
                    if viewer.has_room():
                        viewer.put(text)
            self.dirty.clear()


_of_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Tails] = weakref.WeakKeyDictionary()


def tails() -> Tails:
    """The tails of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _of_loop.get(loop)
    if found is None:
        found = _of_loop[loop] = Tails()
    return found
