"""Keeps a few processes running under one parent: restarts a dead one, later and later, and stops all for certain.

The parts are forked from the supervisor, which has loaded the program once: they start, and start again, within
moments. For that the supervisor itself stays free of threads and of database connections; `forks.Aside` runs what
needs them. Each part has a session of its own, so that Ctrl-C reaches the supervisor alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config import forks, processes

# Waits before a restart, in seconds; one that lived long enough begins again at the first.
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
LIVED_LONG = 20.0


@dataclass(frozen=True)
class Part:
    """One process: its name, which is also its log's, and what it runs."""

    name: str
    run: Callable[[], object]


@dataclass
class _Running:
    part: Part
    log: Path
    pid: int = 0
    reader: int = -1
    is_ready: bool = False
    started_at: float = 0.0
    start_again_at: float = 0.0
    deaths: int = 0


class Supervisor:
    """Runs the parts until `ask_to_stop`. `look_after` is called about once a second, for what is not a part.

    `record` is a file that names the processes, for whoever cleans up after a supervisor that was killed.
    """

    def __init__(
        self,
        parts: list[Part],
        *,
        logs: Path,
        record: Path,
        grace: float = 10.0,
        look_after: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = print,
    ) -> None:
        self._running = [_Running(part, logs / f"{part.name}.log") for part in parts]
        self._record = record
        self._grace = grace
        self._look_after = look_after
        self._say = say
        self.is_stopping = False

    def start(self) -> None:
        for one in self._running:
            processes.begin_log(one.log)
            self._launch(one)

    def wait_until_ready(self, patience: float) -> list[str]:
        """Keep watch until every part has reported ready; the names of those that have not within `patience` s."""
        deadline = time.monotonic() + patience
        while not self.is_stopping and time.monotonic() < deadline:
            self._restart_the_dead()
            for one in self._running:
                one.is_ready = one.is_ready or forks.has_reported(one.reader)
            if all(one.is_ready for one in self._running):
                break
            time.sleep(0.02)
        return [one.part.name for one in self._running if not one.is_ready]

    def run(self) -> None:
        """Keep watch until asked to stop, then stop everything."""
        looked = 0.0
        try:
            while not self.is_stopping:
                self._restart_the_dead()
                if time.monotonic() - looked > 1:
                    self._look_after()
                    looked = time.monotonic()
                time.sleep(0.1)
        finally:
            self.stop()

    def ask_to_stop(self, *_signal: object) -> None:
        """Safe in a signal handler."""
        self.is_stopping = True

    def stop(self) -> None:
        """End every part: all are asked at once; who has not ended after the grace is killed with its children."""
        self.is_stopping = True
        alive = [one for one in self._running if one.pid]
        for one in alive:
            os.kill(one.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        while alive and time.monotonic() < deadline:
            alive = [one for one in alive if forks.exit_code(one.pid) is None]
            time.sleep(0.02)
        for one in self._running:
            if one.pid:
                forks.kill_group(one.pid)
                one.pid = 0
        self._record.unlink(missing_ok=True)

    def log_of(self, name: str) -> Path:
        return next(one.log for one in self._running if one.part.name == name)

    def _launch(self, one: _Running) -> None:
        if one.reader >= 0:
            os.close(one.reader)
        one.pid, one.reader = forks.launch(one.part.run, one.log)
        one.started_at = time.monotonic()
        self._record.write_text(
            json.dumps({other.part.name: other.pid for other in self._running if other.pid})
        )

    def _restart_the_dead(self) -> None:
        for one in self._running:
            if not one.pid:
                if time.monotonic() >= one.start_again_at:
                    self._launch(one)
            elif (code := forks.exit_code(one.pid)) is not None:
                forks.kill_group(one.pid)
                one.pid = 0
                one.is_ready = False
                one.deaths = 1 if time.monotonic() - one.started_at > LIVED_LONG else one.deaths + 1
                one.start_again_at = time.monotonic() + BACKOFF[min(one.deaths, len(BACKOFF)) - 1]
                self._say(f"{one.part.name} ended ({_words(code)}); starting it again. Its log: {one.log}")


def _words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
