"""What ties a process to the supervisor that started it: it says when it is ready, and never outlives its parent.

Without a supervisor (one process on a machine of its own) both do nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

PARENT = "COUNTERSIGN_PARENT"
READY = "COUNTERSIGN_READY"
GRACE_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


def tie_to_parent() -> None:
    """End when the supervisor is gone: asked first, killed after a grace."""
    parent = int(os.environ.get(PARENT) or 0)
    if not parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()


def end_with_parent() -> None:
    """The same without a thread, for the supervisor itself when a test has started it (Linux only)."""
    if os.environ.get(PARENT) and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def die_with_parent() -> None:
    """For a worker's own children: killed at once when the worker is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def report_ready() -> None:
    """Tell the supervisor that work can begin. Only the first call counts."""
    number = os.environ.pop(READY, "")
    if number:
        with contextlib.suppress(OSError):
            os.write(int(number), b"ready")
            os.close(int(number))


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL) if os.getpgrp() == os.getpid() else os.kill(os.getpid(), signal.SIGKILL)
