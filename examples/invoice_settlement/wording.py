"""What text from outside may hide: characters that a reader does not see, markup, names written two ways.

Owns no decision: it reports what it sees, and never changes the text that is kept.
"""

from __future__ import annotations

import re
import unicodedata

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKUP = re.compile(r"<\s*[A-Za-z/!?]|&(?:#\d+|#x[0-9A-Fa-f]+|[A-Za-z]{2,8});|javascript\s*:", re.IGNORECASE)
_FORMS = (
    "ab ag aps as bv co corp gmbh inc kft kg limited llc lp ltd nv oy oyj plc sa sarl sas se sl spa srl sro"
)
_LEGAL_FORMS = frozenset(_FORMS.split())


def hidden(text: str) -> list[str]:
    """The characters a reader would not see, each named once: "U+202E right-to-left override"."""
    found: dict[str, None] = {}
    for character in text:
        category = unicodedata.category(character)
        if category in {"Cc", "Cf", "Co", "Cs"} or character in _BIDI or character in "\u2028\u2029":
            name = unicodedata.name(character, "control character").lower()
            found[f"U+{ord(character):04X} {name}"] = None
    return list(found)


def has_markup(text: str) -> bool:
    """Whether the text looks like HTML or script. It is data all the same."""
    return _MARKUP.search(text) is not None


def visible(text: str, limit: int = 120) -> str:
    """The text for a sentence: hidden characters written as <U+202E>, and cut with "…" beyond `limit`."""
    written = "".join(f"<U+{ord(c):04X}>" if hidden(c) else c for c in text[: limit + 1])
    return written if len(text) <= limit else written[:limit] + "…"


def company(name: str) -> str:
    """A company's name as compared: without accents, case, punctuation, hidden characters and legal form."""
    flat = unicodedata.normalize("NFKD", name).casefold()
    kept = "".join(c if c.isalnum() else " " for c in flat if not unicodedata.combining(c) and not hidden(c))
    kept = re.sub(r"\b(\w) (?=\w\b)", r"\1", kept)  # "b v" and "s a r l" are legal forms too
    words = [word for word in kept.split() if word not in _LEGAL_FORMS]
    return " ".join(words)


def reference(number: str) -> str:
    """An invoice or order number as compared: "INV-0042/a" and "inv 42 A" are the same one."""
    flat = unicodedata.normalize("NFKC", number).casefold()
    parts = re.findall(r"[^\W\d_]+|\d+", flat)
    return ".".join(part.lstrip("0") or "0" for part in parts)


def identifier(text: str) -> str:
    """A VAT or company number as compared: letters and digits only, in capitals."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isalnum())
