"""The plain sentence of an action: the tool's own template filled with the call's arguments.

The template is an administrator's, the arguments are an agent's: only plain names are filled in, hidden
characters are made visible, and what does not fit falls back to the tool's name with its operands.
Shortening is for the sentence alone; the full payload always stands below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Any

import msgspec

from approvals.domain import money
from approvals.domain.visible import visible
from orchestrator.domain import specs

OPERAND_LENGTH = 120
FALLBACK_OPERANDS = 8
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of the sentence. `operand` names the argument it shows; plain words have none."""

    text: str
    operand: str = ""


class Sentence(msgspec.Struct, frozen=True):
    """What the action will do, in plain words, as pieces so that operands can be set off."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


def compose(tool: specs.ToolSpec, arguments: Mapping[str, Any]) -> Sentence:
    """The sentence of a call. Never raises: what cannot be filled falls back to the name and the operands."""
    try:
        parts = tuple(_filled(tool.sentence, tool, arguments)) if tool.sentence else ()
    except (KeyError, ValueError, IndexError):
        parts = ()
    return Sentence(parts or tuple(_fallback(tool, arguments)))


def otherwise(tool: specs.ToolSpec, arguments: Mapping[str, Any]) -> tuple[Part, ...]:
    """What the other decision leads to, as the tool's declaration says with the call's arguments; empty when it does not
    say so, or an argument that it names is missing."""
    try:
        return tuple(_filled(tool.otherwise, tool, arguments))
    except (KeyError, ValueError, IndexError):
        return ()


def is_claim(tool: specs.ToolSpec, parts: Iterable[Part]) -> bool:
    """Whether something in it is in the agent's own words, and not only whom and how much the call is about."""
    about = {tool.target_field, tool.person_field, tool.amount_field, tool.currency_field, ""}
    return any(part.operand not in about for part in parts)


def left_out(parts: Iterable[Part], arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The arguments that these pieces do not say, or do not say whole. An empty one counts: nothing is a value too."""
    whole = {
        part.operand
        for part in parts
        if part.operand in arguments and not _is_shortened(part.text, arguments[part.operand])
    }
    return tuple(name for name in arguments if name not in whole)


def verb(tool: specs.ToolSpec) -> str:
    """What the sentence begins with ("pay"), so that a button can say what it does; else "run"."""
    first = tool.sentence.split(" ", 1)[0].strip()
    return first.lower() if first.isalpha() else "run"


def operand(name: str, value: Any, tool: specs.ToolSpec, arguments: Mapping[str, Any]) -> str:
    """One argument as the sentence shows it: money grouped, an IBAN shortened, hidden text visible."""
    if isinstance(value, str):
        if name == tool.amount_field:
            amount = money.plain_value(value)
            currency = str(arguments.get(tool.currency_field, ""))
            if amount is not None and currency in money.MINOR_UNITS:
                return money.shown(amount, currency).removesuffix(f" {currency}")
        compact = value.replace(" ", "")
        if _IBAN.fullmatch(compact):
            return f"{compact[:4]}…{compact[-4:]}"
    shown = _whole(value)
    if len(shown) > OPERAND_LENGTH:
        return f"{shown[:OPERAND_LENGTH]}… ({OPERAND_LENGTH} of {len(shown):,} characters)"
    return shown


def _whole(value: Any) -> str:
    if isinstance(value, str):
        return visible(value)
    return visible(json.dumps(value, sort_keys=True, ensure_ascii=False, default=str))


def _is_shortened(text: str, value: Any) -> bool:
    return "…" in text and text != _whole(value)


def _filled(template: str, tool: specs.ToolSpec, arguments: Mapping[str, Any]) -> Iterable[Part]:
    for words, name, _, _ in Formatter().parse(template):
        if words:
            yield Part(words)
        if name is None:
            continue
        if not name.isidentifier():
            raise ValueError(name)
        yield Part(operand(name, arguments[name], tool, arguments), name)


def _fallback(tool: specs.ToolSpec, arguments: Mapping[str, Any]) -> Iterable[Part]:
    yield Part(f"Run {visible(tool.name)}")
    names = sorted(arguments)
    for position, name in enumerate(names[:FALLBACK_OPERANDS]):
        yield Part(f"{', ' if position else ' with '}{visible(name)[:OPERAND_LENGTH]} ")
        yield Part(operand(name, arguments[name], tool, arguments), name)
    if len(names) > FALLBACK_OPERANDS:
        yield Part(f" and {len(names) - FALLBACK_OPERANDS} more arguments")
