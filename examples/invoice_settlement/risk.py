"""The third agent: is the payee who the record says, was this paid before, is anything unlike the past?

A changed account, an unknown payee or a repeated invoice is rejected until a person has corrected the record. What
is only unusual goes on with a flag that the reviewer sees.
"""

from __future__ import annotations

import statistics
from decimal import Decimal

from examples.invoice_settlement import money, outcomes, tables, wording
from examples.invoice_settlement.duplicates import Folder, Paid
from examples.invoice_settlement.parties import Supplier, Suppliers
from examples.invoice_settlement.safe_xml import Unusable
from examples.invoice_settlement.shapes import Cleared, Flag, Matched, Parameters, RiskInput, RiskOutput
from orchestrator import ports
from orchestrator.adapters import registry
from orchestrator.domain.replies import Assertion, Reply

STAGE = "risk"


@registry.code_agent("invoice_settlement.risk", output=RiskOutput)
def weigh(work: RiskInput, turn: ports.TurnRequest) -> Reply:
    """Looks for changed accounts, unknown and first-time payees, repeated invoices, unusual amounts."""
    problems: list[Flag] = []
    suppliers = Suppliers(tables.load(work.tables, "suppliers", turn.read_file, problems))
    paid = Paid(tables.load(work.tables, "paid_invoices", turn.read_file, problems))
    if not paid.is_known:
        problems.append(
            Flag(
                code="no_history",
                sentence="No list of paid invoices was given: repeated payments, first-time payees and unusual "
                "amounts could not be looked for. Add paid_invoices.csv to have them checked.",
            )
        )
    payees = _Payees(suppliers, paid, work.parameters or Parameters())
    known, strangers = outcomes.each(work.invoices, STAGE, turn, payees.check)
    folder = Folder(known, strangers)
    passed, repeated = outcomes.each(known, STAGE, turn, folder.check)
    rejected = [*strangers, *repeated]
    output = RiskOutput(invoices=tuple(passed), rejected=tuple(rejected), problems=tuple(problems))
    return outcomes.reply(
        output, [_stated(cleared) for cleared in passed], passed=len(passed), rejected=rejected
    )


class _Payees:
    """Each invoice beside the supplier's record and what was paid before."""

    def __init__(self, suppliers: Suppliers, paid: Paid, parameters: Parameters) -> None:
        self.suppliers = suppliers
        self.paid = paid
        self.parameters = parameters

    def check(self, claim: Matched) -> Cleared:
        """Raises Unusable when nobody should be paid on this invoice before a person has looked."""
        supplier = self.suppliers.find(claim)
        if supplier is None:
            what = (
                "is not among the known suppliers"
                if self.suppliers.by_id
                else "cannot be checked: no supplier list"
            )
            raise Unusable(
                "unknown_supplier",
                f"{wording.visible(claim.supplier)} (number {wording.visible(claim.supplier_vat, 40) or 'none'}) {what}. "
                "Check that the company exists and ordered goods came from it, then add its record.",
                *claim.evidence("supplier", "supplier_vat"),
            )
        iban = next((iban for iban in (claim.iban, *claim.other_ibans) if iban in supplier.ibans), None)
        if iban is None:
            raise _changed_account(claim, supplier)
        before = self.paid.by_number(supplier.id, claim.number)
        if before is not None:
            paid = money.shown(before.number("amount") or Decimal(0), before["currency"])
            raise Unusable(
                "already_paid",
                f"Invoice {wording.visible(claim.number, 40)} of {wording.visible(supplier.name)} was already paid "
                f"({wording.visible(before.file.name)}, line {before.line}: {paid}). "
                "Do not pay it again; if it is another invoice, ask the supplier for one with its own number.",
                *claim.evidence("number"),
                before.evidence("number"),
            )
        return outcomes.as_kind(
            claim,
            Cleared,
            supplier_id=supplier.id,
            pay_to=supplier.name,
            pay_iban=iban,
            checks=(supplier.ibans[iban].evidence("iban"),),
            flags=(*claim.flags, *self._flags(claim, supplier)),
        )

    def _flags(self, claim: Matched, supplier: Supplier) -> list[Flag]:
        flags = []
        if wording.company(claim.supplier) != wording.company(supplier.name):
            flags.append(
                Flag(
                    code="name_differs",
                    sentence=f"The invoice calls the supplier {wording.visible(claim.supplier)!r}, the record "
                    f"{wording.visible(supplier.name)!r}; the number is the same.",
                    evidence=(*claim.evidence("supplier"), supplier.row.evidence("name")),
                )
            )
        if not self.paid.is_known:
            return flags
        history = self.paid.amounts(supplier.id, claim.currency)
        if not self.paid.knows(supplier.id):
            flags.append(
                Flag(
                    code="first_payment",
                    sentence=f"{wording.visible(supplier.name)} is paid for the first time.",
                    evidence=(supplier.row.evidence("supplier"),),
                )
            )
        elif len(history) >= self.parameters.unusual_history:
            usual = Decimal(statistics.median(history))
            if Decimal(claim.payable) > money.times(usual, Decimal(self.parameters.unusual_factor)):
                flags.append(
                    Flag(
                        code="unusual_amount",
                        sentence=f"{money.shown(claim.payable, claim.currency)} is more than "
                        f"{self.parameters.unusual_factor} times the usual {money.shown(usual, claim.currency)} "
                        f"(the middle of {len(history)} earlier payments).",
                        evidence=claim.evidence("payable"),
                    )
                )
        return flags


def _changed_account(claim: Matched, supplier: Supplier) -> Unusable:
    row = next(iter(supplier.ibans.values()))
    return Unusable(
        "bank_account_changed",
        f"The invoice asks for payment to {claim.iban}, but the record of {wording.visible(supplier.name)} says "
        f"{wording.visible(row['iban'], 40)} ({wording.visible(row.file.name)}, line {row.line}). Call the supplier "
        "on a number you already know, not on one from the invoice; a person must correct the supplier's record before this "
        "can be paid.",
        *claim.evidence("iban"),
        row.evidence("iban"),
    )


def _stated(cleared: Cleared) -> Assertion:
    return Assertion(
        subject=f"invoice {cleared.id}",
        predicate="may be proposed for payment",
        value={"supplier": cleared.supplier_id, "flags": sorted({flag.code for flag in cleared.flags})},
        evidence=(*cleared.evidence("iban", "number"), *cleared.checks),
        reasoning="The account is the one on the supplier's record, and no other invoice asks for the same.",
    )
