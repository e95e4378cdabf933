"""What passes between the four agents. Amounts and quantities are decimal text; dates are ISO 8601.

`Claim` holds the facts that no stage may change: the validators compare them from intake to treasurer.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from orchestrator.domain.replies import Evidence

Amount = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,10})?$")]
TableKind = Literal["purchase_orders", "goods_receipts", "suppliers", "paid_invoices"]


class FileRef(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the run: `digest` is the SHA-256 of its bytes and reads it."""

    name: str
    digest: str
    size: int = 0
    media_type: str = ""


class Parameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person may set when starting a run.

    A price or quantity passes when it is above the order by no more than the larger of the two tolerances.
    """

    price_tolerance_percent: Amount = "2"
    price_tolerance_amount: Amount = "0"  # per unit, in the order's currency
    quantity_tolerance_percent: Amount = "0"
    quantity_tolerance_amount: Amount = "0"
    unordered_charges: Amount = "0"  # charges on the whole invoice that no order names
    rounding_units: Annotated[int, msgspec.Meta(ge=0, le=100)] = 2  # smallest units of the currency
    unusual_factor: Amount = "3"
    unusual_history: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 3
    max_file_bytes: Annotated[int, msgspec.Meta(ge=1, le=50_000_000)] = 10_000_000
    max_lines: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 10_000
    account: str = "main"
    notice_to: str = ""


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """Something a reviewer should see although the invoice goes on."""

    code: str
    sentence: str
    evidence: tuple[Evidence, ...] = ()


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice that goes no further. `sentence` says what is wrong, where, and what to do."""

    id: str
    file: str
    digest: str
    stage: str
    code: str
    sentence: str
    number: str = ""
    supplier: str = ""
    amount: str = ""
    currency: str = ""
    evidence: tuple[Evidence, ...] = ()


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A CSV file and what it holds."""

    kind: TableKind
    file: FileRef


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is neither an invoice nor a table, such as a README."""

    id: str
    file: str
    digest: str
    reason: str


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line: `price` is for one unit before the line's charges, `net` what the line comes to."""

    id: str
    quantity: str
    unit: str
    price: str
    net: str
    item: str = ""
    description: str = ""
    order: str = ""
    order_line: str = ""
    tax_rate: str = ""
    path: str = ""  # of its amount in the file, and the line there
    at: int | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier asks to be paid, as the invoice says it; texts are kept verbatim."""

    id: str
    file: str
    digest: str
    number: str
    supplier: str
    supplier_vat: str
    iban: str
    payable: str
    currency: str
    issue_date: str
    due_date: str
    other_ibans: tuple[str, ...] = ()
    bic: str = ""
    orders: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    where: dict[str, Evidence] = {}

    def evidence(self, *fields: str) -> tuple[Evidence, ...]:
        """Where these fields stand in the invoice."""
        return tuple(self.where[field] for field in fields if field in self.where)

    def line_evidence(self, line: InvoiceLine) -> Evidence:
        """Where a line's amount stands. Lines name no file: a long invoice would name it ten thousand times."""
        return Evidence(source=self.file, locator=line.path, line=line.at, quote=line.net, digest=self.digest)


class Invoice(Claim, frozen=True, kw_only=True):
    """A claim with what its sum is made of. `charges` are those on the whole invoice."""

    net: str
    tax: str
    charges: str
    lines: tuple[InvoiceLine, ...]


class LineMatch(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice line beside the order line and the receipts that it rests on."""

    line: str
    order: str
    order_line: str
    invoiced: str
    ordered: str
    received: str
    price: str
    order_price: str


class Matched(Claim, frozen=True, kw_only=True):
    """A claim whose lines all rest on an order and on goods received."""

    matches: tuple[LineMatch, ...]
    rests_on: tuple[Evidence, ...] = ()  # orders and receipts of the first lines


class Cleared(Claim, frozen=True, kw_only=True):
    """A claim that may be proposed: `pay_to` is the name on the supplier's record, `pay_iban` its account."""

    supplier_id: str
    pay_to: str
    pay_iban: str
    checks: tuple[Evidence, ...] = ()


class Payment(Claim, frozen=True, kw_only=True):
    """A payment that was proposed, and the sentence that a reviewer sees as the agent's reason."""

    pay_to: str
    pay_iban: str
    account: str
    reason: str


class IntakeInput(msgspec.Struct, frozen=True, kw_only=True):
    files: tuple[FileRef, ...] | None = None
    parameters: Parameters | None = None


class IntakeOutput(msgspec.Struct, frozen=True, kw_only=True):
    """Every file of the run is an invoice, a rejection, a table or set aside."""

    invoices: tuple[Invoice, ...]
    rejected: tuple[Rejection, ...]
    tables: tuple[Table, ...]
    set_aside: tuple[SetAside, ...]
    problems: tuple[Flag, ...] = ()


class MatcherInput(msgspec.Struct, frozen=True, kw_only=True):
    invoices: tuple[Invoice, ...]
    tables: tuple[Table, ...] = ()
    parameters: Parameters | None = None


class MatcherOutput(msgspec.Struct, frozen=True, kw_only=True):
    invoices: tuple[Matched, ...]
    rejected: tuple[Rejection, ...]
    problems: tuple[Flag, ...] = ()


class RiskInput(msgspec.Struct, frozen=True, kw_only=True):
    invoices: tuple[Matched, ...]
    tables: tuple[Table, ...] = ()
    parameters: Parameters | None = None


class RiskOutput(msgspec.Struct, frozen=True, kw_only=True):
    invoices: tuple[Cleared, ...]
    rejected: tuple[Rejection, ...]
    problems: tuple[Flag, ...] = ()


class TreasurerInput(msgspec.Struct, frozen=True, kw_only=True):
    invoices: tuple[Cleared, ...]
    intake_rejected: tuple[Rejection, ...] = ()
    matcher_rejected: tuple[Rejection, ...] = ()
    risk_rejected: tuple[Rejection, ...] = ()
    parameters: Parameters | None = None


class TreasurerOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How the folder ends: what was proposed, what was rejected by whom, and the sum by currency."""

    payments: tuple[Payment, ...]
    rejected: tuple[Rejection, ...]
    totals: dict[str, str]
