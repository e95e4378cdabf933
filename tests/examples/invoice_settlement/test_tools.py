"""The tools: a payment is written once whatever happens, a notice each time it is asked, a file is read in parts."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import override_settings

from examples.invoice_settlement import crash_points, payments, tools
from examples.invoice_settlement.pain001 import NotAPayment
from orchestrator import ports
from orchestrator.domain import errors
from orchestrator.domain.specs import ToolSpec

ROOT = Path(__file__).resolve().parents[3]
ARGUMENTS: dict[str, Any] = {
    "payee": "ACME Industrietechnik GmbH",
    "iban": "DE27999900420008200000",
    "amount": "82000.00",
    "currency": "EUR",
    "invoice": "RE-2026-1184",
    "due_date": "2026-12-02",
    "remittance": "Invoice RE-2026-1184",
}


def request(key: str = "effect-1", stored: dict[str, bytes] | None = None) -> ports.ExecutionRequest:
    return ports.ExecutionRequest(
        run="run",
        action="action",
        key=key,
        tool=ToolSpec(name="payments.pay", description="", parameters={}),
        arguments={},
        is_cancelled=lambda: False,
        read_file=(stored or {}).__getitem__,
    )


def pay(key: str = "effect-1", **changes: Any) -> dict[str, Any]:
    return tools.pay(msgspec.convert({**ARGUMENTS, **changes}, tools.Pay), request(key))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with override_settings(PAYMENTS_DIR=tmp_path / "payments"):
        yield tmp_path / "payments"


def test_a_payment_is_a_file_that_only_its_owner_may_read(folder: Path) -> None:
    result = pay()
    (file,) = folder.iterdir()
    assert result["file"] == file.name == "payment-effect-1.xml"
    assert result["digest"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert result["message_id"] in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_same_payment_again_is_done_and_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pay()
    before = (folder / first["file"]).read_bytes()
    aged = before.replace(b"<CreDtTm>2", b"<CreDtTm>1")  # as if it had been written a thousand years ago
    aged = aged.replace(b"<Dt>" + aged.split(b"<Dt>")[1][:10], b"<Dt>2026-12-02")
    (folder / first["file"]).write_bytes(aged)
    again = pay()
    assert again == {**first, "digest": hashlib.sha256(aged).hexdigest()}
    assert [file.read_bytes() for file in folder.iterdir()] == [aged]


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "82000.01"},
        {"currency": "SEK"},
        {"payee": "Somebody else"},
        {"iban": "NL43ZZZZ0417164300"},
        {"invoice": "RE-2026-1185"},
        {"due_date": "2099-12-03"},
        {"remittance": "x"},
        {"account": "projects"},
        {"bic": "ACMEDEB1XXX"},
    ],
)
def test_another_payment_under_the_same_key_is_refused_loudly(folder: Path, changes: dict[str, str]) -> None:
    first = pay()
    before = (folder / first["file"]).read_bytes()
    with pytest.raises(
        payments.AnotherPaymentIsThere, match="already there and holds another payment"
    ) as caught:
        pay(**changes)
    assert caught.value.retry == "permanent"
    assert [file.read_bytes() for file in folder.iterdir()] == [before]


@pytest.mark.parametrize("there", [b"", b"<half", b"not ours"])
def test_a_strange_file_in_the_way_is_left_as_it_is(folder: Path, there: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / payments.file_name("effect-1")).write_bytes(there)
    with pytest.raises(payments.AnotherPaymentIsThere):
        pay()
    assert [file.read_bytes() for file in folder.iterdir()] == [there]


def test_what_does_not_go_to_the_bank_does_not_make_another_payment(folder: Path) -> None:
    assert pay(note="first payment", purchase_order="PO-1") == pay(note="", purchase_order="")


def test_different_keys_are_different_payments(folder: Path) -> None:
    keys = ["a", "A", "a/b", "a:b", "../../etc/passwd", ".", "", "x" * 300, "x" * 301, "ä", "a\x00b"]
    names = {pay(key)["file"] for key in keys}
    assert len(names) == len(keys) == len(list(folder.iterdir()))
    assert all(name.startswith("payment-") and len(name) < 120 for name in names)


def test_many_at_once_write_one_file(folder: Path) -> None:
    results: list[dict[str, Any]] = []
    start = threading.Barrier(16)

    def one() -> None:
        start.wait()
        results.append(pay())

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 16
    assert len({result["digest"] for result in results}) == 1
    assert len(list(folder.iterdir())) == 1


WRONG: list[dict[str, str]] = [
    {"iban": "DE27999900420008200001"},
    {"bic": "ACMEZZB1"},
    {"amount": "0.00"},
    {"amount": "1.001"},
    {"currency": "XYZ"},
    {"due_date": "2026-02-30"},
    {"account": "nobody's"},
    {"payee": "\u202e"},
]


@pytest.mark.parametrize("changes", WRONG)
def test_what_no_bank_would_take_writes_no_file(folder: Path, changes: dict[str, str]) -> None:
    with pytest.raises(NotAPayment, match="No file was written"):
        pay(**changes)
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "-1"},
        {"amount": "1e3"},
        {"currency": "eur"},
        {"payee": ""},
        {"iban": "x"},
        {"unknown": "x"},
    ],
)
def test_arguments_of_the_wrong_form_do_not_reach_the_tool(changes: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        pay(**changes)


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    in_the_way = override_settings(PAYMENTS_DIR=tmp_path / "file" / "payments")
    with in_the_way, pytest.raises(errors.PortFailure, match="could not be written") as caught:
        pay()
    assert caught.value.retry == "transient"


def test_the_accounts_that_pay_can_be_named_in_another_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[main]\nname = "Own GmbH"\niban = "DE31999900010000765432"\n')
    monkeypatch.setenv("PAYMENT_ACCOUNTS", str(own))
    assert "<Nm>Own GmbH</Nm>" in (folder / pay()["file"]).read_text()
    own.write_text('[main]\nname = "Own GmbH"\niban = "DE32999900010000765432"\n')
    with pytest.raises(NotAPayment, match=r"own\.toml cannot be used"):
        pay("another")


CHILD = """
import sys, django
from django.conf import settings
settings.configure(PAYMENTS_DIR=sys.argv[1], COUNTERSIGN_MODULES=[])
from tests.examples.invoice_settlement import test_tools
getattr(test_tools, sys.argv[2])()
"""


def killed_at(point: str, folder: Path, call: str) -> int:
    """How a process ends that calls `call` while a test has asked for a kill at `point`."""
    points = folder.parent / "points"
    points.mkdir(exist_ok=True)
    (points / point).touch()
    environment = {**os.environ, crash_points.VARIABLE: str(points)}
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), call], cwd=ROOT, env=environment, check=False
    )
    return child.returncode


@pytest.mark.parametrize("point", ["payments.pay.written", "payments.pay.linked"])
def test_a_process_killed_while_paying_leaves_exactly_one_payment_when_tried_again(
    folder: Path, point: str
) -> None:
    assert killed_at(point, folder, "pay") == -signal.SIGKILL
    pay()
    assert [file.name for file in folder.glob("*.xml")] == ["payment-effect-1.xml"]
    assert pay()["file"] == "payment-effect-1.xml"


def send() -> dict[str, Any]:
    return tools.send(tools.Notice(to="accounts@example.org", subject="Two\nlines", text="x"), request())


def outbox(folder: Path) -> list[Any]:
    file = folder.parent / "notices" / "outbox.jsonl"
    return [json.loads(row) for row in file.read_text().splitlines()] if file.exists() else []


def test_a_notice_is_sent_each_time_it_is_asked(folder: Path) -> None:
    send()
    send()
    assert [notice["subject"] for notice in outbox(folder)] == ["Two\nlines", "Two\nlines"]


@pytest.mark.parametrize(("point", "sent"), [("notices.send.before", 0), ("notices.send.after", 1)])
def test_a_process_killed_while_sending_leaves_it_open_whether_it_was_sent(
    folder: Path, point: str, sent: int
) -> None:
    assert killed_at(point, folder, "send") == -signal.SIGKILL
    assert len(outbox(folder)) == sent


def test_a_crash_point_that_nobody_asked_for_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_points.reach("payments.pay.linked")
    monkeypatch.setenv(crash_points.VARIABLE, str(tmp_path))
    crash_points.reach("payments.pay.linked")


def read(data: bytes, **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return tools.read(tools.ReadFile(digest=digest, **changes), request(stored={digest: data}))


def test_a_file_is_read_in_parts() -> None:
    data = ("ä" * 50_000).encode()
    first = read(data)
    assert (len(first["text"]), first["characters"], first["is_complete"]) == (20_000, 50_000, False)
    assert read(data, offset=49_999) == {
        "text": "ä",
        "offset": 49_999,
        "characters": 50_000,
        "is_complete": True,
    }
    assert read(data, offset=60_000)["text"] == ""


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"\xff\xfea", b"\x00\xff\x80", "ä".encode("utf-16")])
def test_any_bytes_can_be_read_as_text(data: bytes) -> None:
    assert isinstance(read(data)["text"], str)
