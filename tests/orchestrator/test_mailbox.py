"""One worker at a time per stream, in order, each with its own answer; and nobody works for others for ever."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from orchestrator import mailbox
from orchestrator.mailbox import Letter


def in_threads(count: int, work: Any) -> list[Any]:
    gate = threading.Barrier(count)
    found: list[Any] = [None] * count

    def one(number: int) -> None:
        gate.wait()
        try:
            found[number] = work(number)
        except BaseException as error:
            found[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return found


def answering(stream: str, letters: Sequence[Letter]) -> None:
    for letter in letters:
        letter.answer = letter.submission * 2


@pytest.fixture(autouse=True)
def _empty() -> Any:
    yield
    assert mailbox._boxes == {}


def test_a_letter_alone_is_answered_in_its_own_thread() -> None:
    seen: list[str] = []

    def answer(stream: str, letters: Sequence[Letter]) -> None:
        seen.append(threading.current_thread().name)
        answering(stream, letters)

    assert mailbox.post("s", 21, answer) == 42
    assert seen == [threading.current_thread().name]


def test_every_letter_gets_its_own_answer_and_no_two_batches_overlap() -> None:
    busy = threading.Lock()
    sizes: list[int] = []

    def answer(stream: str, letters: Sequence[Letter]) -> None:
        assert busy.acquire(blocking=False), "two at once"
        sizes.append(len(letters))
        answering(stream, letters)
        busy.release()

    def post(number: int) -> list[int]:
        return [mailbox.post("s", number * 100 + at, answer) for at in range(50)]

    found = in_threads(12, post)
    assert found == [[(number * 100 + at) * 2 for at in range(50)] for number in range(12)]
    assert sum(sizes) == 600
    assert max(sizes) <= mailbox.BATCH


def test_letters_that_wait_are_taken_together() -> None:
    first, go = threading.Event(), threading.Event()
    sizes: list[int] = []

    def answer(stream: str, letters: Sequence[Letter]) -> None:
        sizes.append(len(letters))
        if len(sizes) == 1:
            first.set()
            assert go.wait(30)
        answering(stream, letters)

    def post(number: int) -> int:
        if number:
            assert first.wait(30)
        if number == 5:
            while len(mailbox._boxes["s"].letters) < 4:
                pass
            go.set()
            return 0
        return int(mailbox.post("s", number, answer))

    assert in_threads(6, post) == [0, 2, 4, 6, 8, 0]
    assert sizes == [1, 4]


def test_an_error_of_one_letter_is_raised_to_its_owner_only() -> None:
    def answer(stream: str, letters: Sequence[Letter]) -> None:
        for letter in letters:
            if letter.submission % 2:
                letter.error = KeyError(letter.submission)
            else:
                letter.answer = letter.submission

    found = in_threads(10, lambda number: mailbox.post("s", number, answer))
    assert [isinstance(one, KeyError) for one in found] == [bool(number % 2) for number in range(10)]


def test_an_error_of_the_whole_batch_reaches_everybody_in_it_and_the_box_goes_on() -> None:
    def fails(stream: str, letters: Sequence[Letter]) -> None:
        raise OSError("the database is gone")

    found = in_threads(8, lambda number: mailbox.post("s", number, fails))
    assert all(isinstance(one, OSError) for one in found)
    assert mailbox.post("s", 4, answering) == 8


def test_streams_do_not_wait_for_each_other() -> None:
    inside = threading.Barrier(2)

    def answer(stream: str, letters: Sequence[Letter]) -> None:
        inside.wait(30)
        answering(stream, letters)

    assert in_threads(2, lambda number: mailbox.post(f"s{number}", number, answer)) == [0, 2]


def test_a_box_handed_to_someone_interrupted_is_still_worked_through() -> None:
    box = mailbox._boxes["s"] = mailbox._Box()
    mine, next_one = Letter(1), Letter(2)
    next_one.done = threading.Event()
    box.letters.append(next_one)
    box.busy = True
    mine.error = mailbox._HANDED_OVER

    mailbox._leave("s", box, mine, answering)

    assert (mine.answer, next_one.answer, box.busy) == (2, 4, False)
    del mailbox._boxes["s"]
