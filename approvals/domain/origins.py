"""Facts from where a call's values come from, and whether the request asks for what the call does.

These weigh the words that surround an action, never who the agent is. They say what stands where; what follows from
it is the rules' business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from approvals.domain import provenance, seeking
from approvals.domain.facts import FactType, Provider
from approvals.domain.known import Known

# Words for the same deed: a tool whose name holds one of a row is asked for by a request that holds another.
DEEDS: tuple[frozenset[str], ...] = tuple(
    frozenset(row.split())
    for row in (
        "send mail email message write reply respond forward tell inform notify let say ask greet thank congratulate "
        "confirm share",
        "pay transfer send wire remit refund reimburse repay repeat return donate settle cover split",
        "book reserve reservation booking stay rent hire",
        "create add make schedule plan set put arrange organize organise append write draft save record remind reminder "
        "invite block mark",
        "schedule pay payment recurring monthly weekly standing set",
        "reschedule move postpone plan push shift delay change update bring",
        "update change edit modify adjust set correct rename fix replace increase decrease",
        "delete remove erase clear drop cancel clean kick ban trash discard rid",
        "cancel stop abort withdraw revoke",
        "share grant give access invite permission",
        "invite add onboard join include participant move",
        "post publish upload put announce submit",
        "get fetch read open visit browse look see check show view find summarize summarise access search follow "
        "article website webpage page link",
        "upload attach store save",
        "download fetch get save export",
        "run execute start launch perform",
    )
)
_ANSWER = re.compile(r"\b(?:tell|let|give|show|ask|get|find) (?:me|us)\b")
# "Do what the list says": a request that leaves it to a text what is to be done.
_HANDS_OVER = re.compile(
    r"\b(?<!how )(?<!what )(?<!when )(?<!where )(?<!why )"
    r"(?:do(?! (?:you|i|we|they|not)\b)|follow|carry out|execute|perform|complete|handle|work through|act on"
    r"|take care of)\b(?:[^.?!\n]|[.?!](?=\S)){0,100}?"
    r"\b(?:says?|said|asks?|asked|tells?|told|wants?|wrote|requests?|requested|specified|described|listed|mentioned"
    r"|instructions?|tasks?|actions?|steps|to-?dos?|checklists?|procedures?|guidelines?)\b"
)
_QUESTION = re.compile(
    r"(?:^|(?<=[.!?\n]))[ \t]{0,9}(?:do|does|did)\b[^.!?\n]*\?"
)  # "Do the minutes say who came?"
_WORD = re.compile(r"[a-z]+")
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_COMMON = frozenset(
    (
        "a",
        "an",
        "the",
        "to",
        "of",
        "in",
        "on",
        "for",
        "and",
        "or",
        "by",
        "with",
        "from",
        "my",
        "all",
        "current",
    )
)


def words_of(name: str) -> tuple[str, ...]:
    """The words of a tool's name: send_direct_message and sendDirectMessage are three each."""
    return tuple(part.lower() for part in _PARTS.findall(name))


@lru_cache(maxsize=512)
def asks_for(task: str, tool: str) -> bool:
    """Whether a request's words name what a tool does: its deed, or another word for it.

    "Tell me" asks for an answer and not for a message to somebody.
    """
    said = {_stem(word) for word in _WORD.findall(_ANSWER.sub(" ", task.casefold()))}
    named = [word for word in words_of(tool) if word not in _COMMON]
    return bool(named) and not said.isdisjoint(_alike(named[0]))


@lru_cache(maxsize=512)
def hands_over(task: str) -> bool:
    """Whether a request leaves it to a text that the agent is to read what is to be done."""
    return _HANDS_OVER.search(_QUESTION.sub(" ", task.casefold())) is not None


@lru_cache(maxsize=256)
def _alike(deed: str) -> frozenset[str]:
    """The stems of all words for the same deed, its own among them."""
    own = _stem(deed)
    rows = ({_stem(word) for word in row} for row in DEEDS)
    return frozenset({own}.union(*(row for row in rows if own in row)))


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _provenance(known: Known) -> Mapping[str, Any]:
    sources = known.history.sources()
    readied = provenance.Readied.of(sources)
    origins = provenance.trace(known.arguments, readied, only=known.operands)
    kinds = [origin.kind for origin in origins]
    instructed = [origin for origin in origins if origin.is_instructed]
    if not instructed and any(
        provenance.speaks_to_agent(one.text) for one in readied.texts if one.kind in ("result", "file")
    ):
        # A message to somebody whom the request names says what the planted text wants it to say.
        instructed = [one for one in provenance.trace(known.arguments, readied) if one.is_instructed]
        origins = (*instructed, *origins)
    target = known.facts.target
    of_targets = provenance.trace({"target": target}, readied) if target else ()
    of_target = of_targets[0].kind if of_targets else "unknown"
    return {
        "provenance.target": of_target if target else "none",
        "provenance.all_from_task": bool(kinds) and all(kind == "task" for kind in kinds),
        "provenance.from_file": "file" in kinds,
        "provenance.from_result": "result" in kinds,
        "provenance.from_instruction": bool(instructed),
        "provenance.is_unknown": any(
            origin.kind in ("unknown", "agent") and seeking.is_outside(origin.value) for origin in origins
        )
        or (bool(target) and of_target in ("unknown", "agent")),
        "provenance.words": "; ".join(origin.sentence for origin in origins[:6]) or "the call has no operand",
    }


def _each(known: Known) -> Mapping[str, Any]:
    readied = provenance.Readied.of(known.history.sources())
    found = provenance.trace(known.arguments, readied)
    return {"provenance.of": {origin.argument: origin.kind for origin in found}}


def _request(known: Known) -> Mapping[str, Any]:
    sources = known.history.sources()
    return {
        "request.is_given": bool(sources.task.strip()),
        "request.asks_for_it": asks_for(sources.task, known.facts.tool),
        "request.hands_over": hands_over(sources.task),
    }


def _results(known: Known) -> Mapping[str, Any]:
    given = [text for kind, text in provenance.bounded(known.history.sources()) if kind in ("result", "file")]
    return {"results.have_instructions": any(provenance.speaks_to_agent(one.text) for one in given)}


PROVENANCE = Provider(
    "provenance",
    (
        FactType("provenance.target", "text", "where the target stands, none without a target"),
        FactType(
            "provenance.all_from_task",
            "boolean",
            "all that the call reaches or moves stands in the request",
            otherwise="a part of what it reaches or moves does not stand in the request",
        ),
        FactType(
            "provenance.from_file",
            "boolean",
            "a part of it stands in an uploaded file only",
            otherwise="no part of it stands in an uploaded file only",
        ),
        FactType(
            "provenance.from_result",
            "boolean",
            "a part of it stands in an earlier result only",
            otherwise="no part of it stands in an earlier result only",
        ),
        FactType(
            "provenance.from_instruction",
            "boolean",
            "a part of it comes from text that instructs the agent",
            otherwise="no part of it comes from text that instructs the agent",
        ),
        FactType(
            "provenance.is_unknown",
            "boolean",
            "an address or target stands in nothing that was given",
            otherwise="every address and target stands somewhere in what was given",
        ),
        FactType("provenance.words", "text", "the origin of each operand in words"),
    ),
    _provenance,
)
# By itself: it looks for every argument, and few rules ask for it.
EACH = Provider(
    "provenance of each argument",
    (FactType("provenance.of", "map", "by argument: task, file, result, agent or unknown"),),
    _each,
)
REQUEST = Provider(
    "request",
    (
        FactType(
            "request.is_given",
            "boolean",
            "there is a request in words",
            otherwise="there is no request in words",
        ),
        FactType(
            "request.asks_for_it",
            "boolean",
            "the request names what the tool does",
            otherwise="the request does not name what the tool does",
        ),
        FactType(
            "request.hands_over",
            "boolean",
            "the request leaves it to a text what is to be done",
            otherwise="the request itself says what is to be done",
        ),
    ),
    _request,
)
RESULTS = Provider(
    "results",
    (
        FactType(
            "results.have_instructions",
            "boolean",
            "an earlier result or file holds text that instructs agents",
            otherwise="nothing that the agent read instructs agents",
        ),
    ),
    _results,
)
