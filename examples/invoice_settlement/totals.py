"""What an invoice's lines come to, computed again from below and compared with what the invoice says.

Owns the arithmetic of EN 16931: line nets, allowances and charges, tax by rate, the amount to pay. Amounts that
an invoice leaves out are computed; amounts that it states must agree.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from examples.invoice_settlement import money, wording
from examples.invoice_settlement.safe_xml import Node, Unusable
from examples.invoice_settlement.shapes import InvoiceLine, Parameters
from orchestrator.domain.replies import Evidence

_TOTAL = "cac:LegalMonetaryTotal"
_ASK = "Ask the supplier for a corrected invoice."


@dataclasses.dataclass(frozen=True)
class Sums:
    net: Decimal
    tax: Decimal
    charges: Decimal
    payable: Decimal
    where: Evidence
    rates: dict[Decimal, Evidence]


def read(root: Node, currency: str, parameters: Parameters) -> tuple[tuple[InvoiceLine, ...], Sums]:
    """The lines and sums of an invoice. Raises Unusable at the first amount that contradicts the rest."""
    slack = money.unit(currency) * parameters.rounding_units
    lines: list[InvoiceLine] = []
    for node in root.all("cac:InvoiceLine"):
        if len(lines) == parameters.max_lines:
            raise Unusable(
                "too_many_lines",
                f"The invoice has more than {parameters.max_lines:,} lines. Raise the limit when starting the run, "
                "or ask the supplier to split it.",
                node.evidence(""),
            )
        lines.append(_line(node, currency, slack))
    if not lines:
        raise Unusable("no_lines", f"The invoice has no lines. {_ASK}", root.evidence(""))
    net = money.total(Decimal(line.net) for line in lines)
    allowances, charges = _adjustments(root, currency)
    taxable = net - allowances + charges
    tax, rates = _tax(root, currency, slack, taxable)
    payable = root.one(f"{_TOTAL}/cbc:PayableAmount")
    if payable is None:
        raise Unusable(
            "totals_missing", f"{root.path}/{_TOTAL}/cbc:PayableAmount is missing. {_ASK}", root.evidence("")
        )
    prepaid = _stated(root, f"{_TOTAL}/cbc:PrepaidAmount", currency)
    rounding = _stated(root, f"{_TOTAL}/cbc:PayableRoundingAmount", currency)
    if prepaid < 0 or abs(rounding) > max(Decimal(1), slack):
        raise Unusable(
            "totals_wrong",
            f"{root.path}/{_TOTAL} takes {money.shown(prepaid, currency)} as prepaid and rounds by "
            f"{money.shown(rounding, currency)}: a prepayment is not negative, and a rounding is below 1. {_ASK}",
            payable.evidence(),
        )
    _agree(root, "cbc:LineExtensionAmount", "the lines", net, currency, slack)
    _agree(root, "cbc:AllowanceTotalAmount", "the allowances", allowances, currency, slack)
    _agree(root, "cbc:ChargeTotalAmount", "the charges", charges, currency, slack)
    _agree(root, "cbc:TaxExclusiveAmount", "the lines, allowances and charges", taxable, currency, slack)
    _agree(root, "cbc:TaxInclusiveAmount", "the net amount and the tax", taxable + tax, currency, slack)
    stated = amount(payable, currency)
    if stated <= 0:
        code = "negative_amount" if stated < 0 else "nothing_to_pay"
        raise Unusable(
            code,
            f"{payable.path} (line {payable.line}) asks for {money.shown(stated, currency)}: there is nothing to "
            "pay. If it is a credit, book it against the invoice it corrects.",
            payable.evidence(),
        )
    due = taxable + tax - prepaid + rounding
    _agree(root, "cbc:PayableAmount", "the lines, tax and prepayments", due, currency, slack)
    return tuple(lines), Sums(net, tax, charges, stated, payable.evidence(), rates)


def amount(node: Node, currency: str) -> Decimal:
    """An amount in the invoice's currency and at its precision. Raises Unusable."""
    value = _number(node)
    stated = node.attribute("currencyID")
    if stated != currency:
        raise Unusable(
            "currency_mixed",
            f"{node.path} (line {node.line}) is in {wording.visible(stated, 20) or 'no currency'}, the invoice in "
            f"{currency}. {_ASK}",
            node.evidence(),
        )
    if not money.fits(value, currency):
        raise Unusable(
            "too_many_decimals",
            f"{node.path} (line {node.line}) says {node.text}, but {currency} has "
            f"{money.decimals(currency)} decimals. {_ASK}",
            node.evidence(),
        )
    return value


def _line(node: Node, currency: str, slack: Decimal) -> InvoiceLine:
    quantity = _number(_need(node, "cbc:InvoicedQuantity"))
    price_node = _need(node, "cac:Price/cbc:PriceAmount")
    base_node = node.one("cac:Price/cbc:BaseQuantity")
    price, base = _number(price_node), _number(base_node) if base_node is not None else Decimal(1)
    net_node = _need(node, "cbc:LineExtensionAmount")
    net = amount(net_node, currency)
    if price_node.attribute("currencyID") != currency:
        raise Unusable(
            "currency_mixed", f"{price_node.path} (line {price_node.line}) is not in {currency}. {_ASK}",
            price_node.evidence(),
        )  # fmt: skip
    if quantity <= 0 or price < 0 or net < 0 or base <= 0:
        raise Unusable(
            "negative_line",
            f"{node.path} (line {node.line}) has a quantity, price or amount that is not positive. Ask the supplier "
            "for an invoice without it, and for a credit note for what was returned.",
            net_node.evidence(),
        )
    allowances, charges = _adjustments(node, currency)
    unit_price = money.per(price, base)
    computed = money.rounded(money.times(quantity, unit_price) - allowances + charges, currency)
    if abs(computed - net) > slack:
        raise Unusable(
            "line_wrong",
            f"{net_node.path} (line {net_node.line}) says {money.shown(net, currency)}, but "
            f"{money.plain(quantity)} x {money.plain(unit_price)} with its allowances and charges is "
            f"{money.shown(computed, currency)}. {_ASK}",
            net_node.evidence(),
        )
    order, order_line = "", ""
    reference = node.one("cac:OrderLineReference")
    if reference is not None:
        order_line = reference.value("cbc:LineID")
        order = reference.value("cac:OrderReference/cbc:ID")
    quantity_node = _need(node, "cbc:InvoicedQuantity")
    return InvoiceLine(
        id=node.value("cbc:ID"),
        quantity=money.plain(quantity),
        unit=quantity_node.attribute("unitCode"),
        price=format(unit_price.normalize(), "f"),
        net=money.text(net, currency),
        item=node.value("cac:Item/cac:BuyersItemIdentification/cbc:ID")
        or node.value("cac:Item/cac:SellersItemIdentification/cbc:ID"),
        description=node.value("cac:Item/cbc:Name")[:200],
        order=order,
        order_line=order_line,
        tax_rate=node.value("cac:Item/cac:ClassifiedTaxCategory/cbc:Percent")[:20],
        path=net_node.path,
        at=net_node.line,
    )


def _adjustments(node: Node, currency: str) -> tuple[Decimal, Decimal]:
    """The allowances and the charges that stand directly under an element."""
    sums = {"true": Decimal(0), "false": Decimal(0)}
    for entry in node.all("cac:AllowanceCharge"):
        indicator = _need(entry, "cbc:ChargeIndicator")
        kind = {"1": "true", "0": "false"}.get(indicator.text, indicator.text)
        value = amount(_need(entry, "cbc:Amount"), currency)
        if kind not in sums or value < 0:
            raise Unusable(
                "charge_unreadable",
                f"{entry.path} (line {entry.line}) is neither a charge nor an allowance of zero or more. {_ASK}",
                indicator.evidence(),
            )
        sums[kind] += value
    return sums["false"], sums["true"]


def _tax(
    root: Node, currency: str, slack: Decimal, taxable: Decimal
) -> tuple[Decimal, dict[Decimal, Evidence]]:
    """The tax in the invoice's currency. A second TaxTotal, in the currency of the tax office, is left aside."""
    tax = Decimal(0)
    rates: dict[Decimal, Evidence] = {}
    for total in root.all("cac:TaxTotal"):
        node = _need(total, "cbc:TaxAmount")
        if node.attribute("currencyID") != currency and node.attribute("currencyID") == root.value(
            "cbc:TaxCurrencyCode"
        ):
            continue
        stated, parts, bases, count = amount(node, currency), Decimal(0), Decimal(0), 0
        for part in total.all("cac:TaxSubtotal"):
            count += 1
            part_node = _need(part, "cbc:TaxAmount")
            part_tax = amount(part_node, currency)
            parts += part_tax
            base, rate = _need(part, "cbc:TaxableAmount"), part.one("cac:TaxCategory/cbc:Percent")
            bases += amount(base, currency)
            if rate is not None:
                rates.setdefault(_number(rate), rate.evidence())
            if rate is None:
                continue
            computed = money.rounded(money.times(amount(base, currency), _number(rate)) / 100, currency)
            if abs(computed - part_tax) > slack:
                raise Unusable(
                    "tax_wrong",
                    f"{part_node.path} (line {part_node.line}) says {money.shown(part_tax, currency)}, but "
                    f"{money.plain(_number(rate))} % of {money.shown(amount(base, currency), currency)} is "
                    f"{money.shown(computed, currency)}. {_ASK}",
                    part_node.evidence(),
                )
        if count and abs(bases - taxable) > slack * count:
            raise Unusable(
                "tax_wrong",
                f"The parts of {total.path} (line {total.line}) tax {money.shown(bases, currency)}, but the invoice "
                f"comes to {money.shown(taxable, currency)} before tax. {_ASK}",
                node.evidence(),
            )
        if count and abs(parts - stated) > slack:
            raise Unusable(
                "tax_wrong",
                f"{node.path} (line {node.line}) says {money.shown(stated, currency)}, but its parts sum to "
                f"{money.shown(parts, currency)}. {_ASK}",
                node.evidence(),
            )
        if stated < 0:
            raise Unusable(
                "tax_wrong", f"{node.path} (line {node.line}) is a negative tax. {_ASK}", node.evidence()
            )
        tax += stated
    return tax, rates


def _agree(root: Node, name: str, what: str, computed: Decimal, currency: str, slack: Decimal) -> None:
    node = root.one(f"{_TOTAL}/{name}")
    if node is None:
        return
    stated = amount(node, currency)
    if abs(stated - computed) > slack:
        raise Unusable(
            "totals_wrong",
            f"{node.path} (line {node.line}) says {money.shown(stated, currency)}, but {what} come to "
            f"{money.shown(computed, currency)}. {_ASK}",
            node.evidence(),
        )


def _stated(root: Node, path: str, currency: str) -> Decimal:
    node = root.one(path)
    return amount(node, currency) if node is not None else Decimal(0)


def _number(node: Node) -> Decimal:
    value = money.parse(node.text)
    if value is None:
        raise Unusable(
            "number_unreadable",
            f"{node.path} (line {node.line}) says {wording.visible(node.text, 40)!r}, which is not a plain decimal "
            f"number such as 1234.50. {_ASK}",
            node.evidence(),
        )
    return value


def _need(node: Node, path: str) -> Node:
    found = node.one(path)
    if found is None or not found.text:
        raise Unusable("field_missing", f"{node.path}/{path} is missing. {_ASK}", node.evidence(""))
    return found
