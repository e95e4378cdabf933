"""Writes UBL invoices and CSV tables for the tests, right unless a test makes them wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, quoteattr

INVOICE = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"

ORDERS = """order,line,item,description,supplier,quantity,unit,unit_price,currency
PO-1,10,A-1,Lens,S-1,100,C62,10.00,EUR
PO-1,20,A-2,Mount,S-1,50,C62,4.00,EUR
PO-2,10,B-1,Prism,S-1,10,C62,25.00,EUR
PO-3,10,C-1,Service,S-1,1000000,C62,1,JPY
"""
RECEIPTS = """receipt,order,line,quantity,date
GR-1,PO-1,10,60,2026-10-01
GR-2,PO-1,10,40,2026-10-05
GR-3,PO-1,20,50,2026-10-05
GR-4,PO-2,10,10,2026-10-06
GR-5,PO-3,10,1000000,2026-10-06
"""
SUPPLIERS = """supplier,name,vat,iban,bic,country
S-1,Linsen Werk GmbH,DE900000001,DE65999900010000123456,,DE
S-2,Other Works BV,NL900000002B01,NL43ZZZZ0417164300,,NL
"""
PAID = """supplier,number,amount,currency,paid
S-1,LW-1,1000.00,EUR,2026-05-01
S-1,LW-2,1100.00,EUR,2026-06-01
S-1,LW-3,1200.00,EUR,2026-07-01
"""


def tables(**replaced: str | bytes | None) -> dict[str, bytes]:
    """The four CSV files, each replaced by name, or left out with None."""
    files: dict[str, Any] = {
        "purchase_orders": ORDERS,
        "goods_receipts": RECEIPTS,
        "suppliers": SUPPLIERS,
        "paid_invoices": PAID,
        **replaced,
    }
    return {
        f"{name}.csv": content.encode() if isinstance(content, str) else content
        for name, content in files.items()
        if content is not None
    }


def line(
    *,
    id: str = "1",
    quantity: str = "10",
    price: str = "10.00",
    net: str | None = None,
    rate: str = "19",
    order: str = "",
    order_line: str = "10",
    unit: str = "C62",
    name: str = "Lens",
    item: str = "",
    base: str = "",
    charge: str = "",
) -> dict[str, str]:
    """One invoice line; its net is computed unless it is given."""
    computed = Decimal(quantity) * Decimal(price) / Decimal(base or 1) + Decimal(charge or 0)
    return {
        "id": id,
        "quantity": quantity,
        "price": price,
        "net": net if net is not None else f"{computed:.2f}",
        "rate": rate,
        "order": order,
        "order_line": order_line,
        "unit": unit,
        "name": name,
        "item": item,
        "base": base,
        "charge": charge,
    }


def invoice(
    *,
    number: str = "LW-100",
    supplier: str = "Linsen Werk GmbH",
    vat: str = "DE900000001",
    iban: str = "DE65999900010000123456",
    more_ibans: tuple[str, ...] = (),
    bic: str = "",
    currency: str = "EUR",
    issued: str = "2026-10-20",
    due: str = "2026-11-20",
    order: str = "PO-1",
    lines: list[dict[str, str]] | None = None,
    type_code: str = "380",
    prepaid: str = "",
    charge: str = "",
    allowance: str = "",
    rounding: str = "",
    country: str = "DE",
    city: str = "Jena",
    note: str = "",
    tax: str | None = None,
    payable: str | None = None,
    prefixes: tuple[str, str, str] = ("", "cac", "cbc"),
    head: str = '<?xml version="1.0" encoding="UTF-8"?>\n',
    root: str = "Invoice",
    namespace: str = INVOICE,
    leave_out: tuple[str, ...] = (),
    digits: int = 2,
) -> str:
    """A UBL 2.1 invoice as text; sums are computed unless they are given. `leave_out` drops elements by name."""
    lines = lines if lines is not None else [line()]
    own, cac, cbc = prefixes
    o = f"{own}:" if own else ""

    def b(name: str, text: str, **attributes: str) -> str:
        if name in leave_out or not text:
            return ""
        marks = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
        return f"<{cbc}:{name}{marks}>{escape(text)}</{cbc}:{name}>"

    def a(name: str, *children: str) -> str:
        inside = "".join(children)
        return f"<{cac}:{name}>{inside}</{cac}:{name}>" if inside and name not in leave_out else ""

    def money(amount: Decimal | str) -> str:
        return amount if isinstance(amount, str) else f"{amount:.{digits}f}"

    def m(name: str, amount: Decimal | str) -> str:
        return b(name, money(amount), currencyID=currency)

    def adjustment(kind: str, amount: str) -> str:
        return a("AllowanceCharge", b("ChargeIndicator", kind), m("Amount", amount)) if amount else ""

    net = sum((Decimal(entry["net"]) for entry in lines), Decimal(0))
    extra = Decimal(charge or 0) - Decimal(allowance or 0)
    rates: dict[str, Decimal] = {}
    for entry in lines:
        rates[entry["rate"]] = rates.get(entry["rate"], Decimal(0)) + Decimal(entry["net"])
    first = next(iter(rates), None)
    if first is not None:
        rates[first] += extra
    unit = Decimal(1).scaleb(-digits)
    taxes = {
        rate: (sum_ * Decimal(rate) / 100).quantize(unit, "ROUND_HALF_UP") for rate, sum_ in rates.items()
    }
    tax_total = Decimal(tax) if tax is not None else sum(taxes.values(), Decimal(0))
    gross = net + extra + tax_total
    to_pay = payable if payable is not None else gross - Decimal(prepaid or 0) + Decimal(rounding or 0)
    body = [
        b("CustomizationID", "urn:cen.eu:en16931:2017"),
        b("ID", number),
        b("IssueDate", issued),
        b("DueDate", due),
        b("InvoiceTypeCode", type_code),
        b("Note", note),
        b("DocumentCurrencyCode", currency),
        a("OrderReference", b("ID", order)),
        a(
            "AccountingSupplierParty",
            a(
                "Party",
                a("PartyName", b("Name", supplier)),
                a("PostalAddress", b("CityName", city), a("Country", b("IdentificationCode", country))),
                a("PartyTaxScheme", b("CompanyID", vat), a("TaxScheme", b("ID", "VAT"))) if vat else "",
                a("PartyLegalEntity", b("RegistrationName", supplier)),
            ),
        ),
        a(
            "AccountingCustomerParty",
            a(
                "Party",
                a("PartyName", b("Name", "Brightwater Instruments GmbH")),
                a("PostalAddress", b("CityName", "Berlin"), a("Country", b("IdentificationCode", "DE"))),
                a("PartyLegalEntity", b("RegistrationName", "Brightwater Instruments GmbH")),
            ),
        ),
        *(
            a(
                "PaymentMeans",
                b("PaymentMeansCode", "30"),
                a(
                    "PayeeFinancialAccount",
                    b("ID", account),
                    a("FinancialInstitutionBranch", b("ID", bic)) if bic else "",
                ),
            )
            for account in (iban, *more_ibans)
        ),
        adjustment("false", allowance),
        adjustment("true", charge),
        a(
            "TaxTotal",
            m("TaxAmount", tax_total),
            *(
                a(
                    "TaxSubtotal",
                    m("TaxableAmount", rates[rate]),
                    m("TaxAmount", taxes[rate]),
                    a("TaxCategory", b("ID", "S"), b("Percent", rate), a("TaxScheme", b("ID", "VAT"))),
                )
                for rate in rates
            ),
        ),
        a(
            "LegalMonetaryTotal",
            m("LineExtensionAmount", net),
            m("TaxExclusiveAmount", net + extra),
            m("TaxInclusiveAmount", gross),
            m("AllowanceTotalAmount", allowance) if allowance else "",
            m("ChargeTotalAmount", charge) if charge else "",
            m("PrepaidAmount", prepaid) if prepaid else "",
            m("PayableRoundingAmount", rounding) if rounding else "",
            m("PayableAmount", to_pay),
        ),
        *(
            a(
                "InvoiceLine",
                b("ID", entry["id"]),
                b("InvoicedQuantity", entry["quantity"], unitCode=entry["unit"]),
                m("LineExtensionAmount", entry["net"]),
                a(
                    "OrderLineReference",
                    b("LineID", entry["order_line"]),
                    a("OrderReference", b("ID", entry["order"])) if entry["order"] else "",
                )
                if entry["order_line"]
                else "",
                adjustment("true", entry["charge"]),
                a(
                    "Item",
                    b("Name", entry["name"]),
                    a("SellersItemIdentification", b("ID", entry["item"])) if entry["item"] else "",
                    a(
                        "ClassifiedTaxCategory",
                        b("ID", "S"),
                        b("Percent", entry["rate"]),
                        a("TaxScheme", b("ID", "VAT")),
                    ),
                ),
                a(
                    "Price",
                    m("PriceAmount", entry["price"]),
                    b("BaseQuantity", entry["base"], unitCode=entry["unit"]) if entry["base"] else "",
                ),
            )
            for entry in lines
        ),
    ]
    spaces = f'xmlns{":" + own if own else ""}="{namespace}" xmlns:{cac}="{CAC}" xmlns:{cbc}="{CBC}"'
    inside = "\n".join(part for part in body if part)
    return f"{head}<{o}{root} {spaces}>\n{inside}\n</{o}{root}>\n"
