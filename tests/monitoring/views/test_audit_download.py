"""A long download goes chunk by chunk through the event loop: never whole in memory, never cut and taken for whole."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from monitoring.views.audit_download import CHUNK, WAITING, from_thread, gathered


def test_small_lines_travel_together_and_none_is_lost() -> None:
    lines = [b"%06d\n" % number for number in range(30_000)]
    chunks = list(gathered(iter(lines)))
    assert b"".join(chunks) == b"".join(lines)
    assert {len(chunk) >= CHUNK for chunk in chunks[:-1]} == {True}
    assert list(gathered(iter([]))) == []


@pytest.mark.asyncio
async def test_chunks_come_in_order_and_are_made_only_as_fast_as_they_are_taken() -> None:
    made: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(50):
            made.append(number)
            yield b"%d" % number

    got = []
    async for chunk in from_thread(chunks()):
        got.append(int(chunk))
        await asyncio.sleep(0.001)
        assert len(made) <= len(got) + WAITING + 2
    assert got == list(range(50))


@pytest.mark.asyncio
async def test_what_breaks_while_it_is_made_breaks_the_download() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError("The database is gone")

    reading = from_thread(chunks())
    assert await anext(reading) == b"one"
    with pytest.raises(RuntimeError, match="The database is gone"):
        await anext(reading)


@pytest.mark.asyncio
async def test_a_browser_that_leaves_ends_the_reading() -> None:
    ended = threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            while True:
                yield b"more"
        finally:
            ended.set()

    reading = from_thread(chunks())
    assert await anext(reading) == b"more"
    await reading.aclose()
    assert await asyncio.to_thread(ended.wait, 5)
