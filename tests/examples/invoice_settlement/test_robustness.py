"""Whatever the bytes are: no agent raises, and every file that came in is accounted for."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.invoice_settlement import outcomes, shapes, treasurer, validators
from orchestrator.adapters import said
from orchestrator.domain import errors
from orchestrator.domain.replies import MAX_ACTIONS
from tests.examples import chain
from tests.examples.invoice_settlement.documents import invoice, line, tables

GOOD = invoice().encode()
CHECK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)


def accounted(files: list[tuple[str, bytes]], parameters: dict[str, Any] | None = None) -> chain.Chain:
    """Runs the chain; every file must be in its output, each validator content, each reply acceptable."""
    found = chain.run(files, parameters)
    for stage in chain.STAGES:
        for reference in stage["validators"]:
            check = getattr(validators, reference["id"].removeprefix("invoice_settlement."))
            finding = check(found.outputs[stage["name"]], found.inputs[stage["name"]], reference["settings"])
            assert finding is None, finding
        assert said.checked(found.replies[stage["name"]]).note
    assert "unreadable" not in {end.partition(":")[2] for end in found.ends.values()}, (
        "something went past a check"
    )
    others = len(found.outputs["intake"]["tables"]) + len(found.outputs["intake"]["set_aside"])
    assert len(found.ends) + others == len(files)
    return found


names = st.one_of(
    st.sampled_from(
        ["a.xml", "b.xml", "a.xml (2)", "README", "suppliers.csv", "x.csv", "purchase_orders.csv", ""]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
amounts = st.one_of(
    st.sampled_from(
        [
            "0",
            "-1",
            "1e9",
            "NaN",
            "",
            " 5 ",
            "9" * 30,
            "1.2345",
            "1,5",
            "+5.00",
            "999999999999999",
            "0.0000000001",
            "--1",
            "٣",
            "1_000",
        ]
    ),
    st.decimals(-1000, 100000, places=2).map(str),
)


@CHECK
@given(st.lists(st.tuples(names, st.binary(max_size=200)), max_size=5))
def test_any_bytes_under_any_names(files: list[tuple[str, bytes]]) -> None:
    accounted(files)


@CHECK
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_an_invoice_with_bytes_changed_at_random(seed: int, count: int) -> None:
    chance = random.Random(seed)
    data = bytearray(GOOD)
    for _ in range(count):
        data[chance.randrange(len(data))] = chance.randrange(256)
    found = accounted(
        [("a.xml", bytes(data)), ("good.xml", invoice(number="OK-1").encode()), *tables().items()]
    )
    assert found.ends["good.xml"] == "payments.pay" or "OK-1" not in str(found.rejected["good.xml"]["number"])


@CHECK
@given(
    number=texts,
    supplier=texts,
    vat=texts,
    iban=texts,
    currency=st.one_of(st.sampled_from(["EUR", "JPY", "KWD", "XXX", "eur"]), texts),
    issued=st.one_of(st.dates().map(str), texts),
    order=texts,
    payable=amounts,
    note=texts,
)
def test_any_text_in_any_field(**fields: str) -> None:
    data = invoice(**fields).encode()  # type: ignore[arg-type]
    accounted([("a.xml", data), *tables().items()])


@CHECK
@given(
    quantity=amounts, price=amounts, net=amounts, order_line=texts, unit=texts, item=texts, payable=amounts
)
def test_any_numbers_in_a_line(**fields: str) -> None:
    payable = fields.pop("payable")
    try:
        text = invoice(lines=[line(**{**fields, "net": fields["net"] or "0"})], payable=payable)
    except ArithmeticError:
        return  # the document writer itself cannot add these
    accounted([("a.xml", text.encode()), *tables().items()])


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
table_bytes = st.one_of(
    st.binary(max_size=300),
    st.lists(st.lists(cells, max_size=8), max_size=6).map(
        lambda rows: "\n".join(";".join(row) for row in rows).encode()
    ),
)


@CHECK
@given(
    st.sampled_from(["purchase_orders", "goods_receipts", "suppliers", "paid_invoices"]),
    table_bytes,
    st.booleans(),
)
def test_any_bytes_in_any_table(name: str, data: bytes, after_header: bool) -> None:
    files = tables()
    header = files[f"{name}.csv"].split(b"\n")[0] + b"\n" if after_header else b""
    files[f"{name}.csv"] = header + data
    found = accounted([("a.xml", GOOD), *files.items()])
    assert "a.xml" in found.ends


@CHECK
@given(ordered=amounts, price=amounts, received=amounts, paid=amounts, tolerance=amounts)
def test_any_numbers_in_the_tables(
    ordered: str, price: str, received: str, paid: str, tolerance: str
) -> None:
    files = tables(
        purchase_orders=f"order;line;supplier;quantity;unit_price;currency\nPO-1;10;S-1;{ordered};{price};EUR\n",
        goods_receipts=f"order;line;quantity\nPO-1;10;{received}\n",
        paid_invoices=f"supplier;number;amount;currency\nS-1;X;{paid};EUR\n",
    )
    try:
        parameters = {"price_tolerance_percent": tolerance, "unusual_history": 1}
        accounted([("a.xml", GOOD), *files.items()], parameters)
    except msgspec.ValidationError:
        assert not tolerance.replace(".", "").isdecimal() or len(tolerance) > 15 or not tolerance.isascii()


SOURCES = [GOOD, *(file.read_bytes() for file in sorted((chain.EXAMPLE / "files").glob("*.xml")))]


@CHECK
@given(st.sampled_from(SOURCES), st.sampled_from(SOURCES), st.floats(0, 1), st.floats(0, 1))
def test_halves_of_documents_put_together(left: bytes, right: bytes, cut: float, join: float) -> None:
    accounted([("a.xml", left[: int(len(left) * cut)] + right[int(len(right) * join) :]), *tables().items()])


def test_a_fault_of_the_file_store_is_not_blamed_on_the_file() -> None:
    class Away(dict[str, bytes]):
        def __getitem__(self, digest: str) -> bytes:
            raise errors.PortFailure("The store does not answer.")

    work = {"files": [{"name": "a.xml", "digest": "0" * 64}]}
    with pytest.raises(errors.PortFailure, match="does not answer"):
        chain.invoke("intake", work, Away())


def test_more_payments_than_one_reply_may_hold_are_left_for_another_run() -> None:
    base = chain.run({"a.xml": GOOD, **tables()}).outputs["risk"]["invoices"][0]
    many = [{**base, "id": f"{number}.xml", "flags": []} for number in range(treasurer.MAX_PAYMENTS + 5)]
    reply = chain.invoke("treasurer", {"invoices": many}, {})
    assert len(reply.actions) == treasurer.MAX_PAYMENTS < MAX_ACTIONS
    assert {entry.code for entry in reply.output.rejected} == {"run_is_full"}
    assert len(reply.output.payments) + len(reply.output.rejected) == len(many)


def test_five_hundred_invoices_fit_one_run() -> None:
    orders = "order,line,supplier,quantity,unit_price,currency\n" + "".join(
        f"PO-{number},10,S-1,10,10.00,EUR\n" for number in range(490)
    )
    receipts = "order,line,quantity\n" + "".join(f"PO-{number},10,10\n" for number in range(490))
    files = [
        (f"{number}.xml", invoice(number=f"N-{number}", order=f"PO-{number}").encode())
        for number in range(490)
    ]
    found = accounted([*files, *tables(purchase_orders=orders, goods_receipts=receipts).items()])
    assert len(found.proposed) == 490


def test_a_cancelled_run_stops_the_agent_at_the_next_file() -> None:
    turn = dataclasses.replace(chain.turn("intake", {}), is_cancelled=lambda: True)
    work = shapes.IntakeInput(files=(shapes.FileRef(name="a.xml", digest="0" * 64),))
    with pytest.raises(errors.PortFailure, match="cancelled"):
        chain.AGENTS["intake"][0](work, turn)


def test_the_room_for_invoices_is_half_of_what_a_reply_may_hold() -> None:
    assert outcomes.MAX_CLAIM_BYTES * 2 == said.MAX_BYTES
