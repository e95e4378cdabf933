"""Which supervisor runs in a `var` folder, if any: a lock that the kernel frees, and what it says about itself."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config import processes

# Forked from `manage.py up`, they carry its command line.
MARK = "manage.py"


@dataclass(frozen=True)
class Running:
    pid: int
    url: str


class AlreadyRunning(Exception):
    def __init__(self, running: Running | None) -> None:
        self.running = running
        super().__init__()


@contextlib.contextmanager
def alone(var: Path, url: str) -> Iterator[None]:
    """Be the one supervisor of that folder. Raises AlreadyRunning."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(_read(var)) from None
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "url": url}))
        lock.flush()
        yield
        lock.truncate(0)


def running(var: Path) -> Running | None:
    """The supervisor that holds the folder's lock now."""
    with contextlib.suppress(FileNotFoundError), (var / "up.lock").open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(var)
    return None


def end_leftovers(var: Path) -> list[str]:
    """End processes that outlived a killed supervisor; returns their names."""
    record, ended = var / "processes.json", []
    try:
        pids: dict[str, int] = json.loads(record.read_text())
    except (OSError, ValueError):
        return []
    for name, pid in pids.items():
        if processes.is_alive(pid) and processes.is_ours(pid, MARK):
            if not processes.end(pid, signal.SIGTERM, 10):
                processes.end(pid, signal.SIGKILL, 5)
            ended.append(name)
    record.unlink()
    return ended


def _read(var: Path) -> Running | None:
    try:
        facts = json.loads((var / "up.lock").read_text())
        return Running(int(facts["pid"]), str(facts["url"]))
    except (OSError, ValueError, KeyError):
        return None
