"""`bootstrap.py`: two that install into one environment at once take turns."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest

import bootstrap


def test_a_second_installation_says_that_it_waits_and_goes_on_after_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    with lock.open("rb") as first, lock.open("rb") as second:
        bootstrap.wait_for_another(first)
        waiting = threading.Thread(target=bootstrap.wait_for_another, args=(second,), daemon=True)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        fcntl.flock(first, fcntl.LOCK_UN)
        waiting.join(10)
        assert not waiting.is_alive()
    assert capsys.readouterr().out.count("waiting for it") == 1
