"""The fact that a policy was published: its revision and all its parameters."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import msgspec

from approvals.domain import common_cases, money
from approvals.domain.common_cases import Common
from approvals.domain.terms import Policy, Rule
from orchestrator.domain import digests, specs


class PolicyPublished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One revision of a policy's parameters, with who published it and the digest that names them."""

    TYPE: ClassVar[str] = "policy.published"
    slug: str
    revision: int
    title: str
    digest: str
    parameters: Policy
    published_by: str
    published_at: dt.datetime
    notes: str = ""


# Parameters that came later. Unused they are left out, so that what was published before keeps its bytes and digest.
_LATER = ("rules", "sample_percent", "escalate_to")


def parameters_of(policy: Policy) -> bytes:
    """The canonical bytes that a policy's digest covers. The revision is left out: equal parameters are equal."""
    plain = msgspec.to_builtins(msgspec.structs.replace(policy, revision=0))
    for name in _LATER:
        if not plain[name]:
            del plain[name]
    return digests.canonical(plain)


def decode(payload: bytes) -> PolicyPublished:
    return msgspec.json.decode(payload, type=PolicyPublished)


def with_rules(policy: Policy) -> Policy:
    """The same policy with its parameters written as rules, so that it can be edited rule by rule.

    What it allows and holds stays the same; a policy that has rules, or nothing to write, is returned as it is.
    """
    if policy.rules:
        return policy
    rules: list[Rule] = []
    allowed = tuple(name for name in policy.allowed if name not in specs.ALWAYS_HELD)
    if allowed:
        common = Common(categories=allowed, moves_no_money=True)
        rules.append(
            Rule(
                id="plain",
                title="What moves no money",
                when=common_cases.condition(common),
                then="allow",
                explanation="This action is {action.category} and moves no money.",
            )
        )
    for category, amounts in policy.limits.items():
        for currency, limit in amounts.items():
            if category in specs.ALWAYS_HELD or currency not in money.MINOR_UNITS:
                continue
            common = Common(categories=(category,), currency=currency, upto=limit)
            rules.append(
                Rule(
                    id=f"{category}_{currency.lower()}",
                    title=f"Small amounts, {category.replace('_', ' ')}",
                    when=common_cases.condition(common),
                    then="allow",
                    explanation=common_cases.sentence(common),
                )
            )
    return msgspec.structs.replace(policy, rules=tuple(rules), allowed=(), limits={}) if rules else policy
