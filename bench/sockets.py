"""Many browsers, as far as a server can tell: each joins one run's live log and notes when each event arrived.

Arguments: port, run, how many, seconds, session key. Prints "joined", and at the end one JSON line.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
import time
from functools import lru_cache

import websockets

from bench.ground import percentile


async def _watch(
    url: str, headers: dict[str, str], run: str, ready: asyncio.Semaphore, late: list[float]
) -> None:
    async with websockets.connect(url, additional_headers=headers, compression=None, max_size=None) as socket:
        await socket.send(json.dumps({"type": "join", "stream": f"run:{run}", "cursor": 2}))
        ready.release()
        acknowledged = 0.0
        async for text in socket:
            now = time.time()
            times, last = _read(text)
            late.extend((now - at) * 1000 for at in times)
            if last and now - acknowledged > 1:  # as a page does
                acknowledged = now
                await socket.send(json.dumps({"type": "ack", "stream": f"run:{run}", "cursor": last}))


@lru_cache(maxsize=64)
def _read(text: str) -> tuple[tuple[float, ...], int]:
    """When the frame's events happened, and the last seq. All sockets get the same text: it is read once, because
    the browsers' own work is not what is measured."""
    frame = json.loads(text)
    if frame["type"] != "events":
        return (), 0
    events = frame["events"]
    return tuple(dt.datetime.fromisoformat(event["at"]).timestamp() for event in events), events[-1]["seq"]


async def main() -> None:
    port, run, count, seconds, session = sys.argv[1:6]
    headers = {"Cookie": f"sessionid={session}", "Origin": f"http://127.0.0.1:{port}"}
    ready = asyncio.Semaphore(0)
    late: list[float] = []
    tasks = []
    for at in range(int(count)):
        tasks.append(
            asyncio.create_task(_watch(f"ws://127.0.0.1:{port}/ws/live/", headers, run, ready, late))
        )
        if at % 20 == 19:
            await asyncio.sleep(0.15)
    for _ in tasks:
        await asyncio.wait_for(ready.acquire(), 60)
    await asyncio.sleep(1)
    late.clear()
    print("joined", flush=True)
    await asyncio.sleep(float(seconds) + 3)
    for task in tasks:
        task.cancel()
    found = {"delivered": len(late), "p50": percentile(late, 0.5), "p99": percentile(late, 0.99)}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
