"""What a tool that nobody declared most likely does: a table of words, read from a file that people can edit.

It guesses from the tool's name and its arguments' names, never from their values. What the table does not know is
unclassified, which holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from approvals.domain.origins import words_of
from orchestrator.domain import errors
from orchestrator.domain.specs import Category, Reversibility


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the table."""

    verbs: frozenset[str]
    nouns: frozenset[str] = frozenset()
    category: Category
    reversibility: Reversibility = "irreversible"
    reads_only: bool = False


class Outside(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a reading call reach outside."""

    arguments: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()
    nouns: frozenset[str] = frozenset()


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names of arguments by what they mean, the likeliest first."""

    target: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    amount: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    person: tuple[str, ...] = ()


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table."""

    row: tuple[Row, ...]
    outside: Outside = Outside()
    arguments: Arguments = Arguments()


class Unreadable(errors.Refused):
    """The table of tools cannot be read. Compare it with the one that is shipped."""


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """What a call most likely is. `is_sure` is False when the table knows nothing of the name."""

    category: Category
    reversibility: Reversibility
    reads_only: bool
    is_sure: bool
    target: str = ""
    amount: Any = None
    currency: Any = None
    person: str = ""
    operands: tuple[str, ...] = ()


def table_of(parsed: Mapping[str, Any]) -> Table:
    """The table that a parsed file holds. Raises Unreadable."""
    try:
        return msgspec.convert(parsed, Table)
    except msgspec.ValidationError as error:
        raise Unreadable(f"The table of tools cannot be read: {error}.") from None


def classify(tool: str, arguments: Mapping[str, Any], table: Table) -> Guess:
    """What a call most likely is. Never raises."""
    words = words_of(tool)
    row = _row(words, table.row)
    known = table.arguments
    targets = [name for name in known.target if _is_said(arguments.get(name))]
    amounts = [name for name in known.amount if _is_said(arguments.get(name))]
    people = [name for name in known.person if _is_said(arguments.get(name))]
    also = [name for name in known.also if _is_said(arguments.get(name))]
    found: dict[str, Any] = {
        "target": _first_text(arguments, targets),
        "person": _first_text(arguments, people),
        "operands": tuple(dict.fromkeys([*targets, *amounts, *people, *also])),
    }
    if row is None:
        return Guess(
            category="outward", reversibility="irreversible", reads_only=False, is_sure=False, **found
        )
    category, reads_only = row.category, row.reads_only
    reaches = table.outside.arguments & arguments.keys()
    if reads_only and (reaches or (table.outside.verbs | table.outside.nouns) & set(words)):
        category = "outward"
    if category == "financial" or amounts:
        found["amount"] = next((arguments[name] for name in amounts), None)
        found["currency"] = next((arguments[name] for name in known.currency if name in arguments), None)
    return Guess(
        category=category, reversibility=row.reversibility, reads_only=reads_only, is_sure=True, **found
    )


def _row(words: Iterable[str], rows: Iterable[Row]) -> Row | None:
    """The row of the first word that any row knows."""
    named = list(words)
    for place, word in enumerate(named):
        rest = set(named[:place] + named[place + 1 :])
        for row in rows:
            if word in row.verbs and (not row.nouns or row.nouns & rest):
                return row
    return None


def _is_said(value: Any) -> bool:
    return value not in (None, "", [], {}) and not isinstance(value, bool)


def _first_text(arguments: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        value = arguments[name]
        while isinstance(value, (list, tuple, Mapping)) and value:
            value = next(iter(value.values() if isinstance(value, Mapping) else value))
        if isinstance(value, (str, int, float)) and str(value).strip():
            return str(value)
    return ""
