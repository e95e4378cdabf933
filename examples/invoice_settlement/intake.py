"""The first agent: sorts the folder, reads each invoice, and says of each file what became of it.

It judges only what an invoice says of itself. Orders, receipts and records are the business of the next two.
"""

from __future__ import annotations

import msgspec

from examples.invoice_settlement import outcomes, tables, ubl, wording
from examples.invoice_settlement.safe_xml import Unusable
from examples.invoice_settlement.shapes import (
    FileRef,
    Flag,
    IntakeInput,
    IntakeOutput,
    Invoice,
    Parameters,
    Rejection,
    SetAside,
    Table,
)
from orchestrator import ports
from orchestrator.adapters import registry
from orchestrator.domain import errors
from orchestrator.domain.replies import Assertion, Evidence, Reply

STAGE = "intake"
_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".gitkeep"})


@registry.code_agent("invoice_settlement.intake", output=IntakeOutput)
def intake(work: IntakeInput, turn: ports.TurnRequest) -> Reply:
    """Parses and normalises the invoices among the files of a run."""
    parameters = work.parameters or Parameters()
    invoices: list[Invoice] = []
    rejected: list[Rejection] = []
    found: list[Table] = []
    set_aside: list[SetAside] = []
    problems: list[Flag] = []
    room = outcomes.Room()
    for id, file in _named(work.files or ()):
        outcomes.stop_if_cancelled(turn)
        try:
            reason = _litter(file)
            if reason:
                set_aside.append(SetAside(id=id, file=file.name, digest=file.digest, reason=reason))
                continue
            data = _read(file, turn, parameters)
            table = _table(file, data)
            if table is None:
                invoices.append(room.take(ubl.read(data, file, id, parameters)))
            else:
                found.append(table)
                problems += tables.check(table, data)
        except errors.PortFailure:
            raise  # the store of files is away: that is no fault of this file
        except Exception as fault:
            rejected.append(_rejection(id, file, fault))
    output = IntakeOutput(
        invoices=tuple(invoices),
        rejected=tuple(rejected),
        tables=tuple(found),
        set_aside=tuple(set_aside),
        problems=tuple(problems[: tables.MAX_PROBLEMS]),
    )
    assertions = [assertion for invoice in invoices for assertion in _stated(invoice)]
    reply = outcomes.reply(output, assertions, passed=len(invoices), rejected=rejected)
    if not invoices and not rejected:
        count = len(work.files or ())
        return msgspec.structs.replace(
            reply, note=f"No invoice among {count:,} file{'' if count == 1 else 's'}: nothing to pay."
        )
    return reply


def _named(files: tuple[FileRef, ...]) -> list[tuple[str, FileRef]]:
    """Each file with an id: its name, and "name (2)" for another file of the same name."""
    used: set[str] = {file.name for file in files}
    seen: set[str] = set()
    named = []
    for file in files:
        id, count = file.name, 1
        while id in seen or (count > 1 and id in used):
            count += 1
            id = f"{file.name} ({count})"
        seen.add(id)
        named.append((id, file))
    return named


def _litter(file: FileRef) -> str:
    name = file.name.rsplit("/", 1)[-1].casefold()
    if name.startswith("readme") and not name.endswith(".xml"):
        return "A note about the folder, not an invoice."
    return "A file of the operating system, not an invoice." if name in _LITTER else ""


def _read(file: FileRef, turn: ports.TurnRequest, parameters: Parameters) -> bytes:
    where = Evidence(source=file.name, digest=file.digest)
    if file.size <= parameters.max_file_bytes:
        try:
            data = turn.read_file(file.digest)
        except (errors.NotFound, LookupError, FileNotFoundError):
            raise Unusable(
                "file_missing", "The file's content is no longer stored. Upload it again.", where
            ) from None
        if len(data) <= parameters.max_file_bytes:
            return data
    raise Unusable(
        "file_too_large",
        f"The file is larger than {parameters.max_file_bytes:,} bytes and was not read. Raise the limit when "
        "starting the run, or ask the supplier for a smaller file.",
        where,
    )


def _table(file: FileRef, data: bytes) -> Table | None:
    name = file.name.casefold()
    looks_like_xml = data.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")
    if not (name.endswith((".csv", ".tsv")) or "csv" in file.media_type) or looks_like_xml:
        return None
    kind = tables.kind_of(file.name, data)
    if kind is None:
        raise Unusable(
            "unknown_table",
            "The table is none of purchase orders, goods receipts, suppliers or paid invoices. Name it so, or "
            "leave it out.",
            Evidence(source=file.name, line=1, digest=file.digest),
        )
    return Table(kind=kind, file=file)


def _rejection(id: str, file: FileRef, fault: Exception) -> Rejection:
    if not isinstance(fault, Unusable):
        # A file that finds a way past every check must still not stop the others.
        fault = Unusable(
            "unreadable",
            f"The file could not be read ({type(fault).__name__}). Look at it by hand.",
            Evidence(source=file.name, digest=file.digest),
        )
    return Rejection(
        id=id,
        file=file.name,
        digest=file.digest,
        stage=STAGE,
        code=fault.code,
        sentence=f"{wording.visible(file.name)}: {fault.sentence}",
        evidence=fault.evidence,
    )


def _stated(invoice: Invoice) -> list[Assertion]:
    subject = f"invoice {invoice.id}"
    return [
        Assertion(
            subject=subject,
            predicate="asks for",
            value={"amount": invoice.payable, "currency": invoice.currency, "number": invoice.number},
            evidence=invoice.evidence("payable", "number"),
            reasoning=f"{len(invoice.lines):,} lines, allowances, charges and tax come to this sum.",
        ),
        Assertion(
            subject=subject,
            predicate="names the account",
            value={"iban": invoice.iban, "supplier": invoice.supplier},
            evidence=invoice.evidence("iban", "supplier"),
            reasoning="The check digits of the IBAN are right.",
        ),
    ]
