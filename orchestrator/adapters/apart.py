"""Runs somebody else's Python function in a process of its own, which is killed at its time limit.

For agents that burn the processor, crash, or hold the interpreter in C code: none of it stops the worker, which
goes on renewing its lease. The process has no connection of the worker's: files of the run are asked for over a
pipe. It is no sandbox: the code runs with the rights of the worker, and what it may do to the world is decided
elsewhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import msgspec

from orchestrator import ports
from orchestrator.adapters import said
from orchestrator.adapters.timed import TimeLimitReached
from orchestrator.domain import errors, replies

# How often a silent process's worker looks whether the run was cancelled, in seconds.
LOOK_EVERY = 0.25
# The most that one message may hold: an answer at its limit, with room for how it is written.
_MOST = 2 * said.MAX_BYTES + 1024 * 1024
_PR_SET_PDEATHSIG = 1


class Raised(Exception):
    """The function raised. `line` is what a person may read, `stack` is for the log."""

    def __init__(self, kind: str, text: str, stack: str) -> None:
        super().__init__(text)
        self.kind, self.stack = kind, stack


class ProcessEnded(errors.PortFailure):
    """The agent's process ended before it answered."""


class Cancelled(errors.PortFailure):
    """The run was cancelled while the agent was at work. Its process was ended, and nothing it did was kept."""


def run(
    function: Callable[..., Any], work: Any, request: ports.TurnRequest, *, seconds: float
) -> replies.Reply:
    """The function's checked reply to a turn.

    Raises TimeLimitReached after `seconds`, Raised with whatever the function raised, ProcessEnded, Cancelled, and
    the PortFailures that the function itself raised.
    """
    ours, theirs = Pipe()
    pid = os.fork()
    if not pid:
        _live(function, work, request, theirs)
    theirs.close()
    process = _Process(pid)
    limit = threading.Timer(seconds, process.kill_late)
    limit.daemon = True
    limit.start()
    try:
        return _attend(ours, process, request)
    finally:
        limit.cancel()
        process.end()
        ours.close()


class _Process:
    """Our child. It leads a group, so that what it started ends with it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.was_late = False
        self.code: int | None = None
        self._ending = threading.Lock()

    def kill_late(self) -> None:
        self.was_late = True
        self._kill()

    def end(self) -> int:
        """Kill what is left of it, and collect it. Its exit code, negative for a signal."""
        self._kill()
        with self._ending:
            if self.code is None:
                self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def _kill(self) -> None:
        with self._ending:
            if self.code is not None:
                return
            for kill in (os.killpg, os.kill):  # it may not lead its group yet
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    kill(self.pid, signal.SIGKILL)


def _attend(pipe: Connection, process: _Process, request: ports.TurnRequest) -> replies.Reply:
    """Answer what the process asks, until it has said its last word."""
    while True:
        if request.is_cancelled():
            raise Cancelled(retry="permanent")
        try:
            if not pipe.poll(LOOK_EVERY):
                continue
            verb, *rest = msgspec.msgpack.decode(pipe.recv_bytes(_MOST))
            match verb, rest:
                case "read", [str(digest)]:
                    pipe.send_bytes(msgspec.msgpack.encode(_read(request, digest)))
                case "text", [str(chunk)]:
                    request.stream_text(chunk)
                case "reply", [reply]:
                    return msgspec.convert(reply, replies.Reply)
                case "failure", [str(text), str(retry), after]:
                    raise errors.PortFailure(text, retry=retry, retry_after=after)
                case "raised", [str(kind), str(text), str(stack)]:
                    raise Raised(kind, text, stack)
                case _:
                    raise OSError
        except (EOFError, OSError, ValueError, TypeError, msgspec.MsgspecError):
            # Closed, killed, or something that is none of our words.
            if process.was_late:
                raise TimeLimitReached from None
            how = _how(process.end())
            raise ProcessEnded(
                f"The process of the agent {request.agent.slug} {how} before it answered. Nothing it did was kept.",
                retry="permanent",
            ) from None


def _read(request: ports.TurnRequest, digest: str) -> tuple[str, Any]:
    try:
        return "data", request.read_file(digest)
    except errors.CountersignError as error:
        return "refused", error.message


def _how(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


# ---- in the process ----
def _live(function: Callable[..., Any], work: Any, request: ports.TurnRequest, pipe: Connection) -> NoReturn:
    code = 1
    try:
        _settle_in(pipe.fileno())
        _say(pipe, *_outcome(function, work, request, pipe))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # Without unwinding: the stack below, and every object that was inherited, belong to the worker.
        os._exit(code)


def _settle_in(pipe: int) -> None:
    gc.freeze()
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for kind in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGCHLD,
        signal.SIGUSR1,
        signal.SIGQUIT,
    ):
        signal.signal(kind, signal.SIG_DFL)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, 4096)


def _outcome(
    function: Callable[..., Any], work: Any, request: ports.TurnRequest, pipe: Connection
) -> tuple[Any, ...]:
    asking = threading.Lock()

    def read_file(digest: str) -> bytes:
        with asking:
            _say(pipe, "read", digest)
            verb, value = msgspec.msgpack.decode(pipe.recv_bytes())
        if verb != "data":
            raise errors.NotPermitted(value, digest=digest)
        data: bytes = value
        return data

    def stream_text(text: str) -> None:
        with asking:
            _say(pipe, "text", text)

    # Who is cancelled is killed, and needs not look.
    request = dataclasses.replace(
        request, read_file=read_file, stream_text=stream_text, is_cancelled=lambda: False
    )
    try:
        return "reply", msgspec.to_builtins(said.checked(function(work, request)))
    except errors.PortFailure as failure:
        return "failure", failure.message, failure.retry, failure.retry_after
    except BaseException as error:
        return "raised", type(error).__name__, str(error), "".join(traceback.format_exception(error))[-8000:]


def _say(pipe: Connection, *words: Any) -> None:
    pipe.send_bytes(msgspec.msgpack.encode(words, enc_hook=str))
