"""One credit transfer as an ISO 20022 pain.001.001.09 message.

Owns the structure. `sepaxml` ships the official schema, and every message is judged by it before it is used; its own
writer knows cents, the SEPA service level and the present time only, so the tree is built here. Pure: the time of
creation is passed in, so that the same payment and time give the same bytes.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import re
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import Any

from lxml import etree
from text_unidecode import unidecode

from examples.invoice_settlement import money
from orchestrator.domain import errors

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_OUTSIDE = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


class NotAPayment(errors.PortFailure):
    """This cannot be written as a payment. No file was written; correct the record and start the payment again."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, retry="permanent")


@dataclasses.dataclass(frozen=True)
class Party:
    """Who pays or is paid: name, IBAN, and BIC where it is known."""

    name: str
    iban: str
    bic: str = ""


@dataclasses.dataclass(frozen=True)
class Transfer:
    """One payment. `key` is the idempotency key; `due` the first day on which it may be executed."""

    key: str
    debtor: Party
    creditor: Party
    amount: Decimal
    currency: str
    due: dt.date
    invoice: str
    remittance: str

    @property
    def message_id(self) -> str:
        """35 characters that depend on the key alone."""
        return "CS-" + hashlib.sha256(self.key.encode()).hexdigest()[:32]


def message(transfer: Transfer, *, created: dt.datetime) -> bytes:
    """The message as bytes. Raises NotAPayment when the official schema does not accept it."""
    digits = max(2, money.decimals(transfer.currency) or 0)
    amount = f"{transfer.amount:.{digits}f}"
    document = etree.Element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE})
    initiation = _add(document, "CstmrCdtTrfInitn")
    header = _add(initiation, "GrpHdr")
    _add(header, "MsgId", transfer.message_id)
    _add(header, "CreDtTm", created.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _add(header, "NbOfTxs", "1")
    _add(header, "CtrlSum", amount)
    _add(_add(header, "InitgPty"), "Nm", latin(transfer.debtor.name, 70))
    block = _add(initiation, "PmtInf")
    _add(block, "PmtInfId", transfer.message_id)
    _add(block, "PmtMtd", "TRF")
    _add(block, "NbOfTxs", "1")
    _add(block, "CtrlSum", amount)
    is_sepa = transfer.currency == "EUR"
    if is_sepa:
        _add(_add(_add(block, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    # A bank does not accept a day that has passed: what is overdue is executed on the day it is written.
    day = max(transfer.due, created.astimezone(dt.UTC).date())
    _add(_add(block, "ReqdExctnDt"), "Dt", day.isoformat())
    _party(block, "Dbtr", transfer.debtor)
    _add(block, "ChrgBr", "SLEV" if is_sepa else "SHAR")
    transaction = _add(block, "CdtTrfTxInf")
    _add(_add(transaction, "PmtId"), "EndToEndId", _end_to_end(transfer))
    _add(_add(transaction, "Amt"), "InstdAmt", amount).set("Ccy", transfer.currency)
    _creditor(transaction, transfer.creditor)
    _add(_add(transaction, "RmtInf"), "Ustrd", latin(transfer.remittance, 140))
    try:
        _schema().assertValid(document)
    except etree.DocumentInvalid as error:
        raise NotAPayment(
            f"The payment does not fit pain.001.001.09 ({error}). No file was written; correct the supplier's record."
        ) from None
    written: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def created_at(data: bytes) -> dt.datetime:
    """When a message says it was created. Raises NotAPayment when it is no such message."""
    try:
        root = etree.fromstring(
            data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        )
        text = root.findtext(f"{{{NAMESPACE}}}CstmrCdtTrfInitn/{{{NAMESPACE}}}GrpHdr/{{{NAMESPACE}}}CreDtTm")
        return dt.datetime.fromisoformat(str(text))
    except (etree.XMLSyntaxError, ValueError):
        raise NotAPayment("The file that is there is not a payment of ours. It was left as it is.") from None


def latin(text: str, limit: int) -> str:
    """The text in the characters that banks pass on. Raises NotAPayment when nothing readable is left of it."""
    flat = _OUTSIDE.sub(" ", unidecode(text))
    kept = re.sub(r" {2,}|/{2,}", lambda run: run.group()[0], flat).strip(" /")[:limit].strip(" /")
    if not any(character.isalnum() for character in kept):
        raise NotAPayment(
            f"Nothing of {text[:40]!r} can be written in the characters that banks pass on. No file was written; add "
            "a name in Latin letters to the record."
        )
    return kept


def _end_to_end(transfer: Transfer) -> str:
    try:
        return latin(transfer.invoice, 35)
    except NotAPayment:
        return transfer.message_id


def _party(parent: Any, tag: str, party: Party) -> None:
    _add(_add(parent, tag), "Nm", latin(party.name, 70))
    _add(_add(_add(parent, f"{tag}Acct"), "Id"), "IBAN", party.iban)
    institution = _add(_add(parent, f"{tag}Agt"), "FinInstnId")
    if party.bic:
        _add(institution, "BICFI", party.bic)
    else:
        _add(_add(institution, "Othr"), "Id", "NOTPROVIDED")


def _creditor(parent: Any, party: Party) -> None:
    if party.bic:
        _add(_add(_add(parent, "CdtrAgt"), "FinInstnId"), "BICFI", party.bic)
    _add(_add(parent, "Cdtr"), "Nm", latin(party.name, 70))
    _add(_add(_add(parent, "CdtrAcct"), "Id"), "IBAN", party.iban)


def _add(parent: Any, name: str, text: str | None = None) -> Any:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


@lru_cache(maxsize=1)
def _schema() -> Any:
    source = resources.files("sepaxml") / "schemas" / "pain.001.001.09.xsd"
    return etree.XMLSchema(etree.fromstring(source.read_bytes()))
