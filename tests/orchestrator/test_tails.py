"""Who waits by long poll: woken together, bounded in number, and nothing is left behind."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from orchestrator import tails
from orchestrator.domain import ids


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was looked for; "gone" has been answered, everything else waits."""
    asked: list[list[str]] = []

    @sync_to_async(thread_sensitive=False)
    def states(keys: list[str]) -> dict[str, str]:
        asked.append(keys)
        return {key: "released" if key.startswith("answered") else "held" for key in keys}

    monkeypatch.setattr(tails, "_states", states)
    monkeypatch.setattr(tails, "LOOK_SECONDS", 0.02)
    return asked


def test_one_look_is_taken_for_all_who_wait(looks: list[list[str]]) -> None:
    async def wait() -> list[bool]:
        keys = [ids.row_id("run", f"a{number % 3}") for number in range(60)]
        return await asyncio.gather(*(tails.wait_for_answer(key, 0.3) for key in keys))

    assert asyncio.run(wait()) == [False] * 60
    assert 1 <= len(looks) <= 20
    assert looks[0] == ["run.a0", "run.a1", "run.a2"]
    assert tails.waiting() == 0


def test_who_is_answered_goes_on_at_once(looks: list[list[str]]) -> None:
    async def wait() -> tuple[bool, float]:
        started = time.monotonic()
        return await tails.wait_for_answer("answered", 5), time.monotonic() - started

    moved, waited = asyncio.run(wait())
    assert moved
    assert waited < 1


def test_one_too_many_is_told_to_come_again(looks: list[list[str]], settings: Any) -> None:
    settings.API_OPEN_POLLS = 2

    async def wait() -> None:
        waiting = [asyncio.create_task(tails.wait_for_answer("a", 0.2)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(tails.TooManyWait) as refused:
            await tails.wait_for_answer("a", 0.2)
        assert (refused.value.status, refused.value.facts["retry_after"]) == (429, 1)
        await asyncio.gather(*waiting)
        assert await tails.wait_for_answer("answered", 1)

    asyncio.run(wait())


def test_a_look_that_fails_costs_time_only(monkeypatch: pytest.MonkeyPatch, looks: list[list[str]]) -> None:
    good, failures = tails._states, iter([True, False])

    async def shaky(keys: list[str]) -> dict[str, str]:
        if next(failures, False):
            raise OSError("away")
        found: dict[str, str] = await good(keys)
        return found

    monkeypatch.setattr(tails, "_states", shaky)
    assert asyncio.run(tails.wait_for_answer("answered", 2))


def test_whoever_waits_is_let_go_when_the_process_ends_and_nobody_waits_after_that(
    looks: list[list[str]],
) -> None:
    async def wait() -> tuple[list[bool], bool, float]:
        waits = [asyncio.ensure_future(tails.wait_for_answer(ids.row_id("run", "a1"), 20)) for _ in range(5)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        tails.let_go()
        answers = await asyncio.gather(*waits)
        late = await tails.wait_for_answer(ids.row_id("run", "a1"), 20)
        return answers, late, time.monotonic() - began

    answers, late, seconds = asyncio.run(wait())
    assert (answers, late) == ([True] * 5, False)
    assert seconds < 1
