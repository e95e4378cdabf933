"""Per process and stream: commands are decided in order on the cached state and appended with one compare-and-set.

Without it, many replies to one stream fight over its head and most lose. An idle stream pays nothing but a lock
that nobody else holds. It knows nothing of rules or rows: the engine hands it a `decide_and_append`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

BATCH = 16


class Letter:
    """One submitted command and, later, its answer."""

    __slots__ = ("answer", "done", "error", "submission")

    def __init__(self, submission: Any) -> None:
        self.submission = submission
        self.answer: Any = None
        self.error: BaseException | None = None
        self.done: threading.Event | None = None


class _Box:
    __slots__ = ("busy", "letters", "users")

    def __init__(self) -> None:
        self.letters: deque[Letter] = deque()
        self.busy = False
        self.users = 0


_boxes: dict[str, _Box] = {}
_guard = threading.Lock()


def post(stream: str, submission: Any, decide_and_append: Callable[[str, Sequence[Letter]], None]) -> Any:
    """Submit and wait for the answer; raises what the decision raised.

    The first to come works through the box for all who come meanwhile. `decide_and_append` sets each letter's
    answer or error itself; what it raises is given to every letter of the batch.
    """
    letter = Letter(submission)
    with _guard:
        box = _boxes.get(stream)
        if box is None:
            box = _boxes[stream] = _Box()
        box.users += 1
        leads = not box.busy
        if leads:
            box.busy = True
        else:
            letter.done = threading.Event()
        box.letters.append(letter)
    try:
        if leads:
            _work(stream, box, decide_and_append)
        else:
            assert letter.done is not None
            try:
                letter.done.wait()
            except BaseException:
                _leave(stream, box, letter, decide_and_append)
                raise
            if letter.error is _HANDED_OVER:
                letter.error = None
                _work(stream, box, decide_and_append, first=letter)
    finally:
        with _guard:
            box.users -= 1
            if box.users == 0 and _boxes.get(stream) is box:
                del _boxes[stream]
    if letter.error is not None:
        raise letter.error
    return letter.answer


class _HandedOver(Exception):
    """Not an error: this letter's owner is the next to work through the box."""


_HANDED_OVER = _HandedOver()


def _leave(
    stream: str,
    box: _Box,
    letter: Letter,
    decide_and_append: Callable[[str, Sequence[Letter]], None],
) -> None:
    """Its owner was interrupted while waiting. A box that is its to work through is still worked through: those
    who come after it would wait for ever."""
    with _guard:
        if letter in box.letters:
            box.letters.remove(letter)
            return
    if letter.error is _HANDED_OVER:
        letter.error = None
        _work(stream, box, decide_and_append, first=letter)


def _work(
    stream: str,
    box: _Box,
    decide_and_append: Callable[[str, Sequence[Letter]], None],
    first: Letter | None = None,
) -> None:
    """Append one batch, then hand the box to the owner of the next letter: nobody works for others for ever."""
    batch = [first] if first is not None else []
    with _guard:
        while box.letters and len(batch) < BATCH:
            batch.append(box.letters.popleft())
    try:
        decide_and_append(stream, batch)
    except BaseException as error:
        for letter in batch:
            if letter.answer is None and letter.error is None:
                letter.error = error
    finally:
        with _guard:
            heir = box.letters.popleft() if box.letters else None
            if heir is None:
                box.busy = False
        for letter in batch:
            if letter.done is not None and letter is not first:
                letter.done.set()
        if heir is not None:
            heir.error = _HANDED_OVER
            assert heir.done is not None
            heir.done.set()
