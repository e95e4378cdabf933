"""Forks: a function run in a process of its own, with a log, a session and a line to its parent.

Only a process without threads may call these.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from config import lifeline

_exit_codes: dict[int, int] = {}


def launch(run: Callable[[], object], log: Path) -> tuple[int, int]:
    """Run the function in a new process; returns its pid and the descriptor on which it reports ready."""
    reader, writer = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _become_a_part(run, log, parent, writer)
    os.close(writer)
    os.set_blocking(reader, False)
    return pid, reader


class Aside:
    """A function at work in a process of its own, where it may open connections and start threads."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self._reader, writer = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(self._reader)
            with os.fdopen(writer, "w") as out:
                json.dump(_said(run), out)
            _leave(0)
        os.close(writer)

    def answer(self) -> Any:
        """Wait for its JSON-like answer. Raises `AsideFailed` with its last words."""
        with os.fdopen(self._reader) as words:
            said = words.read()
        os.waitpid(self._pid, 0)
        answer = json.loads(said) if said else {"error": "It ended without an answer."}
        if "error" in answer:
            raise AsideFailed(answer["error"])
        return answer["value"]


def _said(run: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"value": run()}
    except Exception as error:
        known = type(error).__module__.startswith(("django.core.management", "config"))
        return {"error": str(error) if known else traceback.format_exc()}


class AsideFailed(RuntimeError):
    """What ran aside failed; the text is what it said."""


def has_reported(reader: int) -> bool:
    try:
        return os.read(reader, 5) == b"ready"
    except BlockingIOError:
        return False


def exit_code(pid: int) -> int | None:
    """How our child ended (negative: by that signal), or None while it runs. May be asked again."""
    if pid not in _exit_codes:
        done, status = os.waitpid(pid, os.WNOHANG)
        if not done:
            return None
        _exit_codes[pid] = os.waitstatus_to_exitcode(status)
    return _exit_codes[pid]


def kill_group(pid: int) -> None:
    """Kill our child and whatever it started: it leads a group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if pid not in _exit_codes:
        os.waitpid(pid, 0)
    _exit_codes.pop(pid, None)


def _become_a_part(run: Callable[[], object], log: Path, parent: int, writer: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(kind, signal.SIG_DFL)
        out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        # Nothing of the supervisor's stays open here, least of all the lock that says that it runs.
        os.closerange(3, writer)
        os.closerange(writer + 1, 4096)
        os.environ[lifeline.PARENT] = str(parent)
        os.environ[lifeline.READY] = str(writer)
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End without unwinding: the stack below belongs to the parent."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
