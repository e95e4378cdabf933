"""Who must not be paid before a person has looked, and what only deserves a look."""

from __future__ import annotations

from typing import Any

import pytest

from tests.examples import chain
from tests.examples.invoice_settlement.documents import PAID, SUPPLIERS, invoice, line, tables


def run(*invoices: str, parameters: dict[str, Any] | None = None, **replaced: Any) -> chain.Chain:
    named = {f"{number}.xml": text.encode() for number, text in enumerate(invoices, 1)}
    return chain.run({**named, **tables(**replaced)}, parameters)


def flags(found: chain.Chain, name: str = "1.xml") -> list[str]:
    return [flag["code"] for flag in found.proposed[name]["flags"]]


PAYEES = {
    "on record": (invoice(), "payments.pay"),
    "without a VAT number": (invoice(vat=""), "payments.pay"),
    "the VAT number written otherwise": (invoice(vat="de 900 000 001"), "payments.pay"),
    "another account": (invoice(iban="NL43ZZZZ0417164300"), "risk:bank_account_changed"),
    "unknown": (invoice(supplier="Nobody Ltd", vat="GB000"), "risk:unknown_supplier"),
    "a known name with another number": (invoice(vat="GB000"), "risk:unknown_supplier"),
    "a name that only looks the same": (
        invoice(supplier="Linsеn Werk GmbH", vat=""),
        "risk:unknown_supplier",
    ),
}


@pytest.mark.parametrize(("text", "end"), PAYEES.values(), ids=PAYEES.keys())
def test_a_payee_must_be_who_the_record_says(text: str, end: str) -> None:
    assert run(text).ends == {"1.xml": end}


def test_a_changed_account_tells_a_person_to_call_and_correct_the_record() -> None:
    entry = run(invoice(iban="NL43ZZZZ0417164300")).rejected["1.xml"]
    assert "NL43ZZZZ0417164300" in entry["sentence"]
    assert "suppliers.csv, line 2" in entry["sentence"]
    assert "a person must correct the supplier's record" in entry["sentence"]


def test_a_supplier_may_have_several_accounts() -> None:
    suppliers = SUPPLIERS + "S-1,Linsen Werk GmbH,DE900000001,NL43ZZZZ0417164300,,DE\n"
    assert run(invoice(iban="NL43ZZZZ0417164300"), suppliers=suppliers).ends == {"1.xml": "payments.pay"}


def test_two_records_of_one_name_find_nobody_by_the_name() -> None:
    suppliers = SUPPLIERS + "S-9,Linsen-Werk,DE999999999,NL43ZZZZ0417164300,,DE\n"
    assert run(invoice(vat=""), suppliers=suppliers).ends == {"1.xml": "risk:unknown_supplier"}
    assert run(invoice(), suppliers=suppliers).ends == {"1.xml": "payments.pay"}


def test_without_a_supplier_list_nobody_is_paid() -> None:
    assert run(invoice(), suppliers=None).ends == {"1.xml": "risk:unknown_supplier"}


def test_an_iban_with_spaces_in_the_record_is_the_same_account() -> None:
    suppliers = SUPPLIERS.replace("DE65999900010000123456", "de65 9999 0001 0000 1234 56")
    assert run(invoice(), suppliers=suppliers).ends == {"1.xml": "payments.pay"}


@pytest.mark.parametrize("number", ["LW-2", "lw 002", "LW/2"])
def test_what_was_paid_is_not_paid_again_however_its_number_is_written(number: str) -> None:
    found = run(invoice(number=number))
    assert found.ends == {"1.xml": "risk:already_paid"}
    assert "paid_invoices.csv, line 3" in found.rejected["1.xml"]["sentence"]


def test_a_number_that_another_supplier_used_is_no_repeat() -> None:
    paid = PAID.replace("S-1,LW-2", "S-2,LW-2")
    assert run(invoice(number="LW-2"), paid_invoices=paid).ends == {"1.xml": "payments.pay"}


def test_of_equal_invoices_the_first_goes_on() -> None:
    found = run(invoice(), invoice(note="second copy"), invoice(number="lw/100"))
    assert list(found.ends.values()) == ["payments.pay", "risk:duplicate", "risk:duplicate"]


@pytest.mark.parametrize(
    "other",
    [invoice(lines=[line(quantity="11")]), invoice(due="2026-12-24")],
    ids=["another amount", "another due date"],
)
def test_of_invoices_that_contradict_each_other_none_goes_on(other: str) -> None:
    assert set(run(invoice(), other).ends.values()) == {"risk:number_used_twice"}


def test_a_forged_copy_does_not_stop_the_invoice_but_is_shown_with_it() -> None:
    found = run(invoice(), invoice(iban="NL43ZZZZ0417164300"))
    assert found.ends == {"1.xml": "payments.pay", "2.xml": "risk:bank_account_changed"}
    assert "number_also_rejected" in flags(found)


def test_the_same_amount_on_the_same_day_is_flagged() -> None:
    found = run(invoice(), invoice(number="LW-101"))
    assert "same_amount_same_day" in flags(found, "1.xml")
    assert "same_amount_same_day" in flags(found, "2.xml")


def test_a_first_payment_goes_on_with_a_flag() -> None:
    assert flags(run(invoice(), paid_invoices=PAID.replace("S-1", "S-2"))) == ["first_payment"]


AMOUNTS = [
    ("3300.00", {}, False),
    ("3300.01", {}, True),
    ("3300.01", {"unusual_factor": "4"}, False),
    ("3300.01", {"unusual_history": 4}, False),
]


@pytest.mark.parametrize(("amount", "parameters", "is_unusual"), AMOUNTS)
def test_an_amount_is_unusual_beyond_the_factor_of_the_middle_one(
    amount: str, parameters: dict[str, Any], is_unusual: bool
) -> None:
    orders = "order,line,supplier,quantity,unit_price,currency\nPO-1,10,S-1,1,5000.00,EUR\n"
    receipts = "order,line,quantity\nPO-1,10,1\n"
    text = invoice(lines=[line(quantity="1", price=amount, rate="0")])
    found = run(text, parameters=parameters, purchase_orders=orders, goods_receipts=receipts)
    assert ("unusual_amount" in flags(found)) is is_unusual


def test_without_a_history_the_output_says_what_was_not_checked() -> None:
    found = run(invoice(), paid_invoices=None)
    assert flags(found) == []
    assert [problem["code"] for problem in found.outputs["risk"]["problems"]] == ["no_history"]


def test_a_name_that_differs_from_the_record_is_flagged() -> None:
    assert "name_differs" in flags(run(invoice(supplier="Linsen Werke International")))
