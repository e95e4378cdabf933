"""Conditions in CEL: compiled once, type-checked against declared facts, and answered with yes, no or Unclear.

The only module that knows the expression library. Its traps end here: an error comes back as a value, and a value
that is no boolean is no answer. Whoever asks turns Unclear into HOLD.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from cel_expr_python import cel

from orchestrator.domain import errors

Type = Literal["text", "whole", "boolean", "moment", "map", "texts"]

MAX_LENGTH = 2000
_TYPES: dict[Type, Any] = {
    "text": cel.Type.STRING,
    "whole": cel.Type.INT,
    "boolean": cel.Type.BOOL,
    "moment": cel.Type.TIMESTAMP,
    "map": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "texts": cel.Type.List(cel.Type.STRING),
}
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\(([^']*)\)'")
_OPERATORS = re.compile(r"_|@")


class Unclear(errors.Refused):
    """The condition has no answer for this action, so a person decides."""


class Wrong(errors.Refused):
    """This is not a condition over the facts. Look at the place that is named."""


class Language:
    """The facts that conditions may name, by type. Compiled conditions are kept, the most recent ones only."""

    def __init__(self, types: Mapping[str, Type]) -> None:
        self.names = frozenset(types)
        self._environment = cel.NewEnv(variables={name: _TYPES[kind] for name, kind in types.items()})
        self._compiled = lru_cache(maxsize=1024)(self._compile)
        self._named = lru_cache(maxsize=1024)(self._names_in)

    def check(self, text: str) -> None:
        """Raises Wrong, which says in which line and column the condition is not one, and why."""
        self._compiled(text)

    def named(self, text: str) -> frozenset[str]:
        """The facts that a condition may ask for. Text in quotes may name more than it asks for, never less."""
        return self._named(text)

    def _names_in(self, text: str) -> frozenset[str]:
        return frozenset(
            prefix for found in _NAME.findall(text) for prefix in _prefixes(found) if prefix in self.names
        )

    def matches(self, text: str, facts: Mapping[str, Any]) -> bool:
        """Whether the condition is true of these facts. Raises Unclear for everything that is neither yes nor no."""
        try:
            expression = self._compiled(text)
            value = expression.eval(data=dict(facts))
        except Wrong as wrong:
            raise Unclear(wrong.message) from None
        except Exception as error:
            raise Unclear(_first_line(str(error)) or type(error).__name__) from None
        # An error is a value like any other, and as a text it would count as true.
        if value.type() != cel.Type.BOOL:
            raise Unclear(_first_line(str(value.value())))
        return value.value() is True

    def _compile(self, text: str) -> Any:
        if not text.strip():
            raise Wrong("Write a condition, such as action.category == 'outward'.", line=1, column=1)
        if len(text) > MAX_LENGTH:
            raise Wrong(f"A condition has at most {MAX_LENGTH:,} characters.", line=1, column=1)
        try:
            expression = self._environment.compile(text)
        except Exception as error:
            raise _wrong(str(error)) from None
        if expression.return_type() != cel.Type.BOOL:
            kind = str(expression.return_type()).lower()
            raise Wrong(
                f"Line 1, column 1: this gives a value of type {kind}; a condition gives true or false.",
                line=1,
                column=1,
            )
        return expression


def quoted(text: str) -> str:
    """A text as a literal in a condition, whatever it holds."""
    plain = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{plain}'"


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _wrong(said: str) -> Wrong:
    place = _PLACE.search(said)
    if place is None:
        return Wrong(_first_line(said), line=1, column=1)
    line, column, why = int(place[1]), int(place[2]), place[3]
    return Wrong(f"Line {line}, column {column}: {_in_words(why)}", line=line, column=column)


def _in_words(why: str) -> str:
    if undeclared := _UNDECLARED.search(why):
        return f"there is no fact and no function named {undeclared[1]}."
    if overload := _OVERLOAD.search(why):
        operator = _OPERATORS.sub("", overload[1]) or overload[1]
        hint = " Amounts are whole numbers of minor units." if "double" in overload[2] else ""
        return f"{operator} does not work on {overload[2].replace(', ', ' and ')}.{hint}"
    if why.startswith("Syntax error"):
        return f"this cannot be read ({why.removeprefix('Syntax error: ').split(' expecting ')[0]})."
    return f"{why.split(' [')[0]}."


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line.removeprefix("INVALID_ARGUMENT: ")[:300]
