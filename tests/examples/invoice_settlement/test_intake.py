"""What intake makes of files: each is an invoice, a rejection, a table or set aside, and none stops the others."""

from __future__ import annotations

import pytest

from tests.examples import chain
from tests.examples.invoice_settlement.documents import invoice, line, tables

GOOD = invoice().encode()


def end_of(data: bytes, name: str = "a.xml", **parameters: object) -> str:
    found = chain.run({name: data, "good.xml": GOOD, **tables()}, parameters or None)
    assert found.ends["good.xml"] in {"payments.pay", "risk:duplicate", "risk:number_used_twice"}, (
        "another was stopped"
    )
    return found.ends[name]


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
DOCTYPES = {
    "billion laughs": BOMB,
    "external file": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "external address": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">',
    "parameter entity": '<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>',
    "empty": "<!DOCTYPE Invoice>",
    "after comments and instructions": "<!-- a --><?x y?>\n<!DOCTYPE Invoice []>",
}


@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES.keys())
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_any_doctype_is_refused(doctype: str, encoding: str) -> None:
    declared = "UTF-16" if encoding == "utf-16" else "UTF-8"
    text = invoice(head=f'<?xml version="1.0" encoding="{declared}"?>\n{doctype}\n')
    assert end_of(text.encode(encoding)) == "intake:doctype_refused"


NOT_INVOICES = {
    "empty": (b"", "empty"),
    "white space": (b" \n\t\r\n", "empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "empty"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "not_xml"),
    "zip": (b"PK\x03\x04\x14\x00", "not_xml"),
    "gzip": (b"\x1f\x8b\x08\x00", "not_xml"),
    "json": (b'{"invoice": 1}', "not_xml"),
    "words": (b"Dear customer, please pay.", "not_xml"),
    "html": (b"<!DOCTYPE html><html></html>", "doctype_refused"),
    "not closed": (GOOD[:-20], "malformed"),
    "half a tag": (b"<Invo", "malformed"),
    "control characters": (GOOD.replace(b"Jena", b"Je\x01na"), "malformed"),
    "undeclared prefix": (b"<a:b/>", "malformed"),
    "entity without doctype": (GOOD.replace(b"Jena", b"&x;"), "malformed"),
    "wrong encoding": (invoice(city="Köln").encode("latin-1"), "wrong_encoding"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?><a/>', "wrong_encoding"),
    "too deep": (b"<a>" * 5000 + b"</a>" * 5000, "malformed"),
    "another document": (b'<Order xmlns="urn:x"/>', "not_ubl"),
    "no namespace": (b"<Invoice/>", "not_ubl"),
    "an older ubl": (invoice(namespace="urn:oasis:names:tc:ubl:Invoice:1:0").encode(), "not_ubl"),
    "cii": (b'<r:CrossIndustryInvoice xmlns:r="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>', "not_ubl"),
    "credit note": (
        invoice(root="CreditNote", namespace="urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2").encode(),
        "credit_note",
    ),
    "credit note by its code": (invoice(type_code="381").encode(), "credit_note"),
    "an invoice of nothing": (b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>', "field_missing"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "code"), NOT_INVOICES.values(), ids=NOT_INVOICES.keys())
def test_what_is_no_invoice_is_rejected_with_its_reason(data: bytes, code: str) -> None:
    assert end_of(data) == f"intake:{code}"


WRONG = {
    "no number": (invoice(number=""), "field_missing"),
    "no currency": (invoice(leave_out=("DocumentCurrencyCode",)), "field_missing"),
    "no supplier": (invoice(leave_out=("AccountingSupplierParty",)), "field_missing"),
    "no date": (invoice(issued=""), "field_missing"),
    "no such date": (invoice(issued="2026-02-30"), "date_unreadable"),
    "a date in words": (invoice(due="tomorrow"), "date_unreadable"),
    "number too long": (invoice(number="9" * 101), "text_too_long"),
    "name too long": (invoice(supplier="x" * 2000), "text_too_long"),
    "unknown currency": (invoice(currency="XYZ"), "unknown_currency"),
    "no totals": (invoice(leave_out=("LegalMonetaryTotal",)), "totals_missing"),
    "no amount to pay": (invoice(leave_out=("PayableAmount",)), "totals_missing"),
    "wrong total": (invoice(payable="120.00"), "totals_wrong"),
    "wrong tax": (invoice(tax="20.00"), "tax_wrong"),
    "negative prepayment": (invoice(prepaid="-10.00"), "totals_wrong"),
    "rounding that is none": (invoice(rounding="5.00"), "totals_wrong"),
    "prepaid in full": (invoice(prepaid="119.00"), "nothing_to_pay"),
    "negative": (invoice(prepaid="200.00"), "negative_amount"),
    "negative line": (invoice(lines=[line(quantity="-1", net="-10.00")]), "negative_line"),
    "wrong line": (invoice(lines=[line(quantity="10", price="10.00", net="110.00")]), "line_wrong"),
    "no lines": (invoice(lines=[], payable="0.00"), "no_lines"),
    "exponent": (invoice(payable="1e2"), "number_unreadable"),
    "comma": (invoice(payable="119,00"), "number_unreadable"),
    "not a number": (invoice(payable="NaN"), "number_unreadable"),
    "too many decimals": (invoice(payable="119.001"), "too_many_decimals"),
    "another currency": (invoice().replace('PayableAmount currencyID="E', 'PayableAmount currencyID="U'), "currency_mixed"),
    "no account": (invoice(iban=""), "no_account"),
    "wrong check digits": (invoice(iban="DE64999900010000123456"), "iban_invalid"),
    "account of another kind": (invoice(iban="0012345678"), "iban_invalid"),
    "account in other digits": (invoice(iban="DE\u0666\u0665999900010000123456"), "iban_invalid"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), WRONG.values(), ids=WRONG.keys())
def test_an_invoice_that_contradicts_itself_is_rejected_with_the_element(text: str, code: str) -> None:
    found = chain.run({"a.xml": text.encode()})
    assert found.ends == {"a.xml": f"intake:{code}"}
    entry = found.rejected["a.xml"]
    assert "/Invoice" in entry["sentence"] or code == "no_lines"
    assert entry["evidence"][0]["source"] == "a.xml"


RIGHT = {
    "utf-16": invoice(head='<?xml version="1.0" encoding="UTF-16"?>\n').encode("utf-16"),
    "byte order mark": invoice().encode("utf-8-sig"),
    "latin-1 that says so": invoice(city="Köln", head='<?xml version="1.0" encoding="ISO-8859-1"?>\n').encode("latin-1"),
    "other prefixes": invoice(prefixes=("ubl", "a", "b")).encode(),
    "doctype only in a comment": invoice(head="<!-- <!DOCTYPE x> -->").encode(),
    "doctype only in text": invoice(note="<!DOCTYPE x>").encode(),
    "several rates": invoice(lines=[line(rate="19"), line(id="2", rate="7")]).encode(),
    "no due date": invoice(due="").encode(),
    "price for a hundred": invoice(lines=[line(quantity="50", price="990.00", base="100")]).encode(),
    "prepaid in part": invoice(prepaid="19.00").encode(),
    "rounded": invoice(rounding="0.01").encode(),
    "allowance": invoice(allowance="9.00").encode(),
    "subtotals left out": invoice(leave_out=("LineExtensionAmount_", "TaxInclusiveAmount")).encode(),
    "more accounts, one of them on record": invoice(
        iban="NL43ZZZZ0417164300", more_ibans=("DE65999900010000123456",)
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("data", RIGHT.values(), ids=RIGHT.keys())
def test_an_invoice_that_is_right_is_proposed_however_it_is_written(data: bytes) -> None:
    found = chain.run({"a.xml": data, **tables()})
    assert found.ends == {"a.xml": "payments.pay"}
    assert found.proposed["a.xml"]["pay_iban"] == "DE65999900010000123456"


def test_currencies_have_their_own_decimals() -> None:
    yen = invoice(
        currency="JPY", digits=0, order="PO-3", lines=[line(quantity="5000", price="1", net="5000")]
    )
    assert chain.run({"a.xml": yen.encode(), **tables()}).proposed["a.xml"]["payable"] == "5950"
    cents = yen.replace(">5950<", ">5950.50<")
    assert chain.run({"a.xml": cents.encode(), **tables()}).ends["a.xml"] == "intake:too_many_decimals"
    dinar = invoice(currency="KWD", digits=3, lines=[line(price="1.005", net="10.050")])
    assert chain.run({"a.xml": dinar.encode()}).outputs["intake"]["invoices"][0]["payable"] == "11.960"


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("Linsen \u202eWerk GmbH", "hidden_characters"),
        ("Linsen\u200b Werk GmbH", "hidden_characters"),
        ("<script>alert(1)</script>", "markup_in_text"),
        ("Linsen &#60;b&#62; Werk", "markup_in_text"),
    ],
)
def test_a_strange_name_is_kept_and_flagged(name: str, flag: str) -> None:
    read = chain.run({"a.xml": invoice(supplier=name).encode()}).outputs["intake"]["invoices"][0]
    assert read["supplier"] == name
    assert flag in {entry["code"] for entry in read["flags"]}


def test_a_plain_name_is_not_flagged() -> None:
    names = ("Müller & Söhne KG", "R&D; Labs", "Ångström <3 AB", "Ελληνικά ΑΕ", "光学株式会社")
    for name in names:
        read = chain.run({"a.xml": invoice(supplier=name).encode()}).outputs["intake"]["invoices"][0]
        assert read["flags"] == [], name


def test_files_of_one_name_are_told_apart() -> None:
    other = invoice(number="LW-101", lines=[line(quantity="5")]).encode()
    found = chain.run([("a.xml", GOOD), ("a.xml", other), ("a.xml (2)", b""), *tables().items()])
    assert found.ends == {"a.xml": "payments.pay", "a.xml (3)": "payments.pay", "a.xml (2)": "intake:empty"}


def test_a_file_beyond_the_limit_is_not_even_read() -> None:
    assert end_of(GOOD, max_file_bytes=len(GOOD)) == "payments.pay"
    found = chain.run({"a.xml": GOOD + b" ", **tables()}, {"max_file_bytes": len(GOOD)})
    assert found.ends["a.xml"] == "intake:file_too_large"


def test_a_file_that_is_no_longer_stored_is_rejected_alone() -> None:
    work = {"files": [{"name": "gone.xml", "digest": "0" * 64}], "parameters": None}
    reply = chain.invoke("intake", work, {})
    assert [entry.code for entry in reply.output.rejected] == ["file_missing"]


@pytest.mark.parametrize("work", [{}, {"files": None}, {"files": []}])
def test_a_run_without_files_has_nothing_to_do(work: dict[str, object]) -> None:
    output = chain.invoke("intake", work, {}).output
    assert (output.invoices, output.rejected, output.tables) == ((), (), ())


def test_thousands_of_lines_are_read_with_the_line_they_stand_on() -> None:
    lines = [line(id=str(number), quantity="1", price="0.01", order_line="10") for number in range(1, 5001)]
    read = chain.run({"a.xml": invoice(lines=lines).encode()}).outputs["intake"]["invoices"][0]
    assert len(read["lines"]) == 5000
    assert read["lines"][4999]["at"] - read["lines"][0]["at"] == 4999
    assert (
        chain.run({"a.xml": invoice(lines=lines).encode()}, {"max_lines": 4999}).ends["a.xml"]
        == "intake:too_many_lines"
    )


def test_invoices_that_together_are_too_large_for_one_reply_are_left_for_another_run() -> None:
    def large(number: int) -> bytes:
        return invoice(
            number=f"LW-{number}",
            lines=[line(id=str(n), quantity="1", price="0.01", name="x" * 150) for n in range(1, 4001)],
        ).encode()

    ends = chain.run({f"{number}.xml": large(number) for number in range(1, 6)}).outputs["intake"]
    assert [entry["code"] for entry in ends["rejected"]] == ["run_is_full"] * len(ends["rejected"])
    assert 1 <= len(ends["invoices"]) < 5
    assert len(ends["invoices"]) + len(ends["rejected"]) == 5


def test_what_is_neither_invoice_nor_table_is_set_aside_or_rejected() -> None:
    files = {
        "README.md": b"# hello",
        "Thumbs.db": b"\x00",
        "staff.csv": b"name,salary\nAda,1\n",
        "note.txt": b"hi",
    }
    found = chain.run(files)
    assert {entry["file"] for entry in found.outputs["intake"]["set_aside"]} == {"README.md", "Thumbs.db"}
    assert found.ends == {"staff.csv": "intake:unknown_table", "note.txt": "intake:not_xml"}


def test_a_folder_without_an_invoice_is_said_to_hold_none() -> None:
    """An order and a receipt alone leave nothing to pay, which must not read like a success."""
    replies = chain.run(tables()).replies
    assert replies["intake"].note == f"No invoice among {len(tables())} files: nothing to pay."
    assert chain.run({"good.xml": GOOD, **tables()}).replies["intake"].note == "1 passed, 0 rejected."
