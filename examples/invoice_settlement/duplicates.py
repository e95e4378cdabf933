"""Invoices that ask twice: within the folder, and against what was paid before.

Owns what counts as the same invoice: the same supplier's record and the same number, however it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from examples.invoice_settlement import money, wording
from examples.invoice_settlement.safe_xml import Unusable
from examples.invoice_settlement.shapes import Cleared, Flag, Rejection
from examples.invoice_settlement.tables import Row


class Paid:
    """What was paid before, by supplier."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.is_known = bool(rows)
        self._numbers: dict[tuple[str, str], Row] = {}
        self._amounts: dict[tuple[str, str], list[Decimal]] = {}
        self._suppliers: set[str] = set()
        for row in rows:
            self._suppliers.add(row["supplier"])
            self._numbers.setdefault((row["supplier"], wording.reference(row["number"])), row)
            amount = row.number("amount")
            if amount is not None:
                self._amounts.setdefault((row["supplier"], row["currency"]), []).append(amount)

    def knows(self, supplier: str) -> bool:
        return supplier in self._suppliers

    def by_number(self, supplier: str, number: str) -> Row | None:
        """The payment of an invoice with this number; a number without letters and digits compares with none."""
        reference = wording.reference(number)
        return self._numbers.get((supplier, reference)) if reference else None

    def amounts(self, supplier: str, currency: str) -> list[Decimal]:
        return self._amounts.get((supplier, currency), [])


class Folder:
    """The invoices of one folder beside each other, oldest first."""

    def __init__(self, claims: Iterable[Cleared], rejected: Iterable[Rejection]) -> None:
        self._groups: dict[tuple[str, str], list[Cleared]] = {}
        self._alike: dict[tuple[str, str, str, str], list[Cleared]] = {}
        self._rejected: dict[tuple[str, str], Rejection] = {}
        for claim in claims:
            self._groups.setdefault(_number(claim), []).append(claim)
            self._alike.setdefault(_likeness(claim), []).append(claim)
        for entry in rejected:
            self._rejected[wording.company(entry.supplier), wording.reference(entry.number)] = entry

    def check(self, claim: Cleared) -> Cleared:
        """Raises Unusable for all but the first of equal invoices, and for all of those that contradict each other."""
        group = self._groups[_number(claim)]
        first = group[0]
        number = wording.visible(claim.number, 40)
        others = [other for other in group if other is not claim]
        if any(_facts(other) != _facts(first) for other in group):
            sums = ", ".join(f"{wording.visible(other.file, 60)} ({_sum(other)})" for other in others[:5])
            raise Unusable(
                "number_used_twice",
                f"The number {number} is also on {sums}, with another amount, account or due date. Ask the supplier "
                "which of them is valid, and for a new number for the other.",
                *claim.evidence("number", "payable"),
                *(e for other in others[:5] for e in other.evidence("number", "payable")),
            )
        if claim is not first:
            same = (
                "The files are the same, byte for byte"
                if claim.digest == first.digest
                else "Amount and account agree"
            )
            raise Unusable(
                "duplicate",
                f"Invoice {number} is already in the folder as {wording.visible(first.id)}. {same}; only the first "
                "goes on. Nothing to do, unless the supplier meant another invoice.",
                *claim.evidence("number"),
                *first.evidence("number"),
            )
        flags = self._flags(claim)
        return msgspec.structs.replace(claim, flags=(*claim.flags, *flags))

    def _flags(self, claim: Cleared) -> tuple[Flag, ...]:
        flags = []
        alike = [other for other in self._alike[_likeness(claim)] if _number(other) != _number(claim)]
        if alike:
            names = ", ".join(
                f"{wording.visible(other.number, 40)} ({wording.visible(other.file, 60)})"
                for other in alike[:5]
            )
            flags.append(
                Flag(
                    code="same_amount_same_day",
                    sentence=f"The supplier asks for the same amount on the same day under another number: {names}.",
                    evidence=tuple(e for other in alike[:5] for e in other.evidence("payable")),
                )
            )
        entry = self._rejected.get((wording.company(claim.supplier), wording.reference(claim.number)))
        if entry is not None:
            flags.append(
                Flag(
                    code="number_also_rejected",
                    sentence=f"Another file with this number was rejected ({entry.code}): {wording.visible(entry.file)}.",
                    evidence=entry.evidence,
                )
            )
        return tuple(flags)


def _number(claim: Cleared) -> tuple[str, str]:
    return claim.supplier_id, wording.reference(claim.number) or claim.number


def _likeness(claim: Cleared) -> tuple[str, str, str, str]:
    return claim.supplier_id, claim.payable, claim.currency, claim.issue_date


def _facts(claim: Cleared) -> tuple[str, str, str, str]:
    return claim.payable, claim.currency, claim.pay_iban, claim.due_date


def _sum(claim: Cleared) -> str:
    return money.shown(claim.payable, claim.currency)
