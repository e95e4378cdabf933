"""Where the values in a call come from: the request, a file, an earlier result, the agent's own words, or nowhere.

A value comes from where the same text stands, after spelling that means nothing (case, spaces, how numbers, dates and
accounts are written) is taken away; an amount also from the numbers that it is worked out of, and a name from the places
that it is put together from. It is containment, not meaning: it shows that somebody else's text chose a value, not that
it did so in bad faith. The work is bounded: texts, values and their number are cut to fixed lengths.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

import msgspec

from approvals.domain import arithmetic, spellings
from approvals.domain.seeking import VALUE_LENGTH, Compared, Sought, compared, places, stands_in

Kind = Literal["task", "file", "result", "agent", "unknown"]

TEXT_LENGTH = 200_000
TEXTS = 200
TOTAL_LENGTH = 1_000_000
VALUES = 100
TERMS = 24
AROUND = 600

ORDER: tuple[Kind, ...] = ("task", "file", "result", "agent")  # what counts first stands first
KIND_WORDS: dict[Kind, str] = {
    "task": "the request",
    "file": "an uploaded file",
    "result": "an earlier result",
    "agent": "the agent's own words",
    "unknown": "nowhere in what the agent was given",
}
_AMOUNTS = frozenset({"amount", "price", "sum", "total", "cost", "fee", "value", "quantity", "subtotal"})
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Text that speaks to a program which reads it, rather than to a person: it sets work aside, gives itself
# importance, claims to come from the one who gave the task, or pretends that the result ends and a turn begins.
_ADDRESSES_AGENT = re.compile(
    r"(?<!n't )(?<!not )\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}"
    r"\b(?:instructions?|prompts?|tasks?|requests?|orders|rules|guidelines|directives?|commands?)\b"
    r"|(?<!n't )(?<!not )\b(?:ignore|disregard|forget|override)\s{1,9}(?:everything|anything|all)\b.{0,30}"
    r"\b(?:before|above|prior|previous(?:ly)?|earlier|so far|told|said)\b"
    r"|\b(?:do not|don't|stop) (?:follow|obey|heed)(?:ing)?\b.{0,20}\b(?:previous|prior|above|earlier|original|user's)\b"
    r"|\bbefore you (?:can |are able to |may )?(?:solve|complete|do|start|continue|proceed|answer|finish)\b.{0,40}"
    r"\b(?:tasks?|requests?|questions?|instructions?|anything)\b"
    r"|\b(?:after|once) (?:you )?(?:do|did|have done|completed?|finished?) (?:that|this|it),? you (?:can|may|should)\b"
    r"|\b(?:do|perform|execute|carry out|complete) the following\b"
    r"|\b(?:important|urgent) (?:message|instructions?) (?:from|to|for)\b"
    r"|\b(?:new|updated|additional|system) (?:instructions?|prompt|directive)\b|\bsystem message\b"
    r"|<\s{0,9}/?\s{0,9}(?:information|important|instructions?|system|inst|assistant)\b|<\s{0,9}/?\s{0,9}(?:user|human|prompt)\s{0,9}>"
    r"|<\|\s{0,9}\w{1,40}\s{0,9}\|>|\[/?(?:INST|SYSTEM)\]|<</?sys>>"
    r"|[-=#*<\[]\s{0,9}end of (?:the )?(?:(?:tool|function) (?:results?|outputs?|responses?)|result|prompt|context)\b"
    r"|\b(?:the |your |this |original |initial )task (?:that )?(?:i gave|you were|we gave|was given|given to you)\b"
    r"|\b(?:solve|complete|finish) (?:the|your|this) (?:original |initial |given )?task\b"
    r"|\b(?:ai|llm|language|digital|virtual) (?:model|assistant|agent)s?\b|\b(?:gpt|claude|gemini|llama|chatgpt)\b"
    r"|\b(?:dear|hey|hello|hi),? (?:ai|assistant|agent|model)s?\b|\btodo\s{0,9}:"
    r"|\b(?:ai|assistant|agent|model|llm|bot)s? (?:that |who )?(?:reading|reads?|processing|process(?:es)?) this\b"
    r"|\bif you(?:'re| are) an? (?:ai|llm|bot|automated|autonomous|language|virtual|digital)\b"
    r"|\b(?:do not|don't|never|without) (?:tell|inform|mention|reveal|show|alert|notify)(?:ing)?\b.{0,30}\bthe user\b"
    r"|\byour (?:new|real|actual|only) (?:task|goal|objective|instruction)s?\b"
    r"|^[ \t]{0,40}(?:system|assistant|instruction|note to (?:the )?(?:ai|agent|assistant))\s{0,9}:"
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


class Source(msgspec.Struct, frozen=True):
    """One text, what kind it is, and how it is compared."""

    kind: Kind
    name: str
    text: str
    compared: Compared


class Readied(msgspec.Struct, frozen=True):
    """Sources as they are compared, those that count first before the others."""

    texts: tuple[Source, ...]

    @classmethod
    def of(cls, sources: Sources) -> Readied:
        return cls(
            tuple(Source(kind, one.name, one.text, compared(one.text)) for kind, one in bounded(sources))
        )


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
    kept.reverse()
    return sorted(kept, key=lambda one: ORDER.index(one[0]))


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
            inside = [
                one for one in spellings.OUTSIDE.findall(value[: VALUE_LENGTH * 20]) if one != value.strip()
            ]
            found += [_origin(argument, one.rstrip(".,;:"), sources) for one in inside[:10]]
    return tuple(found)


@lru_cache(maxsize=256)
def speaks_to_agent(text: str) -> bool:
    """Whether a text addresses the program that reads it, also across the lines into which a format folds it."""
    meant = spellings.unescaped(text[:TEXT_LENGTH])
    return any(_ADDRESSES_AGENT.search(one) for one in (meant, " ".join(meant.split())))


def _origin(argument: str, value: Any, sources: Readied) -> Origin:
    text = _as_text(value)
    sought = Sought.of(value)
    given = [source for source in sources.texts if source.kind != "agent"]
    for source in given:
        if place := sought.stands_in(source.compared):
            return _found(argument, text, source, place)
    # Only an amount is worked out of others: a number that names something is what it is.
    number = sought.number if _is_amount(argument.rpartition(".")[2]) else None
    found = _computed(number, given) or _put_together(sought, given)
    if found is not None:
        kind, where, is_instructed = found
        return Origin(argument=argument, value=text[:80], kind=kind, where=where, is_instructed=is_instructed)
    for source in sources.texts:
        if source.kind == "agent" and sought.stands_in(source.compared):
            return Origin(argument=argument, value=text[:80], kind="agent", where=source.name)
    return Origin(argument=argument, value=text[:80], kind="unknown")


def _is_amount(name: str) -> bool:
    """Whether a field's name says that it holds an amount: one of its words does, not a piece of one."""
    return any(part.lower().removesuffix("s") in _AMOUNTS for part in _PARTS.findall(name))


def _found(argument: str, text: str, source: Source, shown: str) -> Origin:
    instructed = source.kind in ("file", "result") and _is_instructed(shown, source)
    return Origin(
        argument=argument, value=text[:80], kind=source.kind, where=source.name, is_instructed=instructed
    )


def _computed(number: str | None, given: Sequence[Source]) -> tuple[Kind, str, bool] | None:
    """An amount that is a sum, difference, product or share of numbers that were given, those of the request first."""
    if number is None or Decimal(number) <= 0:
        return None
    terms: list[str] = []
    for kind in ("task", "file", "result"):
        for source in (one for one in given if one.kind == kind):
            own = sorted(source.compared.numbers, key=Decimal)
            terms = list(dict.fromkeys([*terms, *own[:TERMS]]))[:TERMS]
            if how := arithmetic.reached(number, terms):
                return source.kind, f"{source.name}: {how}" if source.name else how, False
    return None


def _put_together(sought: Sought, given: Sequence[Source]) -> tuple[Kind, str, bool] | None:
    """A name or a moment whose parts stand in several places; it comes from the least trusted of them."""
    if sought.moment is not None:
        day, time = sought.moment
        parts = [
            next((one for one in given if spellings.names_day(day, one.compared.dates)), None),
            next((one for one in given if time in one.compared.times), None) if time else None,
        ]
        found = [one for one in parts if one is not None]
        return _least(found, False) if found and len(found) == 1 + bool(time) else None
    words = sought.words
    if not words:
        return None
    for source in given:
        if source.kind == "task" and any(
            all(stands_in(word, sentence) for word in words)
            for sentence in spellings.sentences(source.text.casefold())
        ):
            return "task", source.name, False
    found = []
    is_instructed = False
    for word in words:
        holding = next((one for one in given if stands_in(word, one.compared.spelled)), None)
        if holding is None:
            return None
        found.append(holding)
        is_instructed |= holding.kind in ("file", "result") and _is_instructed(word, holding)
    # Words of a request that stand far apart say nothing of their order in it.
    return None if all(one.kind == "task" for one in found) else _least(found, is_instructed)


def _least(found: Sequence[Source], is_instructed: bool) -> tuple[Kind, str, bool]:
    last = max(found, key=lambda one: ORDER.index(one.kind))
    return last.kind, last.name, is_instructed


def _is_instructed(value: str, source: Source) -> bool:
    """Whether every passage around the value speaks to the agent. A text too short to have passages counts as one."""
    if not speaks_to_agent(source.text):
        return False
    spelled = source.compared.spelled
    found = list(places(value, spelled))[:20]
    return all(
        speaks_to_agent(spelled[max(0, place - AROUND) : place + len(value) + AROUND]) for place in found
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
