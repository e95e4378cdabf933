"""Payment files: one per idempotency key, written whole or not at all, and never over another.

Owns the folder `settings.PAYMENTS_DIR`. A file that is there with the same payment means done; with another, refused.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
import uuid
from pathlib import Path

from examples.invoice_settlement import crash_points, pain001
from examples.invoice_settlement.pain001 import Transfer
from orchestrator.domain import errors


class AnotherPaymentIsThere(errors.PortFailure):
    """A file of this name holds another payment. It was left as it is, and nothing was paid; an administrator must look."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, retry="permanent")


def write(transfer: Transfer, folder: Path, *, now: dt.datetime) -> tuple[str, str]:
    """Write the payment once. Returns the file's name and the SHA-256 of its bytes.

    Raises AnotherPaymentIsThere, NotAPayment, and PortFailure when the disk does not take it.
    """
    name = file_name(transfer.key)
    data = pain001.message(transfer, created=now)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        final = folder / name
        data = _same_payment(final, transfer) if final.exists() else _link(data, final, transfer)
        _sync(folder)
    except OSError as error:
        raise errors.PortFailure(
            f"The payment file could not be written ({error.strerror or error}). Nothing was paid; it is tried again. "
            "Make room on the disk, or give this process the right to write there."
        ) from error
    return name, hashlib.sha256(data).hexdigest()


def file_name(key: str) -> str:
    """The file of a key. Keys that differ give names that differ, whatever characters they hold."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", key)[:80]
    if safe != key:
        safe += "-" + hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"payment-{safe}.xml"


def _link(data: bytes, final: Path, transfer: Transfer) -> bytes:
    temporary = final.with_name(f".{uuid.uuid4().hex}.part")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        crash_points.reach("payments.pay.written")
        try:
            os.link(temporary, final)  # unlike a rename, this never replaces a file that is there
        except FileExistsError:
            return _same_payment(final, transfer)
        crash_points.reach("payments.pay.linked")
        return data
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _same_payment(final: Path, transfer: Transfer) -> bytes:
    """The bytes that are there, when they are this payment at the time that they name."""
    there = final.read_bytes()
    refused = AnotherPaymentIsThere(
        f"{final.name} is already there and holds another payment. It was left as it is and nothing was paid. An "
        "administrator must compare it with the action before anything is tried again."
    )
    try:
        expected = pain001.message(transfer, created=pain001.created_at(there))
    except pain001.NotAPayment:
        raise refused from None
    if there != expected:
        raise refused
    return there


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
