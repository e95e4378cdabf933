"""Isolated agents: a process of their own, which ends when it must, whatever runs in it."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from typing import Any

import msgspec
import pytest

from orchestrator import ports
from orchestrator.adapters.code_agent import CodeAgentRunner, stuck_threads
from orchestrator.adapters.registry import code_agent
from orchestrator.domain import errors
from orchestrator.domain.replies import Reply

invoke = CodeAgentRunner().invoke


def isolated(turns: Any, reference: str, *, seconds: float = 20, **changes: Any) -> ports.TurnRequest:
    request = turns.code(reference, seconds=seconds, **changes)
    agent = msgspec.structs.replace(request.agent, isolated=True)
    return turns.of(agent, request.stage, inputs=request.inputs, **changes)


@code_agent("apart.reader")
def reader(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    turn.stream_text("reading")
    return Reply(output={"process": os.getpid(), "size": len(turn.read_file("d" * 64))}, note=turn.turn)


@code_agent("apart.forbidden")
def forbidden(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    turn.read_file("e" * 64)
    return Reply(output=1)


@code_agent("apart.loop")
def loop(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    turn.stream_text(str(os.getpid()))
    while True:
        pass


@code_agent("apart.pattern")
def pattern(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    turn.stream_text(str(os.getpid()))
    # One call of C code that does not give the interpreter back for years.
    return Reply(output=bool(re.match(r"(a+)+$", "a" * 60 + "b")))


@code_agent("apart.deaf")
def deaf(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    turn.stream_text(str(os.getpid()))
    for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(kind, signal.SIG_IGN)
    time.sleep(600)
    return Reply(output=1)


@code_agent("apart.crash")
def crash(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    os.kill(os.getpid(), signal.SIGSEGV)
    return Reply(output=1)


@code_agent("apart.leaves")
def leaves(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    os._exit(3)


@code_agent("apart.raises")
def raises(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    raise LookupError("no such order\nsecond line")


@code_agent("apart.wants_later")
def wants_later(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    raise errors.PortFailure("The other side rests.", retry_after=7)


@code_agent("apart.garbage")
def garbage(work: dict, turn: ports.TurnRequest) -> Any:  # type: ignore[type-arg]
    return "not a reply"


def test_it_answers_from_another_process_and_reads_files_through_its_worker(turns: Any) -> None:
    reply = invoke(isolated(turns, "apart.reader", read_file=lambda digest: b"12345"))
    assert reply.output["process"] != os.getpid()
    assert (reply.output["size"], reply.note, turns.shown) == (5, "turn-1", ["reading"])


def test_a_file_that_is_not_the_runs_is_refused_there_as_well(turns: Any) -> None:
    def refuse(digest: str) -> bytes:
        raise errors.NotPermitted("This file does not belong to the run.")

    with pytest.raises(errors.PortFailure, match="NotPermitted: This file does not belong to the run"):
        invoke(isolated(turns, "apart.forbidden", read_file=refuse))


@pytest.mark.parametrize("agent", ["apart.loop", "apart.pattern", "apart.deaf"])
def test_whatever_it_does_it_ends_at_its_time_limit(turns: Any, agent: str) -> None:
    before = stuck_threads()
    with pytest.raises(errors.PortFailure, match="within 1 seconds, and its process was ended") as failure:
        invoke(isolated(turns, agent, seconds=1))
    assert failure.value.retry == "permanent"
    assert stuck_threads() == before
    with pytest.raises(ProcessLookupError):
        os.kill(int(turns.shown[0]), 0)


@pytest.mark.parametrize(
    ("agent", "words", "retry"),
    [
        ("apart.crash", "was ended by SIGSEGV before it answered", "permanent"),
        ("apart.leaves", "ended with exit code 3 before it answered", "permanent"),
        ("apart.raises", "failed with LookupError: no such order.", "permanent"),
        ("apart.wants_later", "The other side rests.", "transient"),
        ("apart.garbage", "must return a Reply", "contract"),
    ],
)
def test_how_it_fails_is_told_in_words(turns: Any, agent: str, words: str, retry: str) -> None:
    with pytest.raises(errors.PortFailure, match=words) as failure:
        invoke(isolated(turns, agent))
    assert failure.value.retry == retry
    assert "second line" not in failure.value.message


def test_a_cancelled_runs_process_is_ended_at_once(turns: Any) -> None:
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    with pytest.raises(errors.PortFailure, match="was cancelled"):
        invoke(isolated(turns, "apart.loop", seconds=600, is_cancelled=cancelled.is_set))
