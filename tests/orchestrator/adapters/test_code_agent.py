"""Code agents: typed in, checked out, held to their time."""

from __future__ import annotations

import sys
import threading
from decimal import Decimal

import msgspec
import pytest
from structlog.testing import capture_logs

from orchestrator import ports
from orchestrator.adapters import timed
from orchestrator.adapters.code_agent import CodeAgentRunner, stuck_threads
from orchestrator.adapters.registry import code_agent
from orchestrator.domain import errors
from orchestrator.domain.replies import Assertion, Evidence, ProposedAction, Reply

invoke = CodeAgentRunner().invoke


class Line(msgspec.Struct, frozen=True):
    amount: Decimal


class Work(msgspec.Struct, frozen=True):
    lines: list[Line]


class Sum(msgspec.Struct, frozen=True):
    total: Decimal
    count: int


@code_agent("tests.adder", output=Sum)
def adder(work: Work, turn: ports.TurnRequest) -> Reply:
    total = sum((line.amount for line in work.lines), Decimal(0))
    return Reply(
        output=Sum(total, len(work.lines)),
        assertions=(
            Assertion(subject="all", predicate="total", value=str(total), evidence=(Evidence(source="a"),)),
        ),
        note=turn.turn,
    )


def returning(answer, *, name=[0]):  # noqa: B006 - a counter
    """The reference of a new agent that returns this, or raises it."""
    name[0] += 1
    reference = f"tests.returning_{name[0]}"

    def agent(work: dict, turn: ports.TurnRequest) -> Reply:
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    agent.__qualname__ = reference
    code_agent(reference)(agent)
    return reference


def failed(request) -> errors.PortFailure:
    with pytest.raises(errors.PortFailure) as raised:
        invoke(request)
    return raised.value


def test_input_is_typed_and_the_output_becomes_plain_json(turns):
    reply = invoke(turns.code("tests.adder", {"lines": [{"amount": "1.10"}, {"amount": "2.20"}]}))
    assert reply.output == {"total": "3.30", "count": 2}
    assert reply.note == "turn-1"
    assert reply.assertions[0].evidence == (Evidence(source="a"),)


def test_an_agent_may_still_work_without_an_output(turns):
    action = ProposedAction(tool="payments.pay", arguments={"amount": "1.00"})
    reply = invoke(turns.code(returning(Reply(actions=(action,)))))
    assert reply.output is msgspec.UNSET
    assert reply.actions == (action,)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"lines": [{"amount": True}]}, "lines[0].amount: expected"),
        ({"lines": "none"}, "lines: expected array, got str"),
        ({}, "lines"),
    ],
    ids=["inner", "outer", "missing"],
)
def test_an_input_that_does_not_fit_names_the_field(turns, inputs, words):
    failure = failed(turns.code("tests.adder", inputs))
    assert failure.retry == "permanent"
    assert words in failure.message


def test_an_unknown_function_says_where_to_look(turns):
    failure = failed(turns.code("nobody.knows"))
    assert failure.retry == "permanent"
    assert "nobody.knows" in failure.message
    assert "COUNTERSIGN_MODULES" in failure.message


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no such row\nand a second line"),
        SystemExit(3),
        KeyboardInterrupt(),
        RecursionError("deep"),
    ],
)
def test_a_raise_fails_the_turn_with_one_line_and_logs_the_rest(turns, error):
    with capture_logs() as logs:
        failure = failed(turns.code(returning(error)))
    assert failure.retry == "permanent"
    assert type(error).__name__ in failure.message
    assert "second line" not in failure.message
    assert "Traceback" not in failure.message
    assert "Traceback" in logs[-1]["traceback"]


def test_a_long_message_is_cut(turns):
    assert len(failed(turns.code(returning(ValueError("x" * 100_000)))).message) < 500


def test_an_agent_may_say_itself_that_another_try_is_worth_it(turns):
    own = errors.PortFailure("the ledger is being closed", retry="transient", retry_after=30)
    failure = failed(turns.code(returning(own)))
    assert (failure.retry, failure.retry_after) == ("transient", 30)


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


GARBAGE = {
    "nothing": (None, "returned nothing"),
    "a dict": ({"output": 1}, "value of type dict"),
    "an object": (Reply(output=object()), "cannot be written as JSON"),
    "NaN": (Reply(output={"rows": [{"x": float("nan")}]}), "output.rows[0].x: NaN"),
    "infinity": (Reply(output=float("-inf")), "output: NaN and infinity"),
    "a huge integer": (Reply(output={"id": 2**53}), "output.id: whole numbers beyond 2^53"),
    "an enormous integer": (Reply(output={"id": 10**400}), "output.id: whole numbers beyond 2^53"),
    "half a character": (Reply(output={"name": "\ud800"}), "output.name: the text holds half a character"),
    "half a character as a name": (Reply(output={"\udfff": 1}), "half a character"),
    "too deep": (Reply(output=nested(5000)), "nested too deeply"),
    "too large": (lambda: Reply(output="x" * (8 * 1024 * 1024 + 1)), "too large"),
    "too many actions": (Reply(actions=(ProposedAction(tool="t"),) * 501), "501 actions"),
    "too many assertions": (
        Reply(assertions=(Assertion(subject="s", predicate="p"),) * 5001),
        "5,001 assertions",
    ),
    "an action of the wrong form": (Reply(actions=({"tool": 7},)), "actions[0].tool: expected str, got int"),
    "a list of no actions": (Reply(actions="pay"), "actions: expected array, got str"),
    "an endless reason": (
        Reply(actions=(ProposedAction(tool="t", reason="x" * 5000),)),
        "actions[0].reason is too",
    ),
}


@pytest.mark.parametrize(("answer", "words"), GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_sent_back_with_place_and_reason(turns, answer, words):
    failure = failed(turns.code(returning(answer)))
    assert failure.retry == "contract"
    assert words in failure.message
    assert len(failure.message) <= 4000


def test_an_agent_that_hangs_fails_its_turn_and_is_counted_until_it_returns(turns, eventually):
    release = threading.Event()
    before = stuck_threads()
    failure = failed(turns.code(returning(release.wait), seconds=0.05))
    assert failure.retry == "permanent"
    assert "within 0.05 seconds" in failure.message
    assert stuck_threads() == before + 1
    release.set()
    eventually(lambda: stuck_threads() == before)


def test_a_stuck_thread_is_never_used_again_and_others_are():
    release = threading.Event()
    with pytest.raises(timed.TimeLimitReached):
        timed.run(release.wait, seconds=0.02)
    first = timed.run(threading.get_ident, seconds=5)
    assert timed.run(threading.get_ident, seconds=5) == first
    release.set()


def test_what_the_caller_knows_reaches_the_thread():
    import contextvars

    who = contextvars.ContextVar("who", default="nobody")
    who.set("olga")
    assert timed.run(who.get, seconds=5) == "olga"
    assert timed.run(lambda a, *, b: a + b, 1, b=2, seconds=5) == 3


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_the_child_of_a_fork_has_threads_of_its_own():
    import subprocess

    script = (
        "import django, os, sys; from django.conf import settings; settings.configure(DATABASES={}); "
        "from orchestrator.adapters import portal, timed\n"
        "async def one(): return 1\n"
        "assert timed.run(int, '1', seconds=5) == 1 and portal.portal().call(one) == 1\n"
        "child = os.fork()\n"
        "import signal; signal.alarm(15)\n"
        "assert timed.run(int, '2', seconds=5) == 2 and portal.portal().call(one) == 1\n"
        "if child == 0: os._exit(0)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=30, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
