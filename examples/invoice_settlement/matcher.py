"""The second agent: each invoice line beside the order line and the goods received, within tolerances.

It compares units, prices and quantities. Who is paid, and whether twice, is the business of `risk`.
"""

from __future__ import annotations

from decimal import Decimal

from examples.invoice_settlement import money, outcomes, tables, wording
from examples.invoice_settlement.orders import OrderLine, Orders
from examples.invoice_settlement.parties import Suppliers
from examples.invoice_settlement.safe_xml import Unusable
from examples.invoice_settlement.shapes import (
    Flag,
    Invoice,
    InvoiceLine,
    LineMatch,
    Matched,
    MatcherInput,
    MatcherOutput,
    Parameters,
)
from orchestrator import ports
from orchestrator.adapters import registry
from orchestrator.domain.replies import Assertion, Evidence, Reply

STAGE = "matcher"


@registry.code_agent("invoice_settlement.matcher", output=MatcherOutput)
def match(work: MatcherInput, turn: ports.TurnRequest) -> Reply:
    """The three-way match: invoice, purchase order, goods receipt."""
    problems: list[Flag] = []
    orders = Orders(
        tables.load(work.tables, "purchase_orders", turn.read_file, problems),
        tables.load(work.tables, "goods_receipts", turn.read_file, problems),
    )
    suppliers = Suppliers(tables.load(work.tables, "suppliers", turn.read_file, []))
    claims = _Claims(orders, suppliers, work.parameters or Parameters())
    # The oldest invoice has the first claim on what was received.
    ordered = sorted(work.invoices, key=lambda invoice: (invoice.issue_date, invoice.id))
    passed, rejected = outcomes.each(ordered, STAGE, turn, claims.match)
    output = MatcherOutput(invoices=tuple(passed), rejected=tuple(rejected), problems=tuple(problems))
    return outcomes.reply(
        output, [_stated(matched) for matched in passed], passed=len(passed), rejected=rejected
    )


class _Claims:
    """The match of one folder: remembers what each invoice already claims of an order line."""

    def __init__(self, orders: Orders, suppliers: Suppliers, parameters: Parameters) -> None:
        self.orders = orders
        self.suppliers = suppliers
        self.parameters = parameters

    def match(self, invoice: Invoice) -> Matched:
        """Raises Unusable when a line rests on no order, costs more, or was not received."""
        charges = Decimal(invoice.charges)
        if charges > Decimal(self.parameters.unordered_charges):
            raise Unusable(
                "charge_not_ordered",
                f"The invoice adds charges of {money.shown(charges, invoice.currency)} that no order names. Ask the "
                "buyer whether they were agreed; if so, raise the limit when starting the run.",
                *invoice.evidence("payable"),
            )
        wanted: dict[OrderLine, Decimal] = {}
        matches, flags = [], list(invoice.flags)
        rests_on: list[Evidence] = []
        supplier = self.suppliers.find(invoice)
        for line in invoice.lines:
            order = self.orders.find(line, invoice)
            if supplier is not None and order.row["supplier"] not in {supplier.id, supplier.name}:
                raise _Misfit(
                    "order_of_another_supplier",
                    invoice,
                    line,
                    order,
                    f"rests on {order.label}, which went to {wording.visible(order.row['supplier'], 40)}, not to "
                    f"{wording.visible(supplier.id, 40)}. Ask the buyer which order it belongs to",
                )
            price = self._price(line, order, invoice, flags)
            wanted[order] = wanted.get(order, Decimal(0)) + Decimal(line.quantity)
            self._quantity(line, order, wanted[order], invoice)
            matches.append(
                LineMatch(
                    line=line.id,
                    order=order.row["order"],
                    order_line=order.row["line"],
                    invoiced=line.quantity,
                    ordered=money.plain(order.ordered),
                    received=money.plain(order.received),
                    price=format(price.normalize(), "f"),
                    order_price=money.plain(order.price),
                )
            )
            if len(rests_on) < 30:
                rests_on += _evidence(invoice, line, order, "quantity")
        if supplier is not None:  # a stranger's invoice keeps no goods from those who delivered them
            for order, quantity in wanted.items():
                order.claim(_key(invoice), quantity, invoice.id)
        return outcomes.as_kind(
            invoice, Matched, matches=tuple(matches), rests_on=tuple(rests_on), flags=tuple(flags[:50])
        )

    def _price(self, line: InvoiceLine, order: OrderLine, invoice: Invoice, flags: list[Flag]) -> Decimal:
        if order.row["currency"] != invoice.currency:
            raise _Misfit(
                "currency_differs",
                invoice,
                line,
                order,
                f"is in {invoice.currency}, but {order.label} is in {order.row['currency']}. Ask the supplier for an "
                "invoice in the order's currency",
                "currency",
            )
        if not order.same_unit(line.unit):
            raise _Misfit(
                "unit_differs",
                invoice,
                line,
                order,
                f"counts in {wording.visible(line.unit, 20)}, but {order.label} in "
                f"{wording.visible(order.row['unit'], 20)}. Ask the supplier to invoice in the order's unit",
                "unit",
            )
        # What one unit really costs, with the line's own charges and allowances.
        price = money.per(Decimal(line.net), Decimal(line.quantity))
        limit = _limit(
            order.price, self.parameters.price_tolerance_percent, self.parameters.price_tolerance_amount
        )
        # Half a smallest unit over the line is what rounding its amount can do.
        slack = money.per(money.unit(invoice.currency), Decimal(line.quantity)) / 2
        asked, agreed = _short(price, invoice.currency), _short(order.price, invoice.currency)
        if price > limit + slack:
            raise _Misfit(
                "price_above_order",
                invoice,
                line,
                order,
                f"costs {asked} {invoice.currency} a unit, but {order.label} says {agreed} and the tolerance ends at "
                f"{_short(limit, invoice.currency)}. Ask the buyer whether the new price was agreed, else the "
                "supplier for a corrected invoice",
                "unit_price",
            )
        if price > order.price + slack:
            flags.append(
                Flag(
                    code="price_within_tolerance",
                    sentence=f"Line {wording.visible(line.id, 20)} costs {asked} a unit instead of {agreed}, "
                    "within the tolerance.",
                    evidence=_evidence(invoice, line, order, "unit_price"),
                )
            )
        return price

    def _quantity(self, line: InvoiceLine, order: OrderLine, quantity: Decimal, invoice: Invoice) -> None:
        percent, fixed = self.parameters.quantity_tolerance_percent, self.parameters.quantity_tolerance_amount
        earlier, others = order.claimed(_key(invoice))
        already = f", {money.plain(earlier)} of them already invoiced" if earlier else ""
        if others:
            already += f" ({', '.join(wording.visible(other, 60) for other in others[:3])})"
        if order.received == 0:
            raise _Misfit(
                "nothing_received",
                invoice,
                line,
                order,
                f"invoices {money.plain(quantity)}, but nothing was received for {order.label}. Ask the warehouse; "
                "pay when the goods are in",
            )
        for code, verb, limit in (
            ("quantity_above_receipt", "received", order.received),
            ("quantity_above_order", "ordered", order.ordered),
        ):
            if quantity + earlier > _limit(limit, percent, fixed):
                raise _Misfit(
                    code,
                    invoice,
                    line,
                    order,
                    f"invoices {money.plain(quantity)}, but {money.plain(limit)} were {verb} for "
                    f"{order.label}{already}. Ask the warehouse what came, else the supplier for a corrected invoice",
                )


class _Misfit(Unusable):
    """A line that does not fit its order."""

    def __init__(
        self,
        code: str,
        invoice: Invoice,
        line: InvoiceLine,
        order: OrderLine,
        what: str,
        column: str = "quantity",
    ) -> None:
        place = f" (line {line.at} of the file)" if line.at else ""
        name = f" {wording.visible(line.description, 60)!r}" if line.description else ""
        super().__init__(
            code,
            f"Invoice line {wording.visible(line.id, 20)}{name}{place} {what}.",
            *_evidence(invoice, line, order, column),
        )


def _evidence(invoice: Invoice, line: InvoiceLine, order: OrderLine, column: str) -> tuple[Evidence, ...]:
    receipts = [row.evidence("quantity") for row in order.receipts[:5]] if column == "quantity" else []
    return (invoice.line_evidence(line), order.row.evidence(column), *receipts)


def _limit(base: Decimal, percent: str, fixed: str) -> Decimal:
    """The base with the larger of the two tolerances."""
    return base + max(money.times(base, Decimal(percent)) / 100, Decimal(fixed))


def _short(price: Decimal, currency: str) -> str:
    """A unit price for a sentence: with the currency's decimals, up to four when it needs them."""
    price = money.to_places(price, 4)
    return money.text(price, currency) if money.fits(price, currency) else money.plain(price)


def _key(invoice: Invoice) -> tuple[str, str]:
    """Copies of one invoice claim the same goods once; that they are copies is for `risk` to say."""
    return wording.company(invoice.supplier), wording.reference(invoice.number)


def _stated(matched: Matched) -> Assertion:
    first = matched.matches[0]
    return Assertion(
        subject=f"invoice {matched.id}",
        predicate="matches order and receipts",
        value={
            "lines": len(matched.matches),
            "orders": sorted({match.order for match in matched.matches})[:50],
        },
        evidence=matched.rests_on,
        reasoning=f"Every line is on an order, was received and costs no more than agreed; line {first.line}: "
        f"{first.invoiced} at {first.price} against {first.order_price}.",
    )
