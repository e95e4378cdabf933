"""One socket as the tails see it: bounded, whatever the browser does."""

from __future__ import annotations

import asyncio
import gc
import weakref

import msgspec
import pytest
import redis
from django.conf import settings

from config import embedded
from monitoring import nudges
from monitoring.tails import Tail, Tails
from monitoring.viewers import Viewer, begun


@pytest.mark.asyncio
async def test_a_browser_that_pings_without_reading_fills_no_memory() -> None:
    async def write(text: str) -> None:
        await asyncio.Event().wait()

    async def close(code: int) -> None:
        raise AssertionError("nothing is closed here")

    viewer = Viewer(write, close)
    for _ in range(1000):
        viewer.put_once("heartbeat")
    waiting = len(viewer._waiting)
    viewer.stop()

    assert waiting == 1


async def _never_closed(code: int) -> None:
    raise AssertionError("nothing is closed here")


@pytest.mark.asyncio
async def test_what_the_server_takes_at_once_is_written_before_put_returns() -> None:
    written: list[str] = []

    async def write(text: str) -> None:
        written.append(text)

    viewer = Viewer(write, _never_closed)
    viewer.put("one")
    viewer.put("two")
    assert written == ["one", "two"]
    assert not viewer._tasks
    viewer.stop()


@pytest.mark.asyncio
async def test_what_comes_while_one_is_written_follows_in_order() -> None:
    written: list[str] = []
    gate = asyncio.Event()

    async def write(text: str) -> None:
        await gate.wait()
        await asyncio.sleep(0)
        written.append(text)

    viewer = Viewer(write, _never_closed)
    for text in ("one", "two", "three"):
        viewer.put(text)
    assert written == []
    gate.set()
    while len(written) < 3:
        await asyncio.sleep(0)
    assert written == ["one", "two", "three"]
    await asyncio.sleep(0)
    viewer.put("four")
    while len(written) < 4:
        await asyncio.sleep(0)
    viewer.stop()


@pytest.mark.asyncio
async def test_a_socket_that_fails_ends_its_own_writing_and_nobody_elses() -> None:
    async def write(text: str) -> None:
        raise RuntimeError("closed")

    viewer = Viewer(write, _never_closed)
    viewer.put("one")
    viewer.put("two")
    assert not viewer._waiting
    viewer.stop()


@pytest.mark.asyncio
async def test_a_coroutine_that_was_begun_ends_as_it_would_in_a_task() -> None:
    told: list[str] = []

    async def work(fails: bool) -> None:
        try:
            await asyncio.sleep(0.01)
            told.append("slept")
            if fails:
                raise ValueError("late")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    rest = begun(work(fails=True))
    assert rest is not None
    with pytest.raises(ValueError, match="late"):
        await rest
    rest = begun(work(fails=False))
    assert rest is not None
    task = asyncio.ensure_future(rest)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["slept", "slept", "cancelled"]

    async def at_once() -> None:
        told.append("at once")

    assert begun(at_once()) is None
    assert told[-1] == "at once"


@pytest.mark.asyncio
async def test_a_task_that_was_ended_gives_back_what_it_holds_though_nobody_else_knows_it() -> None:
    async def holds() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()

    tails = Tails()
    tails._task("listen", holds())
    await asyncio.sleep(0)
    ended = weakref.ref(tails.tasks["listen"])
    tails.close()
    await asyncio.sleep(0)
    gc.collect()

    task = ended()
    assert task is not None
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
    assert not tails.ending


@pytest.mark.asyncio
async def test_a_listener_that_lives_on_after_its_end_hands_nothing_on() -> None:
    """Two listen, as when a client swallows the end of its task; what an agent writes may still come once only."""
    embedded.ensure(settings.VAR_DIR)
    written: list[str] = []

    async def write(text: str) -> None:
        written.append(text)

    tails = Tails()
    tails.tails["r"] = tail = Tail("r", 0)
    tail.at[Viewer(write, _never_closed)] = 0
    client = redis.Redis.from_url(settings.REDIS_URL)
    before = client.pubsub_numsub(nudges.channel())[0][1]
    tails._task("listen", tails._listen())
    lives_on = tails.tasks["listen"]
    tails._task("listen", tails._listen())
    while client.pubsub_numsub(nudges.channel())[0][1] < before + 2:
        await asyncio.sleep(0.01)

    client.publish(nudges.channel(), msgspec.json.encode({"text": ["r", "t1", "Dear sirs"]}))
    await asyncio.wait([lives_on], timeout=10)
    while not written:
        await asyncio.sleep(0.01)
    tails.close()

    assert lives_on.done()
    assert len(written) == 1
