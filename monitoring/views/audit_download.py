"""A long download that is never whole in memory, whichever server asks for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator, Iterator

from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

# Lines are small: they travel together.
CHUNK = 64 * 1024
WAITING = 4


class Gone(Exception):
    """The browser left; what is being read for it stops."""


def streamed(request: HttpRequest, lines: Iterator[bytes], name: str) -> StreamingHttpResponse:
    """A file of lines that is made while it is sent."""
    chunks = gathered(lines)
    response = StreamingHttpResponse(
        from_thread(chunks) if isinstance(request, ASGIRequest) else chunks,
        content_type="application/x-ndjson",
    )
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def gathered(lines: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= CHUNK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


async def from_thread(chunks: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The chunks, read in one thread of their own: its connection sees one moment of the database, and an event
    loop would otherwise collect all of them first."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(WAITING)
    has_left = threading.Event()

    def put(item: bytes | BaseException | None) -> None:
        waiting = asyncio.run_coroutine_threadsafe(queue.put(item), loop)
        while True:
            try:
                waiting.result(0.5)
                return
            except TimeoutError:
                if has_left.is_set():
                    waiting.cancel()
                    raise Gone() from None

    def read() -> None:
        try:
            for chunk in chunks:
                put(chunk)
            put(None)
        except Gone:
            pass
        except BaseException as error:
            # The browser must not take a file that was cut for a whole one: its transfer is broken off.
            put(error)
        finally:
            if isinstance(chunks, Generator):
                chunks.close()
            connection.close()

    thread = threading.Thread(target=read, name="export", daemon=True)
    thread.start()
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        has_left.set()
