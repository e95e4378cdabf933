"""Whether settings may be published: names that fit an address, bounded text without hidden characters, limits
that are amounts, fields that exist. Each fault names its field, so that a form can show it where it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.domain import currencies, model_providers, patterns, schemas
from orchestrator.domain.specs import AgentSpec, ToolSpec, WorkflowSpec

MAX_NAME = 100
MAX_TEXT = 2000
MAX_INSTRUCTIONS = 50_000
MAX_SCHEMA = 100_000
MAX_STAGES = 30
RESERVED = frozenset({"new", "outside", "preview", "system"})

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_TOOL = re.compile(r"[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39}){0,4}")
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")
_URL = re.compile(r"https?://[^\s/?#]+[^\s]*")
_KEYED = re.compile(r"https?://[^/?#]*@")
_PLACE = re.compile(r"\{([^{}]*)\}")


class Fault(NamedTuple):
    """What is wrong with one field, and what to do about it."""

    field: str
    text: str


def agent_faults(spec: AgentSpec) -> list[Fault]:
    """Everything that keeps an agent from being published."""
    return [
        *_named(spec.slug, spec.name, "slug", "An agent"),
        *_plain("notes", spec.notes, MAX_TEXT),
        *_plain("instructions", spec.instructions, MAX_INSTRUCTIONS),
        *_means(spec),
        *_scope(spec),
        *_budget(spec),
        *_schema("output_schema", spec.output_schema),
    ]


def tool_faults(spec: ToolSpec) -> list[Fault]:
    """Everything that keeps a tool from being declared."""
    found: list[Fault] = []
    if not _TOOL.fullmatch(spec.name) or spec.name in RESERVED:
        found.append(
            Fault("name", "A tool's name is made of small letters, digits, _ and dots, as in notes.send.")
        )
    found += _plain("description", spec.description, MAX_TEXT)
    found += _plain("sentence", spec.sentence, 300)
    found += _plain("otherwise", spec.otherwise, 300)
    if not spec.description.strip():
        found.append(Fault("description", "Say in a sentence what it does: agents and reviewers read it."))
    if not 0 < spec.timeout_seconds <= 3600:
        found.append(Fault("timeout_seconds", "The time limit is between 1 second and an hour."))
    found += _schema("parameters", spec.parameters)
    if any(fault.field == "parameters" for fault in found):
        return found
    known = set(spec.parameters.get("properties", {}))
    for field in ("target_field", "amount_field", "currency_field", "person_field"):
        named = getattr(spec, field)
        if named and named not in known:
            found.append(Fault(field, f"{named!r} is no argument of {spec.name}."))
    if spec.category == "financial" and not (spec.amount_field and spec.currency_field):
        missing = "currency_field" if spec.amount_field else "amount_field"
        found.append(
            Fault(missing, "A financial tool says which arguments hold the amount and its currency.")
        )
    if bool(spec.amount_field) != bool(spec.currency_field) and spec.category != "financial":
        missing = "currency_field" if spec.amount_field else "amount_field"
        found.append(Fault(missing, "An amount needs its currency, and a currency its amount."))
    semantic = {spec.target_field, spec.amount_field, spec.currency_field, spec.person_field} - {""}
    for name in spec.non_semantic:
        if name not in known:
            found.append(Fault("non_semantic", f"{name!r} is no argument of {spec.name}."))
        elif name in semantic:
            found.append(
                Fault("non_semantic", f"{name} decides what is signed off, so the digest must cover it.")
            )
    for field in ("sentence", "otherwise"):
        for name in _PLACE.findall(getattr(spec, field)):
            if name not in known:
                found.append(Fault(field, f"{{{name}}} is no argument of {spec.name}."))
    return found


def workflow_faults(spec: WorkflowSpec) -> list[Fault]:
    """Everything that keeps a workflow, its agents and tools pinned, from being published or run."""
    found = [
        *_named(spec.slug, spec.name, "slug", "A workflow"),
        *_plain("description", spec.description, MAX_TEXT),
    ]
    if not _SLUG.fullmatch(spec.policy):
        found.append(Fault("policy", "Name the policy that decides its actions, such as strict."))
    if not 0 <= spec.rework_cap <= 10:
        found.append(Fault("rework_cap", "Work may be sent back 0 to 10 times."))
    if len(spec.stages) > MAX_STAGES:
        found.append(Fault("stages", f"A workflow has at most {MAX_STAGES} stages. Divide it."))
    for stage in spec.stages:
        if not _SLUG.fullmatch(stage.name) or stage.name == "run":
            found.append(
                Fault("stages", f"The stage name {stage.name[:60]!r} must be small letters, digits, - or _.")
            )
        for schema in (stage.input_schema, stage.output_schema):
            found += [Fault("stages", f"Stage {stage.name!r}: {text}") for _, text in _schema("", schema)]
    found += _schema("input_schema", spec.input_schema)
    if spec.pattern not in patterns.names():
        return [*found, Fault("pattern", f"The pattern {spec.pattern!r} cannot be run by this version.")]
    found += [Fault("stages", text) for text in patterns.find(spec.pattern).faults(spec)]
    for agent in spec.agents.values():
        if agent.kind == "external":
            found.append(
                Fault("stages", f"Agent {agent.slug!r} runs elsewhere, so no stage of ours can ask it.")
            )
        for name in agent.scope.tools:
            if name not in spec.tools:
                found.append(
                    Fault(
                        "stages",
                        f"Agent {agent.slug!r} may use {name!r}, which is not declared. Declare it first.",
                    )
                )
    return found


def hidden_characters(text: str) -> list[str]:
    """The characters a reader would not see, by number ("U+202E"), in the order in which they come."""
    found = [
        f"U+{ord(character):04X}"
        for character in text
        if character not in "\n\r\t"
        and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    ]
    return list(dict.fromkeys(found))


def _named(slug: str, name: str, field: str, what: str) -> Iterator[Fault]:
    if not _SLUG.fullmatch(slug):
        yield Fault(field, "Use small letters, digits, - and _, at most 60, as in invoice-reader.")
    elif slug in RESERVED:
        yield Fault(field, f"{slug!r} is taken by an address of Countersign. Choose another.")
    if not name.strip():
        yield Fault("name", f"{what} needs a name that people will read.")
    yield from _plain("name", name, MAX_NAME)


def _plain(field: str, text: str, most: int) -> Iterator[Fault]:
    if len(text) > most:
        yield Fault(field, f"This has {len(text):,} characters; {most:,} are allowed.")
    hidden = hidden_characters(text)
    if hidden:
        listed = ", ".join(hidden[:5])
        yield Fault(field, f"This holds characters that nobody can see ({listed}). Take them out.")


def _means(spec: AgentSpec) -> Iterator[Fault]:
    if not spec.reference.strip() and spec.kind != "external":
        yield Fault("reference", "Say which registered function or model this agent is.")
    yield from _plain("reference", spec.reference, 200)
    if spec.kind == "model" and spec.reference and ":" not in spec.reference:
        yield Fault("reference", "Name the model with its provider, as in openai:gpt-5 or ollama:qwen3.")
    elif spec.kind == "model" and spec.reference and not spec.base_url:
        provider = spec.reference.partition(":")[0]
        if not model_providers.is_known(provider):
            yield Fault("reference", model_providers.unknown(provider))
    if spec.base_url and not _URL.fullmatch(spec.base_url):
        yield Fault("base_url", "This is no address of a server, as in http://127.0.0.1:11434/v1.")
    elif _KEYED.match(spec.base_url):
        yield Fault(
            "base_url",
            "Leave name and password out of the address: everybody who reads this agent would see them. "
            "Its key belongs in the environment.",
        )
    if spec.kind == "model" and not spec.instructions.strip():
        yield Fault("instructions", "Tell the model what its work is.")


def _scope(spec: AgentSpec) -> Iterator[Fault]:
    for pattern in spec.scope.resources:
        yield from _plain("resources", pattern, 200)
    windows: dict[str, int] = {}
    for limit in spec.scope.limits:
        # Totals are kept by account: with two windows one of them would be weighed with the other's total.
        if (
            limit.rolling is not None
            and windows.setdefault(limit.account, limit.window_hours) != limit.window_hours
        ):
            yield Fault(
                "limits",
                f"The rolling limits in {limit.currency[:10]} cover different hours. Use one window.",
            )
        if not currencies.is_known(limit.currency):
            yield Fault("limits", currencies.unknown(limit.currency))
        for amount in (limit.per_action, limit.rolling):
            if amount is not None and not _AMOUNT.fullmatch(amount):
                yield Fault("limits", f"{amount[:30]!r} is no amount. Write it as 10000.00.")
        if limit.per_action is None and limit.rolling is None:
            yield Fault("limits", f"The limit in {limit.currency} says no amount.")
        if not 1 <= limit.window_hours <= 24 * 366:
            yield Fault("limits", "A rolling limit covers 1 hour to a year.")
        if limit.tool != "*" and limit.tool not in spec.scope.tools:
            yield Fault("limits", f"A limit names {limit.tool[:60]!r}, which the scope does not.")


def _budget(spec: AgentSpec) -> Iterator[Fault]:
    budget = spec.budget
    if not 1 <= budget.turns <= 200:
        yield Fault("turns", "An agent has 1 to 200 turns in a stage.")
    if not 0 < budget.total_seconds <= 86_400:
        yield Fault("total_seconds", "The time limit is between 1 second and a day.")
    if not 0 < budget.idle_seconds <= 86_400:
        yield Fault("idle_seconds", "The idle limit is between 1 second and a day.")
    if not 1 <= budget.output_tokens <= 1_000_000:
        yield Fault("output_tokens", "A reply has 1 to 1,000,000 tokens.")
    if budget.cost is not None and not _AMOUNT.fullmatch(budget.cost):
        yield Fault("cost", "Write the cost limit as an amount in USD, such as 2.50.")


def _schema(field: str, schema: Mapping[str, Any]) -> Iterator[Fault]:
    try:
        schemas.check_schema(schema)
    except schemas.UnusableSchema as error:
        yield Fault(field, error.message)
