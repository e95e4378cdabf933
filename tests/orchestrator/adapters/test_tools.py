"""Registered tools: called with typed arguments, once, and their result kept as JSON."""

from __future__ import annotations

import threading
from decimal import Decimal

import msgspec
import pytest

from orchestrator import ports
from orchestrator.adapters.registry import tool
from orchestrator.adapters.tools import RegisteredTools
from orchestrator.domain import errors
from orchestrator.domain.specs import ToolSpec

execute = RegisteredTools().execute
release = threading.Event()


class Payment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payee: str
    amount: Decimal


class Receipt(msgspec.Struct):
    amount: Decimal
    key: str


@tool("tests.transfer")
def pay(payment: Payment, request: ports.ExecutionRequest) -> Receipt:
    if payment.payee == "raise":
        raise OSError("disk full\nat sector 7")
    if payment.payee == "say":
        raise errors.PortFailure("the bank is closed", retry="transient", retry_after=60)
    if payment.payee == "garbage":
        return {"x": float("nan")}  # type: ignore[return-value]
    if payment.payee == "hang":
        release.wait()
    return Receipt(payment.amount, request.key)


def asked(
    payee: str = "A", name: str = "tests.transfer", *, seconds: float = 10, **more
) -> ports.ExecutionRequest:
    spec = ToolSpec(name=name, description="Pay.", parameters={}, timeout_seconds=seconds)
    return ports.ExecutionRequest(
        run="run-1",
        action="action-1",
        key="key-7",
        tool=spec,
        arguments={"payee": payee, "amount": "1.50", **more},
        is_cancelled=lambda: False,
        read_file=lambda digest: b"",
    )


def failed(request) -> errors.PortFailure:
    with pytest.raises(errors.PortFailure) as raised:
        execute(request)
    return raised.value


def test_a_tool_gets_typed_arguments_and_the_idempotency_key():
    assert execute(asked()) == {"amount": "1.50", "key": "key-7"}


@pytest.mark.parametrize(
    ("request_", "retry", "words", "uncertain"),
    [
        (asked(name="tests.nobody"), "permanent", "tests.nobody cannot be called here", None),
        (asked(amount="much"), "permanent", "was not called. amount:", None),
        (asked(extra=1), "permanent", "was not called", None),
        (asked("raise"), "permanent", "OSError: disk full", True),
        (asked("garbage"), "permanent", "its result cannot be kept", True),
        (asked("say"), "transient", "the bank is closed", None),
    ],
    ids=["unknown", "wrong argument", "extra argument", "raise", "garbage", "its own word"],
)
def test_each_failure_says_whether_the_work_may_have_been_done(request_, retry, words, uncertain):
    failure = failed(request_)
    assert failure.retry == retry
    assert words in failure.message
    assert "sector 7" not in failure.message
    assert failure.facts.get("uncertain") is uncertain


def test_a_tool_that_hangs_ends_at_its_own_limit_and_may_have_done_its_work():
    release.clear()
    failure = failed(asked("hang", seconds=0.05))
    release.set()
    assert failure.retry == "transient"
    assert failure.facts["uncertain"]
