"""Conditions for the common cases: a form's answers to CEL, and back, so that a rule can be edited as it was written.

`condition` writes one canonical part for each answer, joined by &&. `read` takes those parts apart again; whatever it
does not know stays text, so nothing that an expert wrote is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, get_args

import msgspec

from approvals.domain import facts, money
from approvals.domain.conditions import quoted
from approvals.domain.providers import BOOK
from orchestrator.domain.specs import Category
from orchestrator.domain.wording import CATEGORY_WORDS

Account = Literal["", "agent_24h", "target_24h", "all_24h", "agent_today", "target_today", "all_today"]
Origin = Literal["", "task", "result", "instruction"]
Hours = Literal["", "outside", "inside"]

ACCOUNT_WORDS: dict[Account, str] = {
    "agent_24h": "the agent's total of 24 hours",
    "target_24h": "the target's total of 24 hours",
    "all_24h": "everybody's total of 24 hours",
    "agent_today": "the agent's total today",
    "target_today": "the target's total today",
    "all_today": "everybody's total today",
}
ORIGIN_WORDS: dict[Origin, str] = {
    "task": "everything it reaches or moves stands in the request",
    "result": "a part of it stands in an earlier result only",
    "instruction": "a part of it comes from text that gives the agent instructions",
}
_ORIGINS: dict[Origin, str] = {
    "task": "provenance.all_from_task",
    "result": "provenance.from_result",
    "instruction": "provenance.from_instruction",
}
_TEXT = r"'((?:[^'\\]|\\.)*)'"
_WHOLE = r"(\d{1,15})"
_CURRENCY = r"'([A-Z]{3})'"
_PARTS: dict[str, re.Pattern[str]] = {
    "categories": re.compile(r"action\.category in \[((?:'[a-z_]+'(?:, )?)+)\]"),
    "tool": re.compile(rf"action\.tool == {_TEXT}"),
    "over": re.compile(rf"\(money\.moves && money\.currency == {_CURRENCY} && money\.amount > {_WHOLE}\)"),
    "upto": re.compile(rf"\(money\.moves && money\.currency == {_CURRENCY} && money\.amount <= {_WHOLE}\)"),
    "total": re.compile(
        rf"\(money\.moves && money\.currency == {_CURRENCY} && totals\.([a-z0-9_]+) > {_WHOLE}\)"
    ),
    "target": re.compile(rf"target\.name\.matches\({_TEXT}\)"),
    "hours": re.compile(r"(!?)\(time\.hour >= (\d{1,2}) && time\.hour < (\d{1,2})\)"),
}
_FLAGS = {
    "is_first": "(target.is_given && target.is_first)",
    "is_weekend": "time.is_weekend",
    "moves_no_money": "!money.moves",
}


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of the form. Amounts are decimal text; an empty answer says nothing; all that is said must hold."""

    categories: tuple[Category, ...] = ()
    tool: str = ""
    currency: str = ""
    over: str = ""
    upto: str = ""
    account: Account = ""
    total: str = ""
    target: str = ""
    is_first: bool = False
    origin: Origin = ""
    hours: Hours = ""
    hour_from: int = 8
    hour_until: int = 18
    is_weekend: bool = False
    moves_no_money: bool = False
    text: str = ""


def condition(asked: Common) -> str:
    """The condition that says all of it. Empty when nothing is said."""
    parts = list(_written(asked))
    if len(parts) > 1 and asked.text and not _is_one(asked.text):
        # Alternatives must not swallow what stands before them.
        parts[-1] = f"({parts[-1]})"
    return " && ".join(parts)


def read(text: str) -> Common:
    """A condition as answers of the form. What cannot be read as one stays in `text`."""
    found: dict[str, object] = {}
    rest: list[str] = []
    for part in split(text):
        if not _take(part, found):
            rest.append(part)
    answers = Common(**{**found, "text": " && ".join(rest)})  # type: ignore[arg-type]  # _take fills only its fields
    # Only what would be written back the same way was understood.
    if sorted(split(condition(answers))) != sorted(split(text)):
        return Common(text=text.strip())
    return answers


def in_words(text: str) -> str:
    """A condition as people read it: the common cases in words, the rest as it is written."""
    asked = read(text)
    words = [*_said(asked), *(_fact(part) for part in split(asked.text) if part != "true")]
    return ", and ".join(words) or "always"


def sentence(asked: Common) -> str:
    """What to tell people when such a rule matches, with its numbers."""
    parts = []
    if asked.total and asked.account:
        most = _shown(asked.total, asked.currency)
        parts.append(f"{ACCOUNT_WORDS[asked.account]} would be {{totals.{asked.account}}} of {most}")
    if asked.over:
        parts.append(f"{{money.amount}} is over {_shown(asked.over, asked.currency)}")
    if asked.upto:
        parts.append(f"{{money.amount}} is within {_shown(asked.upto, asked.currency)}")
    if asked.is_first:
        parts.append("{target.name} is reached for the first time")
    if asked.origin:
        parts.append("{provenance.words}" if asked.origin != "task" else ORIGIN_WORDS["task"])
    if asked.categories and not parts:
        parts.append("this action is {action.category}")
    if asked.hours or asked.is_weekend:
        parts.append("it is {time.hour} o'clock" + (" at the weekend" if asked.is_weekend else ""))
    if not parts:
        return ""
    words = ", and ".join(parts)
    return f"{words[:1].upper()}{words[1:]}."


def split(text: str) -> list[str]:
    """The parts of a condition that are joined by && outside brackets and quotes."""
    parts, depth, quote, start, place = [], 0, "", 0, 0
    while place < len(text):
        letter = text[place]
        if quote:
            if letter == "\\":
                place += 1
            elif letter == quote:
                quote = ""
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif depth == 0 and text.startswith("&&", place):
            parts.append(text[start:place].strip())
            start = place = place + 2
            continue
        elif depth == 0 and (text.startswith("||", place) or letter == "?"):
            return [text.strip()]
        place += 1
    return [part for part in (*parts, text[start:].strip()) if part]


def _written(asked: Common) -> Iterator[str]:
    if asked.categories:
        yield f"action.category in [{', '.join(quoted(name) for name in asked.categories)}]"
    if asked.tool:
        yield f"action.tool == {quoted(asked.tool)}"
    moves = f"money.moves && money.currency == {quoted(asked.currency)}"
    if asked.over:
        yield f"({moves} && money.amount > {_minor(asked.over, asked.currency)})"
    if asked.upto:
        yield f"({moves} && money.amount <= {_minor(asked.upto, asked.currency)})"
    if asked.account and asked.total:
        yield f"({moves} && totals.{asked.account} > {_minor(asked.total, asked.currency)})"
    if asked.target:
        yield f"target.name.matches({quoted(_pattern(asked.target))})"
    if asked.origin:
        yield _ORIGINS[asked.origin]
    if asked.hours:
        inside = f"(time.hour >= {asked.hour_from} && time.hour < {asked.hour_until})"
        yield inside if asked.hours == "inside" else f"!{inside}"
    for name, written in _FLAGS.items():
        if getattr(asked, name):
            yield written
    if asked.text.strip():
        yield asked.text.strip()


def _take(part: str, found: dict[str, object]) -> bool:
    for name, written in _FLAGS.items():
        if part == written and name not in found:
            found[name] = True
            return True
    for origin, written in _ORIGINS.items():
        if part == written and "origin" not in found:
            found["origin"] = origin
            return True
    for name, pattern in _PARTS.items():
        match = pattern.fullmatch(part)
        if match is not None and name not in found:
            return _taken(name, match, found)
    return False


def _taken(name: str, match: re.Match[str], found: dict[str, object]) -> bool:
    if name == "categories":
        names = tuple(re.findall(r"'([a-z_]+)'", match[1]))
        if not set(names) <= set(get_args(Category)):
            return False
        found["categories"] = names
    elif name == "tool":
        found["tool"] = _unquoted(match[1])
    elif name == "target":
        pattern = _unquoted(match[1])
        target = _glob(pattern)
        if _pattern(target) != pattern:
            return False
        found["target"] = target
    elif name == "hours":
        found.update(
            hours="outside" if match[1] else "inside", hour_from=int(match[2]), hour_until=int(match[3])
        )
    else:
        currency, amount = match[1], match[match.lastindex or 2]
        if found.get("currency", currency) != currency or currency not in money.MINOR_UNITS:
            return False
        if name == "total":
            if match[2] not in ACCOUNT_WORDS:
                return False
            found["account"] = match[2]
        found.update({"currency": currency, name: _major(amount, currency)})
    return True


def _said(asked: Common) -> Iterator[str]:
    if asked.categories:
        yield f"it is {' or '.join(CATEGORY_WORDS[name] for name in asked.categories)}"
    if asked.tool:
        yield f"the tool is {asked.tool}"
    if asked.over:
        yield f"the amount is over {_shown(asked.over, asked.currency)}"
    if asked.upto:
        yield f"the amount is at most {_shown(asked.upto, asked.currency)}"
    if asked.account and asked.total:
        yield f"{ACCOUNT_WORDS[asked.account]} would be over {_shown(asked.total, asked.currency)}"
    if asked.target:
        yield f"the target is like {asked.target}"
    if asked.is_first:
        yield "the target is reached for the first time"
    if asked.origin:
        yield ORIGIN_WORDS[asked.origin]
    if asked.hours:
        side = "between" if asked.hours == "inside" else "outside"
        yield f"it is {side} {asked.hour_from}:00 and {asked.hour_until}:00"
    if asked.is_weekend:
        yield "it is the weekend"
    if asked.moves_no_money:
        yield "it moves no money"


def _fact(part: str) -> str:
    """A part that is one yes-or-no fact in that fact's words; any other as it is written."""
    fact = BOOK.types.get(part.removeprefix("!"))
    if fact is None or fact.type != "boolean":
        return part
    if not part.startswith("!"):
        return fact.words
    return fact.otherwise or f"not: {fact.words}"


def _pattern(target: str) -> str:
    """A pattern with * and ? as a regular expression for the whole target."""
    return (
        "^"
        + "".join(".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in target)
        + "$"
    )


def _glob(pattern: str) -> str:
    inner = pattern.removeprefix("^").removesuffix("$")
    return re.sub(r"\\(.)|(\.\*)|(\.)", lambda found: found[1] or ("*" if found[2] else "?"), inner)


def _minor(amount: str, currency: str) -> int:
    return int(Decimal(amount).scaleb(money.MINOR_UNITS.get(currency, 2)))


def _major(minor: str, currency: str) -> str:
    places = money.MINOR_UNITS[currency]
    return f"{Decimal(minor).scaleb(-places):.{places}f}"


def _shown(amount: str, currency: str) -> str:
    return facts.in_money(_minor(amount, currency), currency)


def _unquoted(text: str) -> str:
    signs = {"n": "\n", "r": "\r"}
    return re.sub(r"\\(.)", lambda found: signs.get(found[1], found[1]), text)


def _is_one(text: str) -> bool:
    """Whether a text can stand beside other parts as it is: it has no alternatives outside brackets and quotes."""
    return split(text) != [text.strip()] or not _has_alternatives(text)


def _has_alternatives(text: str) -> bool:
    """Whether || or ? stands outside brackets and quotes."""
    depth, quote, place = 0, "", 0
    while place < len(text):
        letter = text[place]
        if quote:
            place += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "([{") - (letter in ")]}")
            if depth == 0 and (text.startswith("||", place) or letter == "?"):
                return True
        place += 1
    return False
