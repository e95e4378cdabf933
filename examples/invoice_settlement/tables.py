"""The four CSV tables, as spreadsheets really export them: any separator, encoding, header spelling, quoting.

Owns reading and the place of every cell. A row that cannot be read becomes a problem with its line; the others stay.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from examples.invoice_settlement import money, wording
from examples.invoice_settlement.shapes import FileRef, Flag, Table, TableKind
from orchestrator.domain.replies import Evidence

MAX_ROWS = 200_000
MAX_PROBLEMS = 200

# Columns that a table must have, with other names that exports use for them.
REQUIRED: dict[TableKind, tuple[str, ...]] = {
    "purchase_orders": ("order", "line", "supplier", "quantity", "unit_price", "currency"),
    "goods_receipts": ("order", "line", "quantity"),
    "suppliers": ("supplier", "name", "iban"),
    "paid_invoices": ("supplier", "number", "amount", "currency"),
}
_OTHER_NAMES = {
    "order": ("purchase_order", "po", "po_number", "order_number", "order_id"),
    "line": ("order_line", "po_line", "position", "line_id"),
    "supplier": ("supplier_id", "vendor", "vendor_id", "supplier_number"),
    "quantity": ("qty", "quantity_received", "quantity_ordered"),
    "unit_price": ("price", "net_price"),
    "currency": ("ccy", "currency_code"),
    "name": ("supplier_name", "vendor_name", "company"),
    "iban": ("bank_account",),
    "number": ("invoice", "invoice_number", "invoice_id"),
    "amount": ("paid_amount", "amount_paid"),
    "vat": ("vat_id", "vat_number", "tax_id"),
    "item": ("item_id", "article", "sku"),
    "invoiced": ("quantity_invoiced", "already_invoiced"),
}
_STEMS: tuple[tuple[str, TableKind], ...] = (
    ("purchaseorder", "purchase_orders"),
    ("goodsreceipt", "goods_receipts"),
    ("paidinvoice", "paid_invoices"),
    ("supplier", "suppliers"),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One row: its cells by column, and where it stands."""

    file: FileRef
    line: int
    cells: dict[str, str]
    decimal_comma: bool

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def number(self, column: str) -> Decimal | None:
        """The cell as a number, zero or more; None when it is none."""
        parse = money.parse_with_comma if self.decimal_comma else money.parse
        value = parse(self[column])
        return value if value is not None and value >= 0 else None

    def evidence(self, column: str) -> Evidence:
        return Evidence(
            source=self.file.name,
            locator=f"column {column}",
            line=self.line,
            quote=self[column][:200],
            digest=self.file.digest,
        )


def kind_of(name: str, data: bytes) -> TableKind | None:
    """Which table a CSV file is: by its name, else by its columns."""
    stem = re.sub(r"[^a-z]", "", name.rsplit("/", 1)[-1].casefold())
    for part, kind in _STEMS:
        if part in stem:
            return kind
    header = next(iter(_records(data)), None)
    if header is None:
        return None
    columns = set(map(_column, header[1]))
    fitting = [kind for kind, needed in REQUIRED.items() if columns.issuperset(needed)]
    return max(fitting, key=lambda kind: len(REQUIRED[kind]), default=None)


def load(
    tables: Iterable[Table], kind: TableKind, read_file: Callable[[str], bytes], problems: list[Flag]
) -> list[Row]:
    """All rows of one kind. What cannot be read is added to `problems`, at most MAX_PROBLEMS of them."""
    rows: list[Row] = []
    for table in tables:
        if table.kind == kind:
            rows += _rows(table, read_file(table.file.digest), problems)
    return rows


def check(table: Table, data: bytes) -> list[Flag]:
    """What is wrong with a table, without keeping its rows."""
    problems: list[Flag] = []
    _rows(table, data, problems)
    return problems


def _rows(table: Table, data: bytes, problems: list[Flag]) -> list[Row]:
    records = _records(data)
    rows: list[Row] = []
    try:
        header = next(records, None)
        columns = [_column(cell) for cell in header[1]] if header else []
        missing = [column for column in REQUIRED[table.kind] if column not in columns]
        if header is None or missing:
            what = "is empty" if header is None else f"has no column {' and no column '.join(missing)}"
            _problem(problems, table, 1, f"{what}; no row of it was used. Add it and start the run again")
            return []
        comma = header[2] != ","
        for line, cells, _ in records:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) == MAX_ROWS:
                _problem(problems, table, line, f"has more than {MAX_ROWS:,} rows; the rest was left out")
                break
            named = dict(reversed(list(zip(columns, (cell.strip() for cell in cells), strict=False))))
            row = Row(table.file, line, named, comma)  # of two columns with one name, the first counts
            fault = _fault(row, table.kind)
            if fault:
                _problem(
                    problems,
                    table,
                    line,
                    f"{fault}; this row was left out. Correct it and start the run again",
                )
            else:
                rows.append(row)
    except (csv.Error, UnicodeError) as error:
        _problem(problems, table, None, f"cannot be read as CSV ({error}); rows after that were left out")
    return rows


def _fault(row: Row, kind: TableKind) -> str:
    for column in REQUIRED[kind]:
        if not row[column]:
            return f"has an empty column {column}"
        if len(row[column]) > 300:
            return f"has more than 300 characters in the column {column}"
    for column in ("quantity", "unit_price", "amount", "invoiced"):
        if row[column] and row.number(column) is None:
            return f"says {wording.visible(row[column], 40)!r} in the column {column}, which is no number of zero or more"
    if row["currency"] and money.decimals(row["currency"]) is None:
        return f"names the currency {wording.visible(row['currency'], 20)!r}, which ISO 4217 does not have"
    return ""


def _records(data: bytes) -> Iterator[tuple[int, list[str], str]]:
    """Rows with the line they begin on and the separator. The header comes first."""
    text = _text(data)
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(";\t|,", key=head.count)
    if not head.count(separator):
        separator = ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    seen = False
    line = 1
    for cells in reader:
        if seen or any(cell.strip() for cell in cells):
            seen = True
            yield line, cells, separator
        line = reader.line_num + 1


def _text(data: bytes) -> str:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what spreadsheets on Windows write without asking


def _column(cell: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", cell.strip().casefold()).strip("_")
    return next((column for column, others in _OTHER_NAMES.items() if name in others), name)


def _problem(problems: list[Flag], table: Table, line: int | None, what: str) -> None:
    if len(problems) >= MAX_PROBLEMS:
        return
    where = f"{table.file.name}, line {line}," if line else table.file.name
    evidence = Evidence(source=table.file.name, line=line, digest=table.file.digest)
    problems.append(Flag(code="table_unusable", sentence=f"{where} {what}.", evidence=(evidence,)))
