"""Functions on the caller's own thread: in time they return, too late somebody else goes on, never both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from orchestrator import ports
from orchestrator.adapters import timed


def never() -> None:
    raise AssertionError("nobody's time was up")


def test_what_is_in_time_returns_on_the_same_thread_and_nobody_is_told() -> None:
    assert timed.watched(threading.get_ident, seconds=5, overran=never) == threading.get_ident()
    assert timed.watched(lambda a, *, b: a + b, 1, b=2, seconds=5, overran=never) == 3


def test_what_it_raises_is_raised() -> None:
    with pytest.raises(SystemExit):
        timed.watched(exit, 3, seconds=5, overran=never)


def test_at_the_limit_another_thread_is_told_and_this_one_is_abandoned_when_it_comes_back(
    eventually: Callable[..., Any],
) -> None:
    before = timed.stuck_threads()
    told: list[int] = []
    back = threading.Event()

    def overran() -> None:
        told.append(threading.get_ident())
        assert timed.stuck_threads() == before + 1
        back.set()

    with pytest.raises(ports.Abandoned):
        timed.watched(back.wait, 30, seconds=0.05, overran=overran)
    assert told
    assert told[0] != threading.get_ident()
    eventually(lambda: timed.stuck_threads() == before)


def test_a_raise_after_the_limit_is_abandoned_too() -> None:
    back = threading.Event()

    def late() -> None:
        back.wait(30)
        raise ValueError("too late")

    with pytest.raises(ports.Abandoned):
        timed.watched(late, seconds=0.05, overran=back.set)


def test_a_short_limit_is_kept_while_a_long_one_is_waited_for() -> None:
    release, told = threading.Event(), threading.Event()
    long = threading.Thread(
        target=timed.watched, args=(release.wait, 30), kwargs={"seconds": 60, "overran": never}
    )
    long.start()
    time.sleep(0.05)
    with pytest.raises(ports.Abandoned):
        timed.watched(told.wait, 30, seconds=0.05, overran=told.set)
    release.set()
    long.join()


def test_at_the_very_limit_exactly_one_of_both_goes_on() -> None:
    """Four hundred calls that end when their time does: each is either in time, or its successor was told."""
    told: list[int] = []
    outcomes: dict[int, str] = {}

    def one(number: int) -> None:
        try:
            timed.watched(time.sleep, 0.01, seconds=0.01, overran=lambda: told.append(number))
            outcomes[number] = "in time"
        except ports.Abandoned:
            outcomes[number] = "abandoned"

    for first in range(0, 400, 40):
        threads = [threading.Thread(target=one, args=(number,)) for number in range(first, first + 40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    deadline = time.monotonic() + 5
    while (
        len(told) < sum(found == "abandoned" for found in outcomes.values()) and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    assert sorted(told) == sorted(number for number, found in outcomes.items() if found == "abandoned")
    assert len(outcomes) == 400


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_a_function_leaves_open_is_not_the_callers() -> None:
    def careless() -> None:
        connection.set_autocommit(False)
        connection.cursor().execute("SELECT 1")

    connection.ensure_connection()
    timed.watched(careless, seconds=5, overran=never)
    connection.ensure_connection()
    assert connection.get_autocommit()
    assert not connection.in_atomic_block


def test_whoever_replaces_the_process_hears_of_each_thread_too_many(
    eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timed._stuck, "told", None)
    full, release = threading.Event(), threading.Event()
    timed.when_full(full.set)

    def hang() -> None:
        with pytest.raises(ports.Abandoned):
            timed.watched(release.wait, 30, seconds=0.02, overran=lambda: None)

    threads = [threading.Thread(target=hang) for _ in range(timed.STUCK_LIMIT)]
    for thread in threads[:-1]:
        thread.start()
    eventually(lambda: timed.stuck_threads() == timed.STUCK_LIMIT - 1)
    assert not full.is_set()
    threads[-1].start()
    assert full.wait(5)
    release.set()
    for thread in threads:
        thread.join()
