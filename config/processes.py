"""Operating-system processes: launching one detached, asking whether it lives or answers, ending it for certain.

Knows nothing of what they do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

_children: list[subprocess.Popen[bytes]] = []


def launch(command: list[str], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own (Ctrl-C in the terminal is the supervisor's to answer), with its log."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **options
        )
    _children.append(process)
    return process


def begin_log(log: Path) -> None:
    """Start the log anew; the one before is kept as `.log.1`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    log.touch(mode=0o600)


def last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:].strip() if log.exists() else "(nothing)"


def answers(path: Path) -> bool:
    """Whether somebody accepts connections on that socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def is_alive(pid: int) -> bool:
    """Whether that process runs; one that ended and was not yet collected does not."""
    reap()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def is_ours(pid: int, mark: str) -> bool:
    """Whether its command line carries the mark, so that it is not another that got the same number since."""
    with contextlib.suppress(OSError):
        return mark.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    seen = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return mark in seen.stdout


def end(pid: int, kind: signal.Signals, patience: float) -> bool:
    """Send the signal and wait; whether the process was gone within `patience` seconds."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, kind)
    deadline = time.monotonic() + patience
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def reap() -> None:
    """Collect those of our children that have ended."""
    _children[:] = [process for process in _children if process.poll() is None]
