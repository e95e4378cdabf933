"""The three-way match: what passes within tolerances, what does not, and the sentence that says why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.examples import chain
from tests.examples.invoice_settlement.documents import ORDERS, RECEIPTS, invoice, line, tables


def ends(*invoices: str, parameters: dict[str, Any] | None = None, **replaced: Any) -> list[str]:
    """Where invoices end that are called 1.xml, 2.xml and so on."""
    named = {f"{number}.xml": text.encode() for number, text in enumerate(invoices, 1)}
    found = chain.run({**named, **tables(**replaced)}, parameters)
    return [found.ends[name] for name in named]


LINES = {
    "as ordered": (line(), "payments.pay"),
    "cheaper": (line(price="9.00"), "payments.pay"),
    "at the price tolerance": (line(price="10.20"), "payments.pay"),
    "above the price tolerance": (line(price="10.21"), "matcher:price_above_order"),
    "a charge hidden in the line": (line(charge="50.00"), "matcher:price_above_order"),
    "all that was received": (line(quantity="100"), "payments.pay"),
    "more than was received": (line(quantity="100.5"), "matcher:quantity_above_receipt"),
    "another unit": (line(unit="DZN"), "matcher:unit_differs"),
    "another name of a piece": (line(unit="EA"), "payments.pay"),
    "no such line": (line(order_line="99"), "matcher:line_without_order"),
    "the line written otherwise": (line(order_line="0010"), "payments.pay"),
    "no line named, but the item": (line(order_line="", item="A-1"), "payments.pay"),
    "no line named, and no such item": (line(order_line="", item="Z-9"), "matcher:line_without_order"),
    "no line and no item named": (line(order_line=""), "matcher:line_without_order"),
}


@pytest.mark.parametrize(("wanted", "end"), LINES.values(), ids=LINES.keys())
def test_a_line_is_compared_with_its_order_and_receipts(wanted: dict[str, str], end: str) -> None:
    assert ends(invoice(lines=[wanted])) == [end]


ORDER_OF = {
    "written otherwise": (invoice(order="po 0001"), "payments.pay"),
    "unknown": (invoice(order="PO-77"), "matcher:unknown_order"),
    "missing": (invoice(order=""), "matcher:no_order"),
    "named by the line": (invoice(order="", lines=[line(order="PO-1")]), "payments.pay"),
    "in another currency": (invoice(order="PO-3", lines=[line(quantity="5", price="1")]), "matcher:currency_differs"),
    "of another supplier": (
        invoice(supplier="Other Works BV", vat="NL900000002B01", iban="NL43ZZZZ0417164300"),
        "matcher:order_of_another_supplier",
    ),
    "with a charge that nobody ordered": (invoice(charge="25.00"), "matcher:charge_not_ordered"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "end"), ORDER_OF.values(), ids=ORDER_OF.keys())
def test_an_invoice_must_rest_on_an_order_of_its_supplier(text: str, end: str) -> None:
    assert ends(text) == [end]


def test_one_invoice_may_rest_on_several_orders() -> None:
    both = [line(order="PO-1"), line(id="2", order="PO-2", quantity="10", price="25.00")]
    assert ends(invoice(order="", lines=both)) == ["payments.pay"]
    by_item = [line(order_line="10", item="A-1"), line(id="2", order_line="10", item="B-1", price="25.00")]
    text = invoice(lines=by_item).replace(
        "</cac:OrderReference>",
        "</cac:OrderReference><cac:OrderReference><cbc:ID>PO-2</cbc:ID></cac:OrderReference>",
    )
    assert ends(text) == ["payments.pay"]


def test_a_line_that_fits_two_orders_is_not_guessed() -> None:
    text = invoice().replace(
        "</cac:OrderReference>",
        "</cac:OrderReference><cac:OrderReference><cbc:ID>PO-2</cbc:ID></cac:OrderReference>",
    )
    assert ends(text) == ["matcher:order_line_unclear"]


def test_an_order_line_that_stands_twice_in_the_table_is_not_guessed() -> None:
    twice = ORDERS + "PO-1,10,A-1,Lens,S-1,100,C62,99.00,EUR\n"
    assert ends(invoice(), purchase_orders=twice) == ["matcher:order_line_unclear"]


TOLERANCES = [
    ({"price_tolerance_percent": "0"}, line(price="10.01"), "matcher:price_above_order"),
    ({"price_tolerance_percent": "50"}, line(price="15.00"), "payments.pay"),
    ({"price_tolerance_percent": "0", "price_tolerance_amount": "0.50"}, line(price="10.50"), "payments.pay"),
    ({"price_tolerance_percent": "0", "price_tolerance_amount": "0.50"}, line(price="10.60"), "matcher:price_above_order"),
    ({"quantity_tolerance_percent": "5"}, line(quantity="105"), "payments.pay"),
    ({"quantity_tolerance_percent": "5"}, line(quantity="106"), "matcher:quantity_above_receipt"),
    ({"quantity_tolerance_amount": "3"}, line(quantity="103"), "payments.pay"),
    ({"quantity_tolerance_amount": "3"}, line(quantity="104"), "matcher:quantity_above_receipt"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "wanted", "end"), TOLERANCES)
def test_tolerances_are_those_of_the_run(
    parameters: dict[str, str], wanted: dict[str, str], end: str
) -> None:
    assert ends(invoice(lines=[wanted]), parameters=parameters) == [end]


def test_charges_that_the_run_allows_pass() -> None:
    assert ends(invoice(charge="25.00"), parameters={"unordered_charges": "25"}) == ["payments.pay"]


def test_a_price_within_tolerance_is_flagged() -> None:
    found = chain.run({"a.xml": invoice(lines=[line(price="10.10")]).encode(), **tables()})
    assert [flag["code"] for flag in found.proposed["a.xml"]["flags"]] == ["price_within_tolerance"]


def test_a_rounded_line_is_not_taken_for_a_higher_price() -> None:
    # 3 x 3.333 is 9.999, written as 10.00: a unit then costs a third of a cent more than ordered.
    orders = ORDERS.replace("Lens,S-1,100,C62,10.00", "Lens,S-1,100,C62,3.333")
    wanted = line(quantity="3", price="3.333", net="10.00")
    parameters = {"price_tolerance_percent": "0"}
    assert ends(invoice(lines=[wanted]), parameters=parameters, purchase_orders=orders) == ["payments.pay"]


def test_nothing_received_is_said_as_such() -> None:
    receipts = RECEIPTS.replace("GR-4,PO-2,10,10,2026-10-06\n", "")
    text = invoice(order="PO-2", lines=[line(quantity="1", price="25.00")])
    assert ends(text, goods_receipts=receipts) == ["matcher:nothing_received"]


def test_more_received_than_ordered_does_not_make_more_payable() -> None:
    receipts = RECEIPTS + "GR-9,PO-1,10,50,2026-10-09\n"
    assert ends(invoice(lines=[line(quantity="120")]), goods_receipts=receipts) == [
        "matcher:quantity_above_order"
    ]


def test_two_lines_on_one_order_line_count_together() -> None:
    assert ends(invoice(lines=[line(quantity="60"), line(id="2", quantity="40")])) == ["payments.pay"]
    assert ends(invoice(lines=[line(quantity="60"), line(id="2", quantity="41")])) == [
        "matcher:quantity_above_receipt"
    ]


def test_the_older_invoice_has_the_first_claim_on_what_was_received() -> None:
    newer = invoice(number="LW-200", issued="2026-10-25", lines=[line(quantity="60")])
    older = invoice(number="LW-100", issued="2026-10-20", lines=[line(quantity="60")])
    assert ends(newer, older) == ["matcher:quantity_above_receipt", "payments.pay"]


def test_what_was_invoiced_before_the_run_counts() -> None:
    orders = ORDERS.replace("unit_price,currency\n", "unit_price,currency,invoiced\n").replace(
        "10.00,EUR\n", "10.00,EUR,95\n"
    )
    assert ends(invoice(lines=[line(quantity="5")]), purchase_orders=orders) == ["payments.pay"]
    assert ends(invoice(lines=[line(quantity="6")]), purchase_orders=orders) == [
        "matcher:quantity_above_receipt"
    ]


def test_a_strangers_invoice_keeps_no_goods_from_those_who_delivered_them() -> None:
    stranger = invoice(supplier="Nobody Ltd", vat="GB1", issued="2026-01-01", lines=[line(quantity="100")])
    assert ends(stranger, invoice(lines=[line(quantity="100")])) == ["risk:unknown_supplier", "payments.pay"]


@pytest.mark.parametrize(
    ("left_out", "end"),
    [("purchase_orders", "matcher:no_purchase_orders"), ("goods_receipts", "matcher:nothing_received")],
)
def test_a_missing_table_is_said_of_each_invoice(left_out: str, end: str) -> None:
    assert ends(invoice(), **{left_out: None}) == [end]


def test_a_sentence_names_line_order_row_and_numbers() -> None:
    found = chain.run({"a.xml": invoice(lines=[line(quantity="120")]).encode(), **tables()})
    entry = found.rejected["a.xml"]
    assert (
        "invoices 120, but 100 were received for order PO-1 line 10 (purchase_orders.csv, line 2)"
        in entry["sentence"]
    )
    cited = {(place["source"], place["line"]) for place in entry["evidence"]}
    assert {("goods_receipts.csv", 2), ("goods_receipts.csv", 3), ("purchase_orders.csv", 2)} < cited
