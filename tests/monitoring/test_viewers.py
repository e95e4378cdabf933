"""One socket as the tails see it: bounded, whatever the browser does."""

from __future__ import annotations

import pytest

from monitoring.viewers import Viewer


@pytest.mark.asyncio
async def test_a_browser_that_pings_without_reading_fills_no_memory() -> None:
    async def write(text: str) -> None:
        raise AssertionError("nothing is read here")

    async def close(code: int) -> None:
        raise AssertionError("nothing is closed here")

    viewer = Viewer(write, close)
    for _ in range(1000):
        viewer.put_once("heartbeat")
    waiting = len(viewer._waiting)
    viewer.stop()

    assert waiting == 1
