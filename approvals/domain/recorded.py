"""Recorded runs of other systems: each line's task, calls and results, read tolerantly and without its labels.

Facts come from the task, from earlier events and from the tool and arguments of a call. Whatever else a line says of a
run (its group, model, suite, labels, how the call itself ended) is never looked at, so it cannot change a verdict.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from approvals.domain import classification, policy
from approvals.domain.classification import Guess, Table
from approvals.domain.known import Known, NotKnown
from approvals.domain.provenance import Readied, Sources, Text, speaks_to_agent, trace
from approvals.domain.terms import Assessment, Facts, Policy
from orchestrator.domain import errors
from orchestrator.domain.specs import Scope

TASKS = ("task", "request", "prompt", "user_task", "input")
EVENTS = ("events", "steps", "messages", "trace")
KINDS = ("type", "kind", "event", "role")
NUMBERS = ("n", "seq", "number", "index", "id")
TOOLS = ("tool", "name", "function", "tool_name")
ARGUMENTS = ("arguments", "args", "parameters", "input", "kwargs")
RESULTS = ("result", "output", "content", "text", "response")
CALL_KINDS = frozenset({"tool_call", "call", "action", "tool_use", "function_call", "invoke"})
RESULT_KINDS = frozenset(
    {"tool_result", "result", "observation", "tool", "tool_output", "function_result", "tool_response"}
)
TASK_KINDS = frozenset({"user", "task", "request", "user_message", "human", "prompt"})
WORDS_KINDS = frozenset({"assistant", "agent", "thought", "message", "model", "ai", "assistant_message"})
SYSTEM_KINDS = frozenset({"system", "developer"})


class BadLine(errors.Refused):
    """This line is no recorded run."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one call, as a line of the output."""

    run: Any
    event: Any
    tool: str
    verdict: str
    rule: str
    explanation: str


def verdict(run: Any, call: Call, found: Assessment) -> Verdict:
    """A verdict as it can be written, whatever the recording calls its runs, events and tools."""
    return Verdict(
        run=_name(run),
        event=_name(call.event),
        tool=str(_name(call.tool)),
        verdict=found.decision,
        rule=found.rule,
        explanation=str(_name(found.explanation)),
    )


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a recorded run, with what came before it."""

    event: Any
    tool: str
    arguments: dict[str, Any]
    sources: Sources
    earlier: tuple[tuple[str, str], ...] = ()


def parse(line: str) -> dict[str, Any]:
    """A line as a run. Raises BadLine."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine(f"it is not JSON: {str(error)[:120]}") from None
    if not isinstance(found, dict):
        raise BadLine("it is not a JSON object")
    if not isinstance(first(found, EVENTS), list):
        raise BadLine(f"it has no list of events (one of {', '.join(EVENTS)})")
    return found


def calls(run: Mapping[str, Any]) -> Iterator[Call]:
    """The calls of a run in their order, each with what was known before it."""
    task, setting = _text(first(run, TASKS)), _text(run.get("system"))
    results: list[Text] = []
    words: list[str] = []
    names: dict[str, str] = {}
    reached: list[tuple[str, str]] = []
    last = ""
    for place, event in enumerate(first(run, EVENTS), start=1):
        if not isinstance(event, dict):
            continue
        number = first(event, NUMBERS, place)
        kind = str(first(event, KINDS, "")).lower()
        made = list(_calls_in(event, kind))
        for tool, arguments, call_id in made:
            yield Call(
                event=number,
                tool=tool,
                arguments=arguments,
                sources=Sources(task=task, setting=setting, results=tuple(results), words="\n".join(words)),
                earlier=tuple(reached),
            )
            last = tool
            if call_id:
                names[call_id] = tool
            reached.append((tool, json.dumps(arguments, default=str)))
        if kind in TASK_KINDS and not made:
            said = _text(first(event, RESULTS))
            task = f"{task}\n{said}" if said and said not in task else task
        elif kind in SYSTEM_KINDS:
            setting = f"{setting}\n{_text(first(event, RESULTS))}"
        elif kind in RESULT_KINDS or (made and first(event, ("result", "output")) is not None):
            # The result of a call in the same event is known only after it.
            said = _text(first(event, RESULTS if not made else ("result", "output")))
            name = names.get(str(event.get("tool_call_id") or event.get("call_id") or ""), last)
            results.append(Text(str(first(event, TOOLS, "") or name)[:80], said))
        elif kind in WORDS_KINDS or made:
            words.append(_text(first(event, ("content", "text", "thought", "message"))))


def assess_call(
    call: Call, applied: Policy, table: Table, *, floor: Policy | None, guards_guesses: bool
) -> Assessment:
    """The verdict on one call, as if everything before it had been approved. Never raises.

    `guards_guesses` puts the three categories that always wait under the floor also when they are guessed.
    """
    guess = classification.classify(call.tool, call.arguments, table)
    facts = Facts(
        agent="recorded",
        tool=call.tool,
        category=guess.category,
        scope=Scope(tools=(call.tool,), categories=(guess.category,)),
        reversibility=guess.reversibility,
        target=guess.target,
        person=guess.person or None,
        reads_only=guess.reads_only,
        is_declared=guards_guesses,
        is_classified=guess.is_sure,
    )
    known = Known(
        facts=facts, arguments=call.arguments, operands=guess.operands, history=RecordedHistory(call, guess)
    )
    return policy.assess(facts, applied, known, floor=floor)


class RecordedHistory:
    """What came before a recorded call. Amounts are not compared: a recording says nothing of their currency."""

    def __init__(self, call: Call, guess: Guess) -> None:
        self._call, self._guess = call, guess

    def total(
        self, *, currency: str, since: dt.datetime, agent: str = "", target: str = "", tool: str = ""
    ) -> Decimal:
        raise NotKnown("a recorded run does not say what was spent before")

    def has_reached(self, *, tool: str, target: str) -> bool:
        """A target counts as known when an earlier call named it, or when a result names it that gives nobody
        instructions: the owner's own mail, files and calendar are where known people stand."""
        if any(target in said for _, said in self._call.earlier):
            return True
        calm = tuple(text for text in self._call.sources.results if not speaks_to_agent(text.text))
        (origin, *_) = trace({"target": target}, Readied.of(Sources(results=calm))) or (None,)
        return origin is not None and origin.kind == "result"

    def sources(self) -> Sources:
        return self._call.sources


def _calls_in(event: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The calls that an event makes: itself, or those in its list."""
    listed = event.get("tool_calls") or event.get("calls")
    if isinstance(listed, list):
        for one in listed:
            if isinstance(one, dict):
                yield from _call(one)
        return
    if kind in CALL_KINDS or (kind not in RESULT_KINDS | TASK_KINDS | SYSTEM_KINDS and _has_call(event)):
        yield from _call(event)


def _has_call(event: Mapping[str, Any]) -> bool:
    return isinstance(first(event, TOOLS), (str, dict)) and first(event, ("arguments", "args")) is not None


def _call(event: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    inner = event.get("function") or event.get("call") or event.get("tool_call")
    source = inner if isinstance(inner, dict) else event
    tool = first(source, TOOLS)
    if not isinstance(tool, str) or not tool:
        return
    arguments = first(source, ARGUMENTS, {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            arguments = {"text": arguments}
    if not isinstance(arguments, dict):
        arguments = {"value": arguments}
    yield tool, {str(name): value for name, value in arguments.items()}, str(event.get("id") or "")


def _name(value: Any) -> Any:
    """A name or number that JSON can carry; anything else as text."""
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    return str(value).encode("utf-8", "backslashreplace").decode()


def first(found: Mapping[str, Any], names: tuple[str, ...], default: Any = None) -> Any:
    """The first of these names that says something."""
    return next((found[name] for name in names if found.get(name) is not None), default)


def _text(value: Any) -> str:
    """All texts of a value: a message may be a list of parts, a result any JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(filter(None, (_text(one) for one in value.values())))
    if isinstance(value, (list, tuple)):
        return "\n".join(filter(None, (_text(one) for one in value)))
    return "" if value is None or isinstance(value, bool) else str(value)
