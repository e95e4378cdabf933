"""The structure of a payment message: judged by the official schema, and beside what an independent writer makes."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree
from sepaxml import SepaTransfer

from examples.invoice_settlement import pain001
from examples.invoice_settlement.pain001 import NAMESPACE, NotAPayment, Party, Transfer

NOW = dt.datetime(2026, 11, 23, 12, 30, 5, tzinfo=dt.UTC)
TRANSFER = Transfer(
    key="effect-1",
    debtor=Party("Brightwater Instruments GmbH", "DE65999900010000123456", "BRWADEB1XXX"),
    creditor=Party("ACME Industrietechnik GmbH", "DE27999900420008200000"),
    amount=Decimal("82000.00"),
    currency="EUR",
    due=dt.date(2026, 12, 2),
    invoice="RE-2026-1184",
    remittance="Invoice RE-2026-1184",
)


def written(**changes: Any) -> bytes:
    return pain001.message(dataclasses.replace(TRANSFER, **changes), created=NOW)


def fields(data: bytes) -> dict[str, str]:
    """The text of each element by its path without namespaces."""
    root = etree.fromstring(data)
    tree = root.getroottree()
    return {
        tree.getelementpath(element).replace(f"{{{NAMESPACE}}}", ""): str(element.text)
        for element in root.iter("*")
        if not len(element)
    }


def test_a_payment_says_who_pays_whom_how_much_and_for_what() -> None:
    found = fields(written())
    block = "CstmrCdtTrfInitn/PmtInf/"
    assert found["CstmrCdtTrfInitn/GrpHdr/MsgId"] == TRANSFER.message_id
    assert found["CstmrCdtTrfInitn/GrpHdr/CreDtTm"] == "2026-11-23T12:30:05Z"
    assert found["CstmrCdtTrfInitn/GrpHdr/NbOfTxs"] == "1"
    assert found["CstmrCdtTrfInitn/GrpHdr/CtrlSum"] == found[block + "CtrlSum"] == "82000.00"
    assert found[block + "PmtMtd"] == "TRF"
    assert found[block + "ReqdExctnDt/Dt"] == "2026-12-02"
    assert found[block + "DbtrAcct/Id/IBAN"] == "DE65999900010000123456"
    assert found[block + "DbtrAgt/FinInstnId/BICFI"] == "BRWADEB1XXX"
    transaction = block + "CdtTrfTxInf/"
    assert found[transaction + "Amt/InstdAmt"] == "82000.00"
    assert found[transaction + "Cdtr/Nm"] == "ACME Industrietechnik GmbH"
    assert found[transaction + "CdtrAcct/Id/IBAN"] == "DE27999900420008200000"
    assert found[transaction + "PmtId/EndToEndId"] == "RE-2026-1184"
    assert found[transaction + "RmtInf/Ustrd"] == "Invoice RE-2026-1184"
    assert etree.fromstring(written()).find(f".//{{{NAMESPACE}}}InstdAmt").get("Ccy") == "EUR"


def test_an_independent_writer_makes_the_same_fields() -> None:
    creditor = dataclasses.replace(TRANSFER.creditor, bic="ACMEDEB1XXX")
    ours = fields(written(creditor=creditor))
    writer = SepaTransfer(
        {
            "name": TRANSFER.debtor.name,
            "IBAN": TRANSFER.debtor.iban,
            "BIC": TRANSFER.debtor.bic,
            "batch": False,
            "currency": "EUR",
        },
        schema="pain.001.001.09",
    )
    writer.add_payment(
        {
            "name": creditor.name,
            "IBAN": creditor.iban,
            "BIC": creditor.bic,
            "amount": 8_200_000,
            "execution_date": TRANSFER.due,
            "description": TRANSFER.remittance,
            "endtoend_id": TRANSFER.invoice,
        }
    )
    theirs = fields(writer.export(validate=False))
    its_own = {
        "CstmrCdtTrfInitn/GrpHdr/MsgId",
        "CstmrCdtTrfInitn/GrpHdr/CreDtTm",
        "CstmrCdtTrfInitn/PmtInf/PmtInfId",
    }
    batch = "CstmrCdtTrfInitn/PmtInf/BtchBookg"  # optional
    assert {path: text for path, text in theirs.items() if path not in its_own | {batch}} == {
        path: text for path, text in ours.items() if path not in its_own
    }


@pytest.mark.parametrize(
    ("currency", "amount", "text", "bearer", "level"),
    [
        ("EUR", "5", "5.00", "SLEV", "SEPA"),
        ("SEK", "96487.50", "96487.50", "SHAR", None),
        ("JPY", "5950", "5950.00", "SHAR", None),
        ("KWD", "11.960", "11.960", "SHAR", None),
    ],
)
def test_each_currency_has_its_decimals_and_its_rules(
    currency: str, amount: str, text: str, bearer: str, level: str | None
) -> None:
    found = fields(written(currency=currency, amount=Decimal(amount)))
    assert found["CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/Amt/InstdAmt"] == text
    assert found["CstmrCdtTrfInitn/PmtInf/ChrgBr"] == bearer
    assert found.get("CstmrCdtTrfInitn/PmtInf/PmtTpInf/SvcLvl/Cd") == level


def test_an_overdue_payment_is_executed_on_the_day_it_is_written() -> None:
    found = fields(written(due=dt.date(2026, 10, 1)))
    assert found["CstmrCdtTrfInitn/PmtInf/ReqdExctnDt/Dt"] == "2026-11-23"


def test_a_debtor_without_a_bic_says_so() -> None:
    found = fields(written(debtor=Party("B", "DE65999900010000123456")))
    assert found["CstmrCdtTrfInitn/PmtInf/DbtrAgt/FinInstnId/Othr/Id"] == "NOTPROVIDED"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Müller & Söhne KG", "Muller Sohne KG"),
        ("Moravské Sklo s.r.o.", "Moravske Sklo s.r.o."),
        ("Ελληνικά Οπτικά ΑΕ", "Ellenika Optika AE"),
        ("<script>alert(1)</script>", "script alert(1) /script"),
        ("ACME \u202eHbmG", "ACME HbmG"),
        ("x" * 200, "x" * 70),
        ("//a//b/", "a/b"),
    ],
)
def test_names_are_written_in_the_characters_that_banks_pass_on(name: str, text: str) -> None:
    found = fields(written(creditor=Party(name, "DE27999900420008200000")))
    assert found["CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/Cdtr/Nm"] == text


@pytest.mark.parametrize("name", ["", "\u202e", "***", "///"])
def test_a_name_of_which_nothing_is_left_is_refused(name: str) -> None:
    with pytest.raises(NotAPayment):
        written(creditor=Party(name, "DE27999900420008200000"))


@pytest.mark.parametrize("number", ["\u202e", "###"])
def test_an_invoice_number_that_banks_cannot_write_gives_way_to_the_message_id(number: str) -> None:
    found = fields(written(invoice=number))
    assert found["CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/PmtId/EndToEndId"] == TRANSFER.message_id


@pytest.mark.parametrize(
    "changes",
    [
        {"creditor": Party("A", "not an iban")},
        {"creditor": Party("A", "DE27999900420008200000", "x")},
        {"currency": "euro"},
        {"amount": Decimal("-1")},
        {"amount": Decimal("1234567890123456789.00")},
    ],
)
def test_the_official_schema_refuses_what_is_no_payment(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAPayment, match=r"does not fit pain\.001\.001\.09"):
        written(**changes)


def test_the_time_of_creation_is_read_back() -> None:
    assert pain001.created_at(written()) == NOW
    for data in (b"", b"<a/>", b"<!DOCTYPE a><a/>", written().replace(b"2026-11-23T", b"soon")):
        with pytest.raises(NotAPayment):
            pain001.created_at(data)


def test_the_message_id_depends_on_the_key_alone() -> None:
    other = dataclasses.replace(TRANSFER, amount=Decimal(1), invoice="x")
    assert other.message_id == TRANSFER.message_id
    assert dataclasses.replace(TRANSFER, key="effect-2").message_id != TRANSFER.message_id
    assert len(TRANSFER.message_id) <= 35
