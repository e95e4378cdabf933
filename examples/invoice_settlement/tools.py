"""The three tools of the example: pay (once, whatever happens), send a notice (not repeatable), read a file.

What they may be used for, and who must agree, is declared in workflow.toml and decided at the gate.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from django.conf import settings
from stdnum import bic as bic_numbers
from stdnum import exceptions
from stdnum import iban as iban_numbers

from examples.invoice_settlement import crash_points, money, payments
from examples.invoice_settlement.pain001 import NotAPayment, Party, Transfer
from orchestrator import ports
from orchestrator.adapters import registry
from orchestrator.domain import errors

ACCOUNTS = Path(__file__).with_name("accounts.toml")
MAX_READ = 20_000

_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]


class Pay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credit transfer. `account` names one of the paying company's accounts; `due_date` is the first day of
    execution; `note` is for the reviewer and does not go to the bank."""

    payee: _Line
    iban: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$")]
    amount: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,13}(\.[0-9]{1,4})?$")]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    invoice: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    due_date: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    remittance: _Line
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=60)] = "main"
    bic: Annotated[str, msgspec.Meta(pattern="^([A-Z0-9]{8}([A-Z0-9]{3})?)?$")] = ""
    purchase_order: Annotated[str, msgspec.Meta(max_length=200)] = ""
    note: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message to a person or a mailbox."""

    to: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    text: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


class ReadFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a file of this run: `offset` and `limit` count characters."""

    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    offset: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_READ)] = MAX_READ


@registry.tool("payments.pay")
def pay(arguments: Pay, request: ports.ExecutionRequest) -> dict[str, Any]:
    """Writes one pain.001.001.09 file, named by the request's key. Called again, it finds the file and is done.

    Raises NotAPayment for arguments that no bank would take, AnotherPaymentIsThere, PortFailure.
    """
    transfer = _transfer(arguments, request.key)
    name, digest = payments.write(transfer, Path(settings.PAYMENTS_DIR), now=dt.datetime.now(dt.UTC))
    return {"file": name, "digest": digest, "message_id": transfer.message_id}


@registry.tool("notices.send")
def send(arguments: Notice, request: ports.ExecutionRequest) -> dict[str, Any]:
    """Appends a notice to the outbox, every time it is called: nothing here could tell a repeat from a new one."""
    outbox = Path(settings.PAYMENTS_DIR).parent / "notices" / "outbox.jsonl"
    line = json.dumps({"key": request.key, **msgspec.to_builtins(arguments)}, ensure_ascii=True) + "\n"
    try:
        outbox.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        crash_points.reach("notices.send.before")
        handle = os.open(outbox, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise errors.PortFailure(
            f"The notice could not be written ({error.strerror or error}). Look at the outbox before sending it again.",
            retry="permanent",
            uncertain=True,
        ) from error
    crash_points.reach("notices.send.after")
    return {"to": arguments.to, "outbox": outbox.name}


@registry.tool("files.read")
def read(arguments: ReadFile, request: ports.ExecutionRequest) -> dict[str, Any]:
    """A bounded part of a file as text. What is no text is replaced by U+FFFD."""
    data = request.read_file(arguments.digest)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding, errors="replace")
    part = text[arguments.offset : arguments.offset + arguments.limit]
    return {
        "text": part,
        "offset": arguments.offset,
        "characters": len(text),
        "is_complete": arguments.offset + len(part) >= len(text),
    }


def _transfer(arguments: Pay, key: str) -> Transfer:
    try:
        iban = iban_numbers.validate(arguments.iban)
    except exceptions.ValidationError:
        raise NotAPayment(f"{arguments.iban} is not a valid IBAN. No file was written.") from None
    if arguments.bic and not bic_numbers.is_valid(arguments.bic):
        raise NotAPayment(f"{arguments.bic} is not a valid BIC. No file was written.")
    amount = Decimal(arguments.amount)
    if amount <= 0 or not money.fits(amount, arguments.currency):
        raise NotAPayment(
            f"{arguments.amount} {arguments.currency} is not an amount to pay. No file was written."
        )
    try:
        due = dt.date.fromisoformat(arguments.due_date)
    except ValueError:
        raise NotAPayment(f"{arguments.due_date} is not a day. No file was written.") from None
    return Transfer(
        key=key,
        debtor=_account(arguments.account),
        creditor=Party(arguments.payee, iban, arguments.bic),
        amount=amount,
        currency=arguments.currency,
        due=due,
        invoice=arguments.invoice,
        remittance=arguments.remittance,
    )


def _account(name: str) -> Party:
    """The paying company's account of this name, from the file that only who runs the system writes."""
    path = Path(os.environ.get("PAYMENT_ACCOUNTS", ACCOUNTS))
    try:
        known = tomllib.loads(path.read_text(encoding="utf-8")).get(name)
        if isinstance(known, dict):
            return Party(str(known["name"]), iban_numbers.validate(known["iban"]), str(known.get("bic", "")))
    except (OSError, ValueError, KeyError, exceptions.ValidationError) as error:
        raise NotAPayment(
            f"The accounts in {path.name} cannot be used ({type(error).__name__}). No file was written; correct it."
        ) from None
    raise NotAPayment(
        f"There is no account {name!r} in {path.name}. No file was written; add it or name another."
    )
