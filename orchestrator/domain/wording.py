"""What settings mean, in plain words: what an agent may do, what a tool does, how a workflow goes.

Owns sentences about published settings. It decides nothing: the gate and the rule book do, and these words follow
them. A line has a tone, so that a page can show at a glance what is open, what waits and what never happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from orchestrator.domain.specs import ALWAYS_HELD, AgentSpec, Category, Limit, Scope, ToolSpec, WorkflowSpec

Tone = Literal["may", "asks", "never", "warns", "says"]

CATEGORY_WORDS: dict[Category, str] = {
    "routine": "routine",
    "financial": "financial",
    "safety_critical": "safety-critical",
    "affects_person": "affects a person",
    "destructive": "destructive",
    "outward": "outward communication",
}


class Line(msgspec.Struct, frozen=True):
    """One sentence. `tone`: may (at once), asks (a person or the policy first), never, warns (a mistake, most
    likely), says (how it works)."""

    tone: Tone
    text: str


def scope_in_one_line(scope: Scope, tools: Mapping[str, ToolSpec]) -> str:
    """A scope for a list: "may use files.read, may propose payments.pay up to 10,000.00 EUR, asks a person for each"."""
    parts: list[str] = []
    waits = False
    for name in scope.tools:
        tool = tools.get(name)
        if tool is None or (tool.is_consequential and tool.category not in scope.categories):
            continue
        if not tool.is_consequential:
            parts.append(f"may use {name}")
            continue
        ceilings = [
            money(limit.per_action, limit.currency) for limit in _limits(scope, name) if limit.per_action
        ]
        upto = f" up to {_either(ceilings)}" if ceilings else ""
        parts.append(f"may propose {name}{upto}")
        waits = waits or _always_waits(tool)
    if not parts:
        return "may only read its input and answer"
    if waits:
        parts.append("asks a person for each")
    return ", ".join(parts)


def agent_in_words(agent: AgentSpec, tools: Mapping[str, ToolSpec]) -> list[Line]:
    """Everything the settings of an agent let it do, and what they never will."""
    return [*_means(agent), *_scope(agent.scope, tools), *_bounds(agent)]


def tool_in_words(tool: ToolSpec) -> list[Line]:
    """What a call of the tool means for the people around it."""
    name = tool.name or "This tool"
    if not tool.is_consequential:
        return [Line("may", f"{name} only reads: a call runs at once, and nobody is asked.")]
    lines = [_who_is_asked(tool, "Each call")]
    if tool.reads_only:
        lines.append(Line("says", "It reads, but its caller chooses whom it reaches, so it is an action."))
    if tool.person_field:
        lines.append(Line("asks", f"The person in {tool.person_field} is affected: a person always decides."))
    lines.append(Line("says", _UNDOING[tool.reversibility]))
    if tool.idempotent:
        lines.append(Line("says", "The same call never happens twice, so it is tried again after a crash."))
    else:
        lines.append(
            Line("says", "A repeat would happen again: after a crash a named person finds out what happened.")
        )
    if tool.non_semantic:
        lines.append(Line("says", f"Not sealed by the digest: {', '.join(tool.non_semantic)}."))
    return lines


def workflow_in_words(spec: WorkflowSpec) -> list[Line]:
    """How the workflow goes, and what of it waits for people."""
    names = [stage.name for stage in spec.stages]
    lines: list[Line] = []
    if names:
        steps = f"{len(names)} stages, one after the other" if len(names) > 1 else "One stage"
        lines.append(Line("says", f"{steps}: {', then '.join(names)}."))
    for stage in spec.stages:
        checks = ["its schema"] if stage.output_schema else []
        if stage.validators:
            checks.append(_counted(len(stage.validators), "further check" if checks else "check"))
        if checks:
            lines.append(Line("says", f"{stage.name} must pass {_listed(checks)} before the next begins."))
        else:
            lines.append(Line("warns", f"Nothing checks what {stage.name} gives."))
        if stage.required_actions:
            lines.append(Line("says", f"The run fails when an action of {stage.name} is refused."))
    proposing = sorted({name for agent in spec.agents.values() for name in agent.scope.tools})
    for name in proposing:
        tool = spec.tools.get(name)
        if tool is not None and tool.is_consequential:
            lines.append(_who_is_asked(tool, f"Each {name}"))
    if spec.stages and not any(line.tone == "asks" for line in lines):
        lines.append(Line("never", "No agent of it may propose an action: nothing outside changes."))
    lines.append(Line("says", f"A stage may send work back to the one before {_times(spec.rework_cap)}."))
    return lines


def money(amount: str | None, currency: str) -> str:
    """An amount as people read it: "82,000.00 EUR". What is no number is shown as it was written."""
    try:
        value = Decimal(amount or "")
    except InvalidOperation:
        return f"{amount} {currency}"
    return f"{value:,f} {currency}" if value.is_finite() else f"{amount} {currency}"


def seconds(value: float) -> str:
    """A length of time in its largest fitting unit."""
    if value < 120:
        return f"{value:g} seconds"
    return f"{value / 60:g} minutes" if value < 7200 else f"{value / 3600:g} hours"


# ---- an agent ----
def _means(agent: AgentSpec) -> Iterator[Line]:
    if agent.kind == "code":
        yield Line("says", f"Runs the registered function {agent.reference or '(none chosen yet)'}.")
        return
    if agent.kind == "external":
        yield Line(
            "says", "Runs elsewhere, and reaches Countersign with a token. What it asks for is gated here."
        )
        return
    where = f" at {agent.base_url}" if agent.base_url else ""
    yield Line("says", f"Asks the model {agent.reference or '(none named yet)'}{where}.")
    yield Line("warns", "What its stage is given leaves for that model's server.")


def _scope(scope: Scope, tools: Mapping[str, ToolSpec]) -> Iterator[Line]:
    used = [tools[name] for name in scope.tools if name in tools]
    for name in scope.tools:
        tool = tools.get(name)
        if tool is None:
            yield Line("warns", f"The tool {name} is not declared: each call will be refused.")
        else:
            yield from _tool_of(scope, tool)
    if not used:
        yield Line("may", "May only read what its stage is given, and answer.")
    if scope.resources and used:
        yield Line("says", f"Only on targets that match {_either(list(scope.resources))}.")
    consequential = [tool for tool in used if tool.is_consequential]
    idle = [
        CATEGORY_WORDS[category]
        for category in scope.categories
        if category != "routine" and all(tool.category != category for tool in consequential)
    ]
    if idle:
        yield Line("warns", f"Allows {_either(idle)} actions, but no tool of that kind.")
    yield Line("never", "Any other tool is refused." if scope.tools else "Every tool is refused.")


def _tool_of(scope: Scope, tool: ToolSpec) -> Iterator[Line]:
    if not tool.is_consequential:
        yield Line("may", f"May use {tool.name}, which only reads, at once.")
        return
    if tool.category not in scope.categories:
        word = CATEGORY_WORDS[tool.category]
        yield Line("warns", f"Names {tool.name}, but not its category ({word}): each call will be refused.")
        return
    yield _who_is_asked(tool, f"May propose {tool.name}: each")
    limits = _limits(scope, tool.name)
    for limit in limits:
        parts = []
        if limit.per_action is not None:
            parts.append(f"{money(limit.per_action, limit.currency)} for one")
        if limit.rolling is not None:
            parts.append(f"{money(limit.rolling, limit.currency)} in {limit.window_hours} hours")
        if parts:
            yield Line("never", f"{tool.name} over {' or '.join(parts)} is refused.")
    if limits:
        currencies = _either(sorted({limit.currency for limit in limits}))
        yield Line("never", f"{tool.name} in a currency other than {currencies} is refused.")
    elif tool.amount_field:
        yield Line("warns", f"No limit is set on the amounts of {tool.name}.")


def _bounds(agent: AgentSpec) -> Iterator[Line]:
    budget = agent.budget
    yield Line(
        "says", f"Has {_counted(budget.turns, 'turn')} in a stage, {seconds(budget.total_seconds)} each."
    )
    if agent.kind == "model":
        yield Line("says", f"Writes at most {budget.output_tokens:,} tokens a turn.")
    if budget.cost:
        yield Line("says", f"Costs at most {money(budget.cost, 'USD')}, then a person is asked.")


# ---- words that several use ----
_UNDOING = {
    "reversible": "It can be undone.",
    "compensable": "It cannot be undone, but made good by another action.",
    "irreversible": "It cannot be undone.",
}


def _always_waits(tool: ToolSpec) -> bool:
    return tool.category in ALWAYS_HELD or bool(tool.person_field)


def _who_is_asked(tool: ToolSpec, what: str) -> Line:
    word = CATEGORY_WORDS[tool.category]
    if _always_waits(tool):
        return Line("asks", f"{what} waits for a person ({word}).")
    if tool.category == "routine" and not tool.amount_field:
        return Line("asks", f"{what} is put to the policy first, which may let it through ({word}).")
    return Line(
        "asks", f"{what} is put to the policy first, and waits for a person unless it allows ({word})."
    )


def _limits(scope: Scope, tool: str) -> list[Limit]:
    return [limit for limit in scope.limits if limit.tool in ("*", tool)]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"at most {number} times")


def _listed(parts: Iterable[str]) -> str:
    return _joined(list(parts), "and")


def _either(parts: list[str]) -> str:
    return _joined(parts, "or")


def _joined(parts: list[str], word: str) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"
