"""Evidence is verified only where an uploaded file really holds the quoted words."""

from __future__ import annotations

import pytest

from approvals.queries.evidence import evidence
from orchestrator.domain import errors
from orchestrator.domain.replies import Evidence

INVOICE = "\n".join(
    ["<Invoice>", "  <ID>4711</ID>", "  <PayableAmount>82000.00", "  </PayableAmount>", "</Invoice>"]
)
FILES = {"invoice.xml": (1, "d1"), "scan.pdf": (2, "d2"), "gone.xml": (3, "d3")}


def read(digest: str) -> bytes:
    if digest == "d3":
        raise errors.NotFound("This content was erased.")
    return {"d1": INVOICE.encode(), "d2": b"%PDF\xff\xfe"}[digest]


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (Evidence(source="invoice.xml", line=2, quote="<ID>4711</ID>"), "verified"),
        (Evidence(source="invoice.xml", quote="4711"), "verified"),
        (Evidence(source="invoice.xml", line=3, quote="82000.00   </PayableAmount>"), "verified"),
        (Evidence(source="invoice.xml", line=2, quote="4711", digest="d1"), "verified"),
        (Evidence(source="invoice.xml", line=1, quote="0815"), "wrong"),
        (Evidence(source="invoice.xml", line=99, quote="4711"), "wrong"),
        (Evidence(source="invoice.xml", line=-3, quote="4711"), "wrong"),
        (Evidence(source="invoice.xml", quote="0815"), "wrong"),
        (Evidence(source="invoice.xml", quote="4711", digest="other"), "wrong"),
        (Evidence(source="invoice.xml"), "claim"),
        (Evidence(source="elsewhere.xml", quote="4711"), "claim"),
        (Evidence(source="../invoice.xml", quote="4711"), "claim"),
        (Evidence(source="scan.pdf", quote="PDF"), "claim"),
        (Evidence(source="gone.xml", quote="x"), "claim"),
    ],
)
def test_each_piece_of_evidence_is_what_the_files_make_of_it(given, state):
    (card,) = evidence([given], FILES, read)

    assert card.state == state
    assert card.found


def test_a_file_is_read_once_however_much_of_it_is_cited():
    seen = []

    def counted(digest: str) -> bytes:
        seen.append(digest)
        return read(digest)

    evidence([Evidence(source="invoice.xml", quote=str(number)) for number in range(50)], FILES, counted)

    assert seen == ["d1"]


def test_names_of_files_cannot_hide_characters():
    (card,) = evidence([Evidence(source="inv\u202eoice", locator="a\u200bb", line=1)], FILES, read)

    assert (card.source, card.place) == ("inv⟨U+202E⟩oice", "a⟨U+200B⟩b, line 1")
