"""The rules that are built in: the floor below every policy, and those that read a policy's parameters.

Each reads the facts and the parameters and finds one thing, or nothing: it refuses what the scope forbids, holds what
a person must see, allows what is plainly fine. It never looks at another rule: which finding counts is decided in
`policy.assess`. The rules that an administrator writes are data (`terms.Rule`).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fnmatch import fnmatchcase

from approvals.domain import money
from approvals.domain.terms import Facts, Finding, Policy
from orchestrator.domain import specs

BuiltIn = Callable[[Facts, Policy], Finding | None]

CATEGORY_WORDS: dict[str, str] = {
    "routine": "routine",
    "financial": "financial",
    "safety_critical": "safety-critical",
    "affects_person": "about a person",
    "destructive": "destructive",
    "outward": "outward communication",
}


def tool_outside_scope(facts: Facts, policy: Policy) -> Finding | None:
    if facts.tool in facts.scope.tools:
        return None
    return _refuse("scope.tool", f"The scope of {facts.agent} does not include the tool {facts.tool}.")


def category_outside_scope(facts: Facts, policy: Policy) -> Finding | None:
    if facts.category in facts.scope.categories:
        return None
    word = CATEGORY_WORDS[facts.category]
    return _refuse("scope.category", f"The scope of {facts.agent} does not include {word} actions.")


def target_outside_scope(facts: Facts, policy: Policy) -> Finding | None:
    patterns = facts.scope.resources
    if not patterns or any(fnmatchcase(facts.target, pattern) for pattern in patterns):
        return None
    what = f"The target {facts.target[:200]!r}" if facts.target else "An action without a target"
    return _refuse("scope.target", f"{what} is outside the scope's patterns: {', '.join(patterns)}.")


def currency_outside_scope(facts: Facts, policy: Policy) -> Finding | None:
    covered = {limit.currency for limit in _limits(facts)}
    if not covered or facts.currency in covered or facts.currency not in money.MINOR_UNITS:
        return None
    names = ", ".join(sorted(covered))
    return _refuse("scope.currency", f"The scope sets limits in {names}; {facts.currency} is not among them.")


def over_action_limit(facts: Facts, policy: Policy) -> Finding | None:
    amount = money.plain_value(facts.amount)
    for limit in _limits(facts):
        ceiling = _ceiling(limit.per_action)
        if limit.currency != facts.currency or amount is None or ceiling is None or amount <= ceiling:
            continue
        asked, most = money.shown(amount, limit.currency), money.shown(ceiling, limit.currency)
        return _refuse("scope.per_action", f"{asked} is over the scope's limit of {most} for one action.")
    return None


def over_rolling_limit(facts: Facts, policy: Policy) -> Finding | None:
    amount = money.plain_value(facts.amount)
    for limit in _limits(facts):
        ceiling = _ceiling(limit.rolling)
        if limit.currency != facts.currency or amount is None or ceiling is None:
            continue
        total = Decimal(facts.rolling.get(limit.account, "0")) + amount
        if total > ceiling:
            reached, most = money.shown(total, limit.currency), money.shown(ceiling, limit.currency)
            return _refuse(
                "scope.rolling",
                f"With this action the total of {limit.window_hours} hours would be {reached}, "
                f"over the scope's limit of {most}.",
            )
    return None


def unclassified_tool(facts: Facts, policy: Policy) -> Finding | None:
    if facts.is_classified:
        return None
    return _hold(
        "hold.unclassified", f"Nobody declared {facts.tool}, and its name does not say what it does."
    )


def always_held(facts: Facts, policy: Policy) -> Finding | None:
    if facts.category not in _held(facts, policy):
        return None
    amount = f" of {_amount(facts)}" if facts.amount else ""
    word = CATEGORY_WORDS[facts.category]
    return _hold(f"hold.{facts.category}", f"This action{amount} is {word}: a person always decides.")


def affects_a_person(facts: Facts, policy: Policy) -> Finding | None:
    if not facts.person or facts.category == "affects_person":
        return None
    return _hold("hold.person", "This action names a person whom it affects: a person always decides.")


def unreadable_money(facts: Facts, policy: Policy) -> Finding | None:
    if not facts.is_declared or (not _moves_money(facts) and facts.category != "financial"):
        return None
    try:
        money.read(facts.amount, facts.currency)
    except money.Unreadable as unreadable:
        return _hold("hold.money", f"The money cannot be read exactly: {unreadable.message}.")
    return None


def over_policy_limit(facts: Facts, policy: Policy) -> Finding | None:
    if facts.category in _held(facts, policy) or (
        facts.category in policy.allowed and not _moves_money(facts)
    ):
        return None
    what = f"what is {CATEGORY_WORDS[facts.category]}"
    if facts.amount is None:
        return _hold("hold.no_amount", f"There is no amount to compare with a limit for {what}.")
    limit = _ceiling(policy.limits.get(facts.category, {}).get(facts.currency or ""))
    if limit is None:
        return _hold("hold.no_limit", f"The policy sets no limit in this currency for {what}.")
    most = money.shown(limit, facts.currency or "")
    amount = money.plain_value(facts.amount)
    if amount is None or amount > limit:
        return _hold("hold.over_limit", f"{_amount(facts)} is over the policy's limit of {most} for {what}.")
    return _allow(
        "allow.within_limit", f"{_amount(facts)} is within the policy's limit of {most} for {what}."
    )


def allowed_category(facts: Facts, policy: Policy) -> Finding | None:
    if facts.category not in policy.allowed or _moves_money(facts):
        return None
    return _allow("allow.category", f"This action is {CATEGORY_WORDS[facts.category]} and moves no money.")


# Below every policy, whatever it says.
FLOOR: tuple[BuiltIn, ...] = (
    tool_outside_scope,
    category_outside_scope,
    target_outside_scope,
    currency_outside_scope,
    over_action_limit,
    over_rolling_limit,
    unclassified_tool,
    always_held,
    affects_a_person,
    unreadable_money,
)
# What a policy's parameters say, when it has no rules of its own.
PARAMETERS: tuple[BuiltIn, ...] = (over_policy_limit, allowed_category)


def _moves_money(facts: Facts) -> bool:
    return facts.moves_money or facts.amount is not None or facts.currency is not None


def _held(facts: Facts, policy: Policy) -> frozenset[specs.Category]:
    """What always waits: the policy's own list, and for every tool that was declared the floor's."""
    return frozenset((*policy.always_hold, *(specs.ALWAYS_HELD if facts.is_declared else ())))


def _limits(facts: Facts) -> list[specs.Limit]:
    return [limit for limit in facts.scope.limits if limit.tool in ("*", facts.tool)]


def _ceiling(text: str | None) -> Decimal | None:
    """A limit as a number. A limit that is not plain decimal text is an error, which holds the action."""
    if text is None:
        return None
    value = money.plain_value(text)
    if value is None:
        raise money.Unreadable("the limit is not plain decimal text")
    return value


def _amount(facts: Facts) -> str:
    value = money.plain_value(facts.amount)
    if value is None or facts.currency not in money.MINOR_UNITS:
        return "an amount that cannot be read"
    return money.shown(value, facts.currency or "")


def _refuse(rule: str, explanation: str) -> Finding:
    return Finding(decision="refuse", rule=rule, explanation=explanation)


def _hold(rule: str, explanation: str) -> Finding:
    return Finding(decision="hold", rule=rule, explanation=explanation)


def _allow(rule: str, explanation: str) -> Finding:
    return Finding(decision="allow", rule=rule, explanation=explanation)
