"""What a published revision says: agents, tools, scopes, stages, workflows. Immutable, and pinned by a run.

A run carries its whole WorkflowSpec in its first event, so that what happened can be read years later without
looking at rows that have changed since.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

AgentKind = Literal["code", "model", "external"]
# "external" is the absence of a pattern: the agent runs elsewhere, and only asks and reports.
Pattern = Literal["sequential", "hierarchical", "negotiation", "external"]
Category = Literal["routine", "financial", "safety_critical", "affects_person", "destructive", "outward"]
Reversibility = Literal["reversible", "compensable", "irreversible"]

# The article's three categories, which always wait for a person.
ALWAYS_HELD: tuple[Category, ...] = ("financial", "safety_critical", "affects_person")


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A ceiling on amounts in one currency. Amounts are decimal text; a missing ceiling means none is allowed
    to be exceeded here, not that any amount is fine elsewhere."""

    currency: str
    per_action: str | None = None
    rolling: str | None = None
    window_hours: int = 24
    tool: str = "*"

    @property
    def account(self) -> str:
        """What a rolling limit adds up: a currency over all tools, or over the one tool it names."""
        return self.currency if self.tool == "*" else f"{self.currency} {self.tool}"


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an agent revision may attempt. Default deny: what is not named is refused.

    `tools` are tool names, `categories` the categories of action it may propose, `resources` shell-style
    patterns that an action's target must match (empty: any target), `limits` ceilings on amounts.
    """

    tools: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ("routine",)
    resources: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one invocation of an agent may use. Times are seconds; `cost` is decimal text in USD."""

    turns: int = 20
    total_seconds: float = 300
    idle_seconds: float = 60
    output_tokens: int = 8192
    cost: str | None = None


class AgentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The settings of an agent revision.

    `reference` names the registered Python function of a code agent, or the model of a model agent as
    "provider:model"; an external agent, which runs elsewhere, names its framework or nothing. `owner` is the
    username of the accountable person.
    """

    slug: str
    name: str
    owner: str
    kind: AgentKind = "code"
    reference: str = ""
    revision: int = 0
    digest: str = ""
    instructions: str = ""
    base_url: str = ""
    scope: Scope = Scope()
    budget: Budget = Budget()
    output_schema: dict[str, Any] = {}
    isolated: bool = False
    notes: str = ""


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A tool as an administrator declared it.

    `reads_only` tools run at once; the others are actions and go through the gate, and so does a reading tool
    whose caller chooses an outside target (category "outward"). `parameters` is a JSON Schema of an object.
    The `*_field` names say which argument holds the target, the amount, its currency and the affected person.
    `sentence` is a template over the arguments, such as "Pay {amount} {currency} to {payee}"; `otherwise`, another, says
    what it means for the affected person when the call is not made.
    `non_semantic` arguments are left out of the digest. A tool of an external MCP server names the `server`, its
    `remote` name there, and in `pinned` the digest of what that server said of it when it was declared.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    sentence: str = ""
    otherwise: str = ""
    version: int = 1
    digest: str = ""
    category: Category = "routine"
    reads_only: bool = False
    reversibility: Reversibility = "irreversible"
    idempotent: bool = False
    target_field: str = ""
    amount_field: str = ""
    currency_field: str = ""
    person_field: str = ""
    non_semantic: tuple[str, ...] = ()
    timeout_seconds: float = 60
    server: str = ""
    remote: str = ""
    pinned: str = ""

    @property
    def is_consequential(self) -> bool:
        """Whether a call is an Action that the gate must see."""
        return not self.reads_only or self.category == "outward"


class ValidatorRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A validator by id and version, with its settings. The callable itself is never stored."""

    id: str
    version: int = 1
    settings: dict[str, Any] = {}


class StageSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One stage of a sequential workflow.

    `inputs` maps the names the agent sees to where they come from: "run.<name>" (a part of the run's input) or
    "<stage>" / "<stage>.<field>" (an earlier stage's accepted output). An agent is shown only what is named.
    `repairs` bounds how often the agent may try again with the failure text (at most 3).
    `required_actions`: the stage fails when one of its actions is refused.
    """

    name: str
    agent: str
    inputs: dict[str, str] = {}
    input_schema: dict[str, Any] = {}
    output_schema: dict[str, Any] = {}
    validators: tuple[ValidatorRef, ...] = ()
    repairs: int = 3
    required_actions: bool = False


class Assumption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One assumption that the pattern rests on, the author's answer, and what the system found.

    `holds` is what the author says, `reason` why. `checked` is None where the system cannot tell.
    """

    id: str
    holds: bool = False
    reason: str = ""
    checked: bool | None = None
    finding: str = ""


class WorkflowSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The settings of a workflow revision, with every agent and tool it uses."""

    slug: str
    name: str
    owner: str
    pattern: Pattern = "sequential"
    description: str = ""
    revision: int = 0
    digest: str = ""
    stages: tuple[StageSpec, ...] = ()
    agents: dict[str, AgentSpec] = {}
    tools: dict[str, ToolSpec] = {}
    assumptions: tuple[Assumption, ...] = ()
    policy: str = "strict"
    input_schema: dict[str, Any] = {}
    rework_cap: int = 2
    deadline_seconds: int | None = None
    cost_limit: str | None = None

    def stage(self, name: str) -> StageSpec:
        return next(stage for stage in self.stages if stage.name == name)
