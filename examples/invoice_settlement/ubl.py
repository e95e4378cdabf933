"""A UBL 2.1 invoice as an Invoice: which element holds what, and which documents are not for payment.

Owns the reading of fields. What they add up to is the business of `totals`, who is paid that of `risk`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from stdnum import bic as bic_numbers
from stdnum import exceptions
from stdnum import iban as iban_numbers

from examples.invoice_settlement import money, totals, wording
from examples.invoice_settlement.safe_xml import Document, Node, Unusable
from examples.invoice_settlement.shapes import FileRef, Flag, Invoice, InvoiceLine, Parameters
from orchestrator.domain.replies import Evidence

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
NAMESPACES = {"cac": _UBL + "CommonAggregateComponents-2", "cbc": _UBL + "CommonBasicComponents-2"}
# Codes of UNCL 1001 by which a credit note calls itself an invoice.
_CREDIT_CODES = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
_SUPPLIER = "cac:AccountingSupplierParty/cac:Party"
_NAMES = (f"{_SUPPLIER}/cac:PartyLegalEntity/cbc:RegistrationName", f"{_SUPPLIER}/cac:PartyName/cbc:Name")
_VAT = f"{_SUPPLIER}/cac:PartyTaxScheme/cbc:CompanyID"
_COMPANY = f"{_SUPPLIER}/cac:PartyLegalEntity/cbc:CompanyID"
_MEANS = "cac:PaymentMeans"
_ACCOUNT = "cac:PayeeFinancialAccount"


def read(data: bytes, file: FileRef, id: str, parameters: Parameters) -> Invoice:
    """The invoice in a file. Raises Unusable when it is none, or when it contradicts itself."""
    document = Document(data, name=file.name, digest=file.digest, namespaces=NAMESPACES)
    root = document.root
    _refuse_other_documents(root)
    number = _required(root, "cbc:ID", "number")
    currency = _required(root, "cbc:DocumentCurrencyCode", "currency")
    if money.decimals(currency.text) is None:
        raise Unusable(
            "unknown_currency",
            f"{currency.path} (line {currency.line}) names the currency {wording.visible(currency.text)!r}, which "
            "ISO 4217 does not have. Ask the supplier for a corrected invoice.",
            currency.evidence(),
        )
    supplier = next((node for path in _NAMES if (node := root.one(path)) is not None and node.text), None)
    if supplier is None:
        raise _missing(root, _NAMES[0], "supplier's name")
    identity = root.one(_VAT) or root.one(_COMPANY)
    issued = _date(_required(root, "cbc:IssueDate", "issue date"))
    due = root.one("cbc:DueDate") or root.one(f"{_MEANS}/cbc:PaymentDueDate")
    accounts, bic = _accounts(root)
    lines, sums = totals.read(root, currency.text, parameters)
    orders = _orders(root, lines)
    where = {
        "number": number.evidence(),
        "currency": currency.evidence(),
        "supplier": supplier.evidence(),
        "iban": accounts[0][1],
        "payable": sums.where,
    }
    if identity is not None:
        where["supplier_vat"] = identity.evidence()
    if due is not None:
        where["due_date"] = due.evidence()
    order = root.one("cac:OrderReference/cbc:ID")
    if order is not None:
        where["orders"] = order.evidence()
    return Invoice(
        id=id,
        file=file.name,
        digest=file.digest,
        number=number.text,
        supplier=supplier.text,
        supplier_vat=identity.text if identity is not None else "",
        iban=accounts[0][0],
        other_ibans=tuple(iban for iban, _ in accounts[1:]),
        bic=bic,
        payable=money.text(sums.payable, currency.text),
        currency=currency.text,
        issue_date=issued,
        due_date=_date(due) if due is not None else issued,
        orders=orders,
        flags=tuple(_flags(number, supplier, sums.rates)),
        where=where,
        net=money.text(sums.net, currency.text),
        tax=money.text(sums.tax, currency.text),
        charges=money.text(sums.charges, currency.text),
        lines=lines,
    )


def _refuse_other_documents(root: Node) -> None:
    tag = str(root.element.tag)
    if tag == f"{{{_UBL}CreditNote-2}}CreditNote":
        raise Unusable(
            "credit_note",
            "The document is a credit note: there is nothing to pay. Book it against the invoice it corrects.",
            root.evidence(""),
        )
    if tag != f"{{{_UBL}Invoice-2}}Invoice":
        raise Unusable(
            "not_ubl",
            f"The document's root is {wording.visible(tag, 160)}, not a UBL 2.1 Invoice. Ask the supplier for the "
            "invoice as UBL 2.1 XML.",
            root.evidence(""),
        )
    code = root.one("cbc:InvoiceTypeCode")
    if code is not None and code.text in _CREDIT_CODES:
        raise Unusable(
            "credit_note",
            f"{code.path} (line {code.line}) says {code.text}, a credit note: there is nothing to pay. Book it "
            "against the invoice it corrects.",
            code.evidence(),
        )


def _accounts(root: Node) -> tuple[list[tuple[str, Evidence]], str]:
    """The accounts that the invoice asks to be paid on, each once, with their places, and the first one's BIC."""
    found: dict[str, Evidence] = {}
    bic = ""
    for account in root.all(f"{_MEANS}/{_ACCOUNT}"):
        node = account.one("cbc:ID")
        if node is None or not node.text:
            continue
        try:
            if not node.text.isascii():
                raise exceptions.InvalidFormat
            iban = iban_numbers.validate(node.text)
        except exceptions.ValidationError:
            raise Unusable(
                "iban_invalid",
                f"{node.path} (line {node.line}) says {wording.visible(node.text, 60)!r}, which is not a valid "
                "IBAN (its check digits or its length are wrong). Ask the supplier, on a number you already "
                "know, for the right account.",
                node.evidence(),
            ) from None
        if not found:
            code = account.one("cac:FinancialInstitutionBranch/cbc:ID")
            bic = (
                bic_numbers.compact(code.text) if code is not None and bic_numbers.is_valid(code.text) else ""
            )
        found.setdefault(iban, node.evidence())
    if not found:
        raise Unusable(
            "no_account",
            f"The invoice names no account to pay to ({root.path}/{_MEANS}/{_ACCOUNT}/cbc:ID is missing). Ask the "
            "supplier for an invoice with an IBAN.",
            root.evidence(""),
        )
    return list(found.items()), bic


def _orders(root: Node, lines: tuple[InvoiceLine, ...]) -> tuple[str, ...]:
    named = [node.text for node in root.all("cac:OrderReference/cbc:ID") if node.text]
    return tuple(dict.fromkeys([*named, *(line.order for line in lines if line.order)]))[:1000]


def _flags(number: Node, supplier: Node, rates: dict[Decimal, Evidence]) -> list[Flag]:
    flags = []
    for what, node in (("number", number), ("supplier's name", supplier)):
        characters = wording.hidden(node.text)
        if characters:
            flags.append(
                Flag(
                    code="hidden_characters",
                    sentence=f"The {what} holds characters that do not show: {', '.join(characters[:5])}.",
                    evidence=(node.evidence(),),
                )
            )
        if wording.has_markup(node.text):
            flags.append(
                Flag(
                    code="markup_in_text",
                    sentence=f"The {what} holds markup or script. It was kept as it is and never run.",
                    evidence=(node.evidence(),),
                )
            )
    for rate, evidence in rates.items():
        if rate > 27:
            flags.append(
                Flag(
                    code="unusual_tax_rate",
                    sentence=f"A tax rate of {money.plain(rate)} % is higher than any VAT rate of the EU.",
                    evidence=(evidence,),
                )
            )
    return flags


def _required(root: Node, path: str, what: str) -> Node:
    node = root.one(path)
    if node is None or not node.text:
        raise _missing(root, path, what)
    if len(node.text) > 100:
        raise Unusable(
            "text_too_long",
            f"{node.path} (line {node.line}) holds {len(node.text)} characters, too many for the {what}. Ask the "
            "supplier for a corrected invoice.",
            node.evidence(),
        )
    return node


def _missing(root: Node, path: str, what: str) -> Unusable:
    return Unusable(
        "field_missing",
        f"The {what} is missing ({root.path}/{path}). Ask the supplier for a complete invoice.",
        root.evidence(""),
    )


def _date(node: Node) -> str:
    try:
        if len(node.text) != 10:
            raise ValueError
        return dt.date.fromisoformat(node.text).isoformat()
    except ValueError:
        raise Unusable(
            "date_unreadable",
            f"{node.path} (line {node.line}) says {wording.visible(node.text, 40)!r}, which is not a date written "
            "as 2026-01-31. Ask the supplier for a corrected invoice.",
            node.evidence(),
        ) from None
