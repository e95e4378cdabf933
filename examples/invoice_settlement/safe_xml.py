"""Reads XML from strangers: no DTD, no entities, no network, bounded depth and text, and every value with its place.

Refuses what is not plain XML by raising Unusable, with a sentence for the person who must act. Knows no invoice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from lxml import etree

from examples.invoice_settlement import wording
from orchestrator.domain.replies import Evidence

MAX_TEXT = 1000
_FOREIGN = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"{", "JSON"),
)


class Unusable(Exception):
    """One file or invoice cannot be used. Caught by the agent, which turns it into a rejected entry."""

    def __init__(self, code: str, sentence: str, *evidence: Evidence) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.evidence = evidence


class _Stop(Exception):
    """The part before the first element has been seen."""


class Node:
    """An element with the path that leads to it, such as /Invoice/cac:InvoiceLine[2]/cbc:ID."""

    def __init__(self, element: Any, path: str, document: Document) -> None:
        self.element = element
        self.path = path
        self.document = document

    @property
    def text(self) -> str:
        """The element's own text without white space around it, at most MAX_TEXT characters."""
        text = (self.element.text or "").strip()
        if len(text) > MAX_TEXT:
            raise Unusable(
                "text_too_long",
                f"{self.path} (line {self.line}) holds {len(text):,} characters, more than {MAX_TEXT:,}. "
                "Ask the supplier for an invoice without it.",
                self.evidence(text[:80]),
            )
        return text

    @property
    def line(self) -> int | None:
        line: int | None = self.element.sourceline
        return line

    def attribute(self, name: str) -> str:
        return str(self.element.get(name, "")).strip()[:MAX_TEXT]

    def all(self, steps: str) -> Iterator[Node]:
        """The elements under a path of prefixed names ("cac:TaxTotal/cbc:TaxAmount"), in document order."""
        step, _, rest = steps.partition("/")
        prefix, _, local = step.partition(":")
        tag = f"{{{self.document.namespaces[prefix]}}}{local}"
        found = self.element.findall(tag)
        for index, element in enumerate(found, 1):
            path = f"{self.path}/{step}" + (f"[{index}]" if len(found) > 1 else "")
            node = Node(element, path, self.document)
            yield from node.all(rest) if rest else (node,)

    def one(self, steps: str) -> Node | None:
        """The first such element."""
        return next(self.all(steps), None)

    def value(self, steps: str) -> str:
        """The text of the first such element; empty when there is none."""
        node = self.one(steps)
        return node.text if node is not None else ""

    def evidence(self, quote: str | None = None) -> Evidence:
        text = (self.element.text or "").strip()[:200] if quote is None else quote
        return Evidence(
            source=self.document.name,
            locator=self.path,
            line=self.line,
            quote=text,
            digest=self.document.digest,
        )


class Document:
    """A parsed file: its name, the SHA-256 of its bytes, its root, and the prefixes used in paths."""

    def __init__(self, data: bytes, *, name: str, digest: str, namespaces: dict[str, str]) -> None:
        """Raises Unusable for anything that is not well-formed XML without a DOCTYPE."""
        self.name = name
        self.digest = digest
        self.namespaces = namespaces
        element = _parse(data, self)
        self.root = Node(element, "/" + etree.QName(element).localname, self)

    def at(self, line: int | None = None, quote: str = "", locator: str = "") -> Evidence:
        return Evidence(source=self.name, locator=locator, line=line, quote=quote, digest=self.digest)


def _parse(data: bytes, document: Document) -> Any:
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise Unusable("empty", "The file is empty. Ask the supplier to send it again.", document.at())
    for magic, kind in _FOREIGN:
        if data.startswith(magic):
            raise Unusable(
                "not_xml",
                f"The file is {kind}, not XML. Ask the supplier for the invoice as UBL 2.1 XML.",
                document.at(1),
            )
    _refuse_doctype(data, document)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        element = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _unreadable(data, error, document) from None
    except (ValueError, LookupError) as error:
        raise Unusable("malformed", f"The file is not readable XML: {error}", document.at()) from None
    if element.getroottree().docinfo.doctype:
        raise _doctype(document, None)
    return element


def _refuse_doctype(data: bytes, document: Document) -> None:
    """Reads up to the first element, so that no declaration is ever acted on."""
    scanner = expat.ParserCreate()

    def doctype(*_: Any) -> None:
        raise _doctype(document, scanner.CurrentLineNumber)

    def element(*_: Any) -> None:
        raise _Stop

    scanner.StartDoctypeDeclHandler = doctype
    scanner.StartElementHandler = element
    try:
        scanner.Parse(data, True)
    except (_Stop, expat.ExpatError, ValueError, LookupError):
        return  # what is wrong with the rest, the real parser says


def _doctype(document: Document, line: int | None) -> Unusable:
    return Unusable(
        "doctype_refused",
        f"{_at(line)} declares a DOCTYPE, which can hide entities that read files or fill the memory; nothing of "
        "it was followed. Treat the file as hostile: tell whoever is responsible for security, and ask the "
        "supplier, on a number you already know, for a plain UBL invoice.",
        document.at(line, "<!DOCTYPE", "prolog"),
    )


def _unreadable(data: bytes, error: Any, document: Document) -> Unusable:
    text = wording.visible(str(error.msg or error), 200)
    line = int(error.lineno) if error.lineno else None
    where = document.at(line, text)
    lowered = text.lower()
    if "encoding" in lowered or "utf-8" in lowered or "invalid byte" in lowered or "conv" in lowered:
        return Unusable(
            "wrong_encoding",
            f"{_at(line)} holds bytes that are not text in the encoding the file declares. Ask the supplier to "
            "export the invoice again as UTF-8.",
            where,
        )
    if "start tag expected" in lowered and b"<" not in data.replace(b"\x00", b"")[:200]:
        return Unusable(
            "not_xml", "The file is not XML. Ask the supplier for the invoice as UBL 2.1 XML.", document.at(1)
        )
    return Unusable(
        "malformed",
        f"{_at(line)} is not well-formed XML ({text}). Ask the supplier to export the invoice again.",
        where,
    )


def _at(line: int | None) -> str:
    return f"Line {line:,} of the file" if line else "The file"
