"""Who a supplier is: finds the record that an invoice belongs to, by VAT number, then by name.

Owns the comparison only. A name never outweighs a VAT number, because a name is easy to write.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from stdnum import exceptions
from stdnum import iban as iban_numbers

from examples.invoice_settlement import wording
from examples.invoice_settlement.shapes import Claim
from examples.invoice_settlement.tables import Row


@dataclasses.dataclass(frozen=True)
class Supplier:
    """A supplier's record: several rows when it has several accounts."""

    id: str
    name: str
    vat: str
    ibans: dict[str, Row]
    row: Row


class Suppliers:
    """The known suppliers. Two records that share a VAT number or a name find nobody by it: a person must say who."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.by_id: dict[str, Supplier] = {}
        for row in rows:
            known = self.by_id.get(row["supplier"])
            if known is None:
                known = Supplier(row["supplier"], row["name"], wording.identifier(row["vat"]), {}, row)
                self.by_id[known.id] = known
            known.ibans[account(row["iban"])] = row
        self._by_vat = _unique((supplier.vat, supplier) for supplier in self.by_id.values())
        self._by_name = _unique(
            (wording.company(supplier.name), supplier) for supplier in self.by_id.values()
        )

    def find(self, claim: Claim) -> Supplier | None:
        """The record of an invoice's supplier, or None."""
        vat = wording.identifier(claim.supplier_vat)
        by_vat = self._by_vat.get(vat) if vat else None
        if by_vat is not None:
            return by_vat
        by_name = self._by_name.get(wording.company(claim.supplier))
        if by_name is not None and vat and by_name.vat and vat != by_name.vat:
            return None  # the name of one company with the number of another
        return by_name


def account(text: str) -> str:
    """An IBAN as compared; text that is none stays as it is and equals no IBAN."""
    try:
        return iban_numbers.validate(text) if text.isascii() else text
    except exceptions.ValidationError:
        return text


def _unique(pairs: Iterable[tuple[str, Supplier]]) -> dict[str, Supplier]:
    found: dict[str, Supplier] = {}
    twice: set[str] = set()
    for key, supplier in pairs:
        if key in found:
            twice.add(key)
        found[key] = supplier
    return {key: supplier for key, supplier in found.items() if key and key not in twice}
