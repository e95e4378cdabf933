"""CSV tables as spreadsheets export them: each way of writing gives the same rows."""

from __future__ import annotations

import pytest

from examples.invoice_settlement.shapes import FileRef, Flag, Table
from examples.invoice_settlement.tables import Row, kind_of, load
from tests.examples import chain
from tests.examples.invoice_settlement.documents import ORDERS, RECEIPTS, invoice, tables


def read(data: bytes) -> tuple[list[Row], list[Flag]]:
    problems: list[Flag] = []
    table = Table(kind="purchase_orders", file=FileRef(name="po.csv", digest="d"))
    return load([table], "purchase_orders", {"d": data}.__getitem__, problems), problems


SEMICOLONS = ORDERS.replace(".", ",,").replace(",,", "\0").replace(",", ";").replace("\0", ",")
WAYS = {
    "plain": ORDERS.encode(),
    "byte order mark": ORDERS.encode("utf-8-sig"),
    "utf-16": ORDERS.encode("utf-16"),
    "windows lines": ORDERS.replace("\n", "\r\n").encode(),
    "old mac lines": ORDERS.replace("\n", "\r").encode(),
    "semicolons and decimal commas": SEMICOLONS.encode(),
    "tabs": ORDERS.replace(",", "\t").encode(),
    "quotes": "\n".join(",".join(f'"{cell}"' for cell in row.split(",")) for row in ORDERS.splitlines()).encode(),
    "windows-1252": ORDERS.replace("Lens", "Lünse").encode("cp1252"),
    "header in capitals": (ORDERS.splitlines()[0].upper() + ORDERS[ORDERS.index("\n") :]).encode(),
    "other names of columns": ORDERS.replace("order,line", "PO Number,Position").replace("quantity", "Qty").encode(),
    "spaces around cells": ORDERS.replace(",", " , ").encode(),
    "empty rows": ORDERS.replace("\n", "\n\n,,,,,,,,\n").encode(),
}  # fmt: skip


@pytest.mark.parametrize("data", WAYS.values(), ids=WAYS.keys())
def test_each_way_of_writing_a_table_gives_the_same_rows(data: bytes) -> None:
    rows, problems = read(data)
    assert problems == []
    assert [(row["order"], row["line"], str(row.number("unit_price"))) for row in rows] == [
        ("PO-1", "10", "10.00"),
        ("PO-1", "20", "4.00"),
        ("PO-2", "10", "25.00"),
        ("PO-3", "10", "1"),
    ]


def test_a_row_knows_its_line_also_after_a_cell_with_several() -> None:
    data = (
        'order,line,supplier,quantity,unit_price,currency,note\nA,1,S,1,1,EUR,"two\nlines"\nB,1,S,1,1,EUR,\n'
    )
    rows, _ = read(data.encode())
    assert [row.line for row in rows] == [2, 4]
    assert rows[1].evidence("order").quote == "B"


BROKEN = {
    "empty": (b"", "is empty"),
    "no such columns": (b"a,b\n1,2\n", "has no column order"),
    "a column is missing": (ORDERS.replace("unit_price", "list").encode(), "has no column unit_price"),
    "only a header": (ORDERS.splitlines()[0].encode(), ""),
    "a quote that never closes": (ORDERS.encode() + b'"' + b"x" * 200_000, "cannot be read as CSV"),
    "a price in words": (ORDERS.replace("10.00", "ten").encode(), "line 2, says 'ten'"),
    "a negative quantity": (ORDERS.replace(",100,", ",-100,").encode(), "line 2, says '-100'"),
    "an exponent": (ORDERS.replace("10.00", "1e9").encode(), "line 2, says '1e9'"),
    "thousands": (ORDERS.replace("10.00", '"1,000.00"').encode(), "line 2, says '1,000.00'"),
    "no such currency": (ORDERS.replace("EUR", "EUX", 1).encode(), "line 2, names the currency"),
    "an empty cell": (ORDERS.replace("PO-1,10", ",10").encode(), "has an empty column order"),
}


@pytest.mark.parametrize(("data", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_read_is_a_problem_with_its_place_and_the_rest_stays(
    data: bytes, sentence: str
) -> None:
    rows, problems = read(data)
    assert bool(problems) == bool(sentence)
    assert sentence in (problems[0].sentence if problems else "")
    assert all(row["order"] for row in rows)


def test_a_short_row_is_a_problem_and_not_an_error() -> None:
    rows, problems = read((ORDERS + "PO-9\n").encode())
    assert len(rows) == 4
    assert "line 6, has an empty column line" in problems[0].sentence


def test_a_nul_in_a_table_stops_nothing() -> None:
    rows, _ = read(ORDERS.encode() + b"\x00,\x00\n")
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("Purchase Orders 2026.csv", b"", "purchase_orders"),
        ("goods-receipts.CSV", b"", "goods_receipts"),
        ("export.csv", ORDERS.encode(), "purchase_orders"),
        ("export.csv", RECEIPTS.encode(), "goods_receipts"),
        ("export.csv", b"x,y\n", None),
        ("export.csv", b"", None),
    ],
)
def test_a_table_is_known_by_its_name_or_its_columns(name: str, data: bytes, kind: str | None) -> None:
    assert kind_of(name, data) == kind


def test_tables_of_one_kind_are_read_together() -> None:
    files = tables(purchase_orders=ORDERS.splitlines()[0] + "\n")
    files["purchase_orders_more.csv"] = ORDERS.encode()
    assert chain.run({"a.xml": invoice().encode(), **files}).ends == {"a.xml": "payments.pay"}


def test_problems_of_a_table_are_in_the_output_of_intake() -> None:
    found = chain.run({"a.xml": invoice().encode(), **tables(suppliers="name\nx\n")})
    assert "suppliers.csv, line 1, has no column supplier and no column iban" in str(
        found.outputs["intake"]["problems"]
    )
    assert found.ends == {"a.xml": "risk:unknown_supplier"}
