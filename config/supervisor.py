"""Keeps a few processes running under one parent: restarts a dead one, later and later, and stops all for certain.

Each has a session of its own, so that Ctrl-C reaches the supervisor alone and it decides the order of things.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from config import lifeline, processes

# Waits before a restart, in seconds; one that lived long enough begins again at the first.
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
LIVED_LONG = 20.0


@dataclass(frozen=True)
class Part:
    """One process: its name (also its log's), its command, what its environment has beside ours."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class _Running:
    part: Part
    log: Path
    process: subprocess.Popen[bytes] | None = None
    ready: threading.Event = field(default_factory=threading.Event)
    started_at: float = 0.0
    start_again_at: float = 0.0
    deaths: int = 0


class Supervisor:
    """Runs the parts until `ask_to_stop`. `look_after` is called about once a second, for what is not a part."""

    def __init__(
        self,
        parts: list[Part],
        *,
        logs: Path,
        grace: float = 10.0,
        look_after: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = print,
        record: Path | None = None,
    ) -> None:
        self._running = [_Running(part, logs / f"{part.name}.log") for part in parts]
        self._grace = grace
        self._look_after = look_after
        self._say = say
        self._record = record
        self._stop = threading.Event()

    def start(self) -> None:
        for one in self._running:
            processes.begin_log(one.log)
            self._launch(one)

    def wait_until_ready(self, patience: float) -> list[str]:
        """Keep watch until every part has reported ready; returns those that have not within `patience` seconds."""
        deadline = time.monotonic() + patience
        while not self._stop.is_set() and time.monotonic() < deadline:
            if all(one.ready.is_set() for one in self._running):
                return []
            self._restart_the_dead()
            self._stop.wait(0.02)
        return [one.part.name for one in self._running if not one.ready.is_set()]

    def run(self) -> None:
        """Keep watch until asked to stop, then stop everything."""
        looked = 0.0
        try:
            while not self._stop.wait(0.1):
                self._restart_the_dead()
                if time.monotonic() - looked > 1:
                    self._look_after()
                    looked = time.monotonic()
        finally:
            self.stop()

    def ask_to_stop(self, *_signal: object) -> None:
        """Safe in a signal handler."""
        self._stop.set()

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """End every part: all are asked at once; who has not ended after the grace is killed with its children."""
        self._stop.set()
        alive = [one.process for one in self._running if one.process and one.process.poll() is None]
        for process in alive:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        for process in alive:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._kill_group(process)
        for one in self._running:
            if one.process:
                self._kill_group(one.process)
        if self._record:
            self._record.unlink(missing_ok=True)

    def pids(self) -> dict[str, int]:
        return {one.part.name: one.process.pid for one in self._running if one.process}

    def log_of(self, name: str) -> Path:
        return next(one.log for one in self._running if one.part.name == name)

    def _launch(self, one: _Running) -> None:
        reader, writer = os.pipe()
        environment = {
            **os.environ,
            **one.part.environment,
            lifeline.PARENT: str(os.getpid()),
            lifeline.READY: str(writer),
        }
        one.ready.clear()
        one.process = processes.launch(one.part.command, one.log, env=environment, pass_fds=(writer,))
        os.close(writer)
        one.started_at = time.monotonic()
        threading.Thread(target=_hear, args=(reader, one.ready), daemon=True).start()
        if self._record:
            self._record.write_text(json.dumps(self.pids()))

    def _restart_the_dead(self) -> None:
        for one in self._running:
            if one.process is None:
                if time.monotonic() >= one.start_again_at:
                    self._launch(one)
            elif (code := one.process.poll()) is not None:
                self._kill_group(one.process)
                one.process = None
                one.deaths = 1 if time.monotonic() - one.started_at > LIVED_LONG else one.deaths + 1
                wait = BACKOFF[min(one.deaths, len(BACKOFF)) - 1]
                one.start_again_at = time.monotonic() + wait
                self._say(f"{one.part.name} ended ({_words(code)}); starting it again. Its log: {one.log}")

    @staticmethod
    def _kill_group(process: subprocess.Popen[bytes]) -> None:
        """The process leads its own group: whatever it started goes with it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _hear(reader: int, ready: threading.Event) -> None:
    with os.fdopen(reader, "rb") as words:
        if words.read(5) == b"ready":
            ready.set()


def _words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
