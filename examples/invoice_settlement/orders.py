"""Purchase orders with what was received and already claimed of each line, and how an invoice line finds its own.

Numbers of orders and lines compare without case, punctuation and leading zeros.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from examples.invoice_settlement import money, wording
from examples.invoice_settlement.safe_xml import Unusable
from examples.invoice_settlement.shapes import Invoice, InvoiceLine
from examples.invoice_settlement.tables import Row

# Ways of writing "a piece" in UN/ECE Recommendation 20 and in spreadsheets.
_PIECES = frozenset(
    {"C62", "EA", "H87", "PCE", "PCS", "PC", "NAR", "NMB", "ST", "STK", "PIECE", "PIECES", "EACH"}
)

Key = tuple[str, str]


class OrderLine:
    """One line of an order: its row, the receipts for it, and which invoices claim how much of it."""

    def __init__(self, row: Row, receipts: list[Row]) -> None:
        self.row = row
        self.receipts = receipts
        self.ordered = row.number("quantity") or Decimal(0)
        self.price = row.number("unit_price") or Decimal(0)
        self.received = money.total(receipt.number("quantity") or Decimal(0) for receipt in receipts)
        self._before = row.number("invoiced") or Decimal(0)
        self._claims: dict[Key, tuple[Decimal, str]] = {}

    @property
    def label(self) -> str:
        order, line = wording.visible(self.row["order"], 40), wording.visible(self.row["line"], 20)
        return f"order {order} line {line} ({wording.visible(self.row.file.name, 60)}, line {self.row.line})"

    def same_unit(self, unit: str) -> bool:
        """Whether both count in the same unit; a side that names none agrees."""
        left, right = self.row["unit"].upper(), unit.upper()
        return not left or not right or left == right or {left, right} <= _PIECES

    def claimed(self, key: Key) -> tuple[Decimal, list[str]]:
        """What others than `key` already claim: invoiced before, and by which invoices of this folder."""
        others = [claim for other, claim in self._claims.items() if other != key]
        return self._before + money.total(quantity for quantity, _ in others), [id for _, id in others]

    def claim(self, key: Key, quantity: Decimal, id: str) -> None:
        known = self._claims.get(key)
        if known is None or known[0] < quantity:
            self._claims[key] = (quantity, id)


class Orders:
    """The orders of a folder."""

    def __init__(self, orders: Iterable[Row], receipts: Iterable[Row]) -> None:
        received: dict[Key, list[Row]] = {}
        for row in receipts:
            received.setdefault(_place(row), []).append(row)
        self._orders: set[str] = set()
        self._by_line: dict[Key, list[OrderLine]] = {}
        self._by_item: dict[Key, list[OrderLine]] = {}
        for row in orders:
            order, line = _place(row)
            entry = OrderLine(row, received.get((order, line), []))
            self._orders.add(order)
            self._by_line.setdefault((order, line), []).append(entry)
            self._by_item.setdefault((order, wording.reference(row["item"])), []).append(entry)

    def find(self, line: InvoiceLine, invoice: Invoice) -> OrderLine:
        """The one order line that an invoice line rests on. Raises Unusable when there is none, or several."""
        named = (line.order,) if line.order else invoice.orders
        where = (invoice.line_evidence(line),)
        label = f"Invoice line {wording.visible(line.id, 20)}"
        if not named:
            raise Unusable(
                "no_order",
                f"{label} names no purchase order, and neither does the invoice. Ask the buyer which order it "
                "belongs to, and the supplier for an invoice that names it.",
                *invoice.evidence("number"),
            )
        if not self._orders:
            raise Unusable(
                "no_purchase_orders",
                "There are no purchase orders in the folder to match it with. Add purchase_orders.csv.",
                *where,
            )
        known = self._orders.intersection(map(wording.reference, named)) - {""}
        if not known:
            shown = ", ".join(wording.visible(order, 40) for order in named[:3])
            raise Unusable(
                "unknown_order",
                f"{label} names the order {shown}, which is not among the purchase orders. Ask the buyer whether it "
                "exists; do not pay an order that nobody placed.",
                *invoice.evidence("orders"),
                *where,
            )
        found = [entry for order in sorted(known) for entry in self._candidates(order, line)]
        if len(found) > 1 and line.item:
            found = [entry for entry in found if _same_item(entry, line)] or found
        if len(found) == 1:
            return found[0]
        code, what = (
            ("line_without_order", "is on none of the orders that the invoice names")
            if not found
            else ("order_line_unclear", "fits more than one line of the orders that the invoice names")
        )
        raise Unusable(
            code,
            f"{label} {wording.visible(line.description, 60)!r} {what}. Ask the buyer whether it was ordered, and the "
            "supplier to name the order's line.",
            *where,
        )

    def _candidates(self, order: str, line: InvoiceLine) -> list[OrderLine]:
        if line.order_line:
            return self._by_line.get((order, wording.reference(line.order_line)), [])
        item = wording.reference(line.item)
        return self._by_item.get((order, item), []) if item else []


def _same_item(entry: OrderLine, line: InvoiceLine) -> bool:
    return bool(line.item) and wording.reference(entry.row["item"]) == wording.reference(line.item)


def _place(row: Row) -> Key:
    return wording.reference(row["order"]), wording.reference(row["line"])
