"""What a policy is asked with and answers with: facts, parameters, findings. Plain values, no judgement.

The parameters are what an administrator publishes; a revision of them is immutable. `Facts` holds what the floor
below every policy needs; everything else that a condition may name is read by `providers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from orchestrator.domain import specs

Decision = Literal["allow", "hold", "refuse"]
Tier = Literal["critical", "high", "medium", "low"]

# Strictest last: the strictest finding is the verdict.
STRICTNESS: tuple[Decision, ...] = ("allow", "hold", "refuse")
# Most urgent first: the order of the inbox.
TIERS: tuple[Tier, ...] = ("critical", "high", "medium", "low")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an action when it is assessed. Amounts are decimal text.

    `moves_money` says that the tool was declared with an amount, whether or not this call gives a readable one.

    `rolling` is what the agent has spent or reserved in its scope's window, by Limit.account, without this action.

    `is_declared` says that an administrator declared the tool. The tools of recorded runs are not: what they do is
    guessed from a table, and `is_classified` says whether the table knew.
    """

    agent: str
    tool: str
    category: specs.Category
    scope: specs.Scope
    reversibility: specs.Reversibility = "irreversible"
    target: str = ""
    amount: str | None = None
    currency: str | None = None
    moves_money: bool = False
    person: str | None = None
    rolling: Mapping[str, str] = {}
    reads_only: bool = False
    is_declared: bool = True
    is_classified: bool = True


class Level(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One level of a quorum: `need` different people of the group `group`.

    A level opens when those of lower `order` are filled; levels of one order are open together.
    """

    name: str
    group: str
    need: int
    order: int = 0


LONGEST = 30 * 86_400  # nobody has longer to decide


class Clocks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The two clocks of a tier, in seconds: how long people have to decide, and then the executor to act.

    A request about which people are silent goes up after `escalate_after`; 0 is four fifths of the time to decide.
    """

    decide_by: int
    execute_by: int
    escalate_after: int = 0

    @property
    def sets_a_time(self) -> bool:
        """Whether a rule's clocks shorten the time to decide; the longest possible shortens nothing."""
        return self.decide_by < LONGEST


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A named rule: when its condition (CEL over the facts) matches, its verdict is a finding.

    `explanation` is the sentence that people read; {names of facts} in braces are filled with what was found. A rule
    that holds may ask for levels of its own, raise the tier, shorten the clocks, or name the groups to which silence
    goes up.
    """

    id: str
    title: str
    when: str
    then: Decision
    explanation: str = ""
    levels: tuple[Level, ...] = ()
    tier: Tier | None = None
    clocks: Clocks | None = None
    escalate_to: tuple[str, ...] = ()


MINUTE, HOUR = 60, 3600
TIER_AMOUNTS: dict[str, dict[Tier, str]] = {"*": {"critical": "100000", "high": "10000"}}
CLOCKS: dict[Tier, Clocks] = {
    "critical": Clocks(decide_by=15 * MINUTE, execute_by=5 * MINUTE),
    "high": Clocks(decide_by=4 * HOUR, execute_by=15 * MINUTE),
    "medium": Clocks(decide_by=24 * HOUR, execute_by=HOUR),
    "low": Clocks(decide_by=72 * HOUR, execute_by=4 * HOUR),
}


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of one policy revision.

    `always_hold` are the categories that wait for a person whatever the amount. `limits` gives, by category
    and currency, the amount up to which the other categories pass; a category without one for the currency
    waits. `allowed` are the categories that pass when they move no money. `tier_amounts` gives by currency
    ("*": any other) the amounts from which a held action is critical and high.

    `rules` take the place of `limits` and `allowed` when there are any: the strictest that matches decides, and what
    none matches is held. `sample_percent` of the allowed actions are put before reviewers afterwards.

    `escalate_to` are the groups to which a silent request goes up when its rules name none; without any it is the
    administrators.
    """

    slug: str
    revision: int = 0
    title: str = ""
    always_hold: tuple[specs.Category, ...] = specs.ALWAYS_HELD
    limits: dict[specs.Category, dict[str, str]] = {}
    allowed: tuple[specs.Category, ...] = ("routine",)
    tier_amounts: dict[str, dict[Tier, str]] = msgspec.field(default_factory=lambda: dict(TIER_AMOUNTS))
    levels: tuple[Level, ...] = (Level(name="reviewers", group="reviewer", need=1),)
    clocks: dict[Tier, Clocks] = msgspec.field(default_factory=lambda: dict(CLOCKS))
    rules: tuple[Rule, ...] = ()
    sample_percent: int = 0
    escalate_to: tuple[str, ...] = ()


STRICT = Policy(slug="strict", title="Everything of consequence waits for a person")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule found: its answer, its id, and the sentence with its numbers."""

    decision: Decision
    rule: str
    explanation: str


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The policy's answer: the strictest finding first, the tier, and every finding as its evidence.

    `levels`, `clocks` and `escalate_to` are what a hold asks for: the policy's own, or those of the rules that held.
    """

    decision: Decision
    rule: str
    explanation: str
    tier: Tier
    policy: str
    policy_revision: int
    findings: tuple[Finding, ...] = ()
    levels: tuple[Level, ...] = ()
    clocks: Clocks | None = None
    escalate_to: tuple[str, ...] = ()
