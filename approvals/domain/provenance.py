"""Where the values in a call come from: the request, a file, an earlier result, the agent's own words, or nowhere.

A value comes from where the same text stands, after spelling that means nothing (case, spaces, thousands separators)
is taken away. It is containment, not meaning: it shows that somebody else's text chose a value, not that it did so in
bad faith. The work is bounded: texts, values and their number are cut to fixed lengths.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal

import msgspec

Kind = Literal["task", "file", "result", "agent", "unknown"]

TEXT_LENGTH = 200_000
TEXTS = 200
TOTAL_LENGTH = 1_000_000
VALUES = 100
VALUE_LENGTH = 500
AROUND = 600

KIND_WORDS: dict[Kind, str] = {
    "task": "the request",
    "file": "an uploaded file",
    "result": "an earlier result",
    "agent": "the agent's own words",
    "unknown": "nowhere in what the agent was given",
}
_SPACE = re.compile(r"\s+")
_THOUSANDS = re.compile(r"(?<=\d)[,'\u2009\u202f](?=\d{3}(?:\D|$))")
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,18}(?:\.\d{1,12})?(?![\w])")
# What stands for somebody or something outside, wherever it is written: addresses, links, accounts.
_OUTSIDE = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s<>\"')\]]+|www\.[^\s<>\"')\]]+|\b[A-Z]{2}\d{2}[A-Z0-9]{10,30}\b"
)
# Text that speaks to a program which reads it, rather than to a person: it sets work aside, gives itself
# importance, or claims to come from the one who gave the task.
_ADDRESSES_AGENT = re.compile(
    r"(?<!n't )(?<!not )\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}"
    r"\b(?:instructions?|prompts?|tasks?|requests?|orders|rules|guidelines|directives?|commands?)\b"
    r"|\bbefore you (?:can |are able to |may )?(?:solve|complete|do|start|continue|proceed|answer|finish)\b.{0,40}"
    r"\b(?:tasks?|requests?|questions?|instructions?|anything)\b"
    r"|\b(?:after|once) (?:you )?(?:do|did|have done|completed?|finished?) (?:that|this|it),? you (?:can|may|should)\b"
    r"|\b(?:do|perform|execute|carry out|complete) the following\b"
    r"|\b(?:important|urgent) (?:message|instructions?) (?:from|to|for)\b"
    r"|\b(?:new|updated|additional|system) (?:instructions?|prompt|directive)\b|\bsystem message\b"
    r"|<\s*/?\s*(?:information|important|instructions?|system|inst|assistant)\b"
    r"|\b(?:the |your |this |original |initial )task (?:that )?(?:i gave|you were|we gave|was given|given to you)\b"
    r"|\b(?:solve|complete|finish) (?:the|your|this) (?:original |initial |given )?task\b"
    r"|\b(?:ai|language|digital|virtual) (?:model|assistant|agent)\b|\b(?:gpt|claude|gemini|llama|chatgpt)\b"
    r"|\bdear (?:ai|assistant|agent|model)\b"
    r"|^\s*(?:todo|system|assistant|instruction|note to (?:the )?(?:ai|agent|assistant))\s*:"
    r"|\bas (?:an ai|a language model|an assistant|your next step)\b"
    r"|\bplease (?:first )?(?:do|perform|execute) (?:this|that|the following)\b|\binstead,? (?:do|please)\b",
    re.IGNORECASE | re.MULTILINE,
)


class Text(msgspec.Struct, frozen=True):
    """One text that the agent was given or wrote, with the name that people know it by."""

    name: str
    text: str


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a value could come from. `task` is what a person asked, `setting` what the operator told the
    agent beforehand; `words` is what the agent wrote."""

    task: str = ""
    setting: str = ""
    files: tuple[Text, ...] = ()
    results: tuple[Text, ...] = ()
    words: str = ""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where one value stands. `where` names the file or result; `is_instructed` says that the passage there speaks
    to the agent."""

    argument: str
    value: str
    kind: Kind
    where: str = ""
    is_instructed: bool = False

    @property
    def sentence(self) -> str:
        where = f" ({self.where})" if self.where else ""
        speaks = ", in a passage that gives the agent instructions" if self.is_instructed else ""
        stands = "stands" if self.kind == "unknown" else "stands in"
        return f"{self.argument} {stands} {KIND_WORDS[self.kind]}{where}{speaks}"


class Readied(msgspec.Struct, frozen=True):
    """Sources as they are compared: each text with its plain spelling and its numbers."""

    texts: tuple[tuple[Kind, str, str, str, frozenset[str]], ...]

    @classmethod
    def of(cls, sources: Sources) -> Readied:
        return cls(tuple((kind, one.name, one.text, *_compared(one.text)) for kind, one in bounded(sources)))


def bounded(sources: Sources) -> list[tuple[Kind, Text]]:
    """The texts that are looked at: the request first, of files the first ones, of results the latest, each cut and
    all together no longer than TOTAL_LENGTH."""
    found: list[tuple[Kind, Text]] = [("task", Text("", sources.task)), ("task", Text("", sources.setting))]
    found.append(("agent", Text("", sources.words)))
    found += [("result", text) for text in reversed(sources.results[-TEXTS:])]
    found += [("file", text) for text in sources.files[:TEXTS]]
    left, kept = TOTAL_LENGTH, []
    for kind, text in found:
        cut = text.text[: min(TEXT_LENGTH, left)]
        left -= len(cut)
        if cut:
            kept.append((kind, Text(text.name, cut)))
    order = ("task", "file", "result", "agent")
    kept.reverse()
    return sorted(kept, key=lambda one: order.index(one[0]))


def trace(arguments: Mapping[str, Any], sources: Readied, *, only: Iterable[str] = ()) -> tuple[Origin, ...]:
    """The origin of every value of these arguments, and of every address or link inside their texts.

    `only` bounds it to these arguments; addresses and links are followed in all of them.
    """
    wanted = frozenset(only)
    found = []
    for argument, value in list(_values(arguments))[:VALUES]:
        if not wanted or _root(argument) in wanted:
            found.append(_origin(argument, value, sources))
        if isinstance(value, str):
            inside = [one for one in _OUTSIDE.findall(value[: VALUE_LENGTH * 20]) if one != value.strip()]
            found += [_origin(argument, one.rstrip(".,;:"), sources) for one in inside[:10]]
    return tuple(found)


def is_outside(value: str) -> bool:
    """Whether a value is an address, a link or an account."""
    return _OUTSIDE.search(value) is not None


@lru_cache(maxsize=256)
def speaks_to_agent(text: str) -> bool:
    """Whether a text addresses the program that reads it."""
    return _ADDRESSES_AGENT.search(text[:TEXT_LENGTH]) is not None


def plain(text: str) -> str:
    """A text without the spelling that means nothing."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _SPACE.sub(" ", _THOUSANDS.sub("", folded)).strip()


def numbers(text: str) -> frozenset[str]:
    """The numbers that a text holds, each in one spelling: 82,000.00 and 82000 are the same."""
    return frozenset(
        one for found in _NUMBER.findall(_THOUSANDS.sub("", text)) if (one := _number(found)) is not None
    )


@lru_cache(maxsize=128)
def _compared(text: str) -> tuple[str, frozenset[str]]:
    """A text's plain spelling and its numbers. Each call of a run looks at the same texts again."""
    return plain(text), numbers(text)


def _origin(argument: str, value: Any, sources: Readied) -> Origin:
    text = _as_text(value)
    number = _number(text) if not isinstance(value, bool) else None
    shown = plain(text[:VALUE_LENGTH])
    for kind, name, whole, spelled, known in sources.texts:
        if (number is not None and number in known) or (shown and _stands_in(shown, spelled)):
            instructed = kind in ("file", "result") and _is_instructed(shown, whole, spelled)
            return Origin(argument=argument, value=text[:80], kind=kind, where=name, is_instructed=instructed)
    return Origin(argument=argument, value=text[:80], kind="unknown")


def _stands_in(value: str, text: str) -> bool:
    """Whether the value stands in the text as words of its own, not as a part of a longer word."""
    return next(_places(value, text), None) is not None


def _places(value: str, text: str) -> Iterator[int]:
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        before = text[start - 1] if start else " "
        after = text[end] if end < len(text) else " "
        opens = not (value[0].isalnum() and before.isalnum())
        closes = not (value[-1].isalnum() and after.isalnum())
        if opens and closes:
            yield start
        start = text.find(value, start + 1)


def _is_instructed(value: str, whole: str, spelled: str) -> bool:
    """Whether every passage around the value speaks to the agent. A text too short to have passages counts as one."""
    if not speaks_to_agent(whole):
        return False
    places = list(_places(value, spelled))[:20]
    return all(
        speaks_to_agent(spelled[max(0, place - AROUND) : place + len(value) + AROUND]) for place in places
    )


def _values(value: Any, argument: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _values(inner, f"{argument}.{name}" if argument else str(name))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _values(inner, argument)
    elif value is not None and not isinstance(value, bool) and _as_text(value).strip():
        yield argument, value


def _root(argument: str) -> str:
    return argument.partition(".")[0]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _number(text: str) -> str | None:
    try:
        value = Decimal(_THOUSANDS.sub("", text.strip()))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value.adjusted()) > 30:
        return None
    return format(value.normalize() if value else Decimal(0), "f")
