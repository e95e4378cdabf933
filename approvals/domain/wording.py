"""What a policy holds, allows and refuses, in plain words: the rules in order, the floor below them, quorum and clocks.

It decides nothing; `policy.assess` does, and these words follow it.
"""

from __future__ import annotations

from collections.abc import Iterable

from approvals.domain import common_cases, money, spans
from approvals.domain.terms import TIERS, Clocks, Decision, Level, Policy, Rule
from orchestrator.domain import specs
from orchestrator.domain.wording import CATEGORY_WORDS, Line, Tone

TONES: dict[Decision, Tone] = {"allow": "may", "hold": "asks", "refuse": "never"}
VERBS: dict[Decision, str] = {"allow": "Allowed", "hold": "Held", "refuse": "Refused"}
FOUR_FIFTHS = "after four fifths of the time"
FLOOR_WORDS = (
    Line(
        "never",
        "Refused whatever a policy says: what the agent's scope does not include, or its limits exceed.",
    ),
    Line("asks", "Held whatever a policy says: financial, safety-critical, and what affects a person."),
)


def policy_in_words(policy: Policy, *, is_floor: bool = False) -> list[Line]:
    """Everything that a policy says, rule by rule."""
    lines = [rule_in_words(rule) for rule in policy.rules]
    if not policy.rules and not is_floor:
        lines += _parameters(policy)
    extra = [CATEGORY_WORDS[name] for name in policy.always_hold if name not in specs.ALWAYS_HELD]
    if extra:
        lines.append(Line("asks", f"Held: what is {_either(extra)}."))
    if is_floor:
        lines.append(Line("says", "It is asked beside every policy, and can only make a verdict stricter."))
    else:
        lines.append(Line("asks", "Held: whatever no rule covers, and whenever a rule cannot be applied."))
    lines += FLOOR_WORDS
    if not is_floor:
        lines.append(Line("says", f"What is held needs {levels_in_words(policy.levels)}."))
        lines.append(Line("says", f"People have {_clocks(policy)} to decide. Silence never approves."))
        lines.append(Line("says", f"{_silence(policy)}."))
        if policy.sample_percent:
            lines.append(
                Line("says", f"{policy.sample_percent} % of what is allowed is reviewed afterwards.")
            )
    return lines


def in_one_line(policy: Policy, *, is_floor: bool = False) -> str:
    """A policy for a list: how many rules, and what they come to."""
    if not policy.rules:
        return "no rules of its own" if is_floor else _parameters_in_one_line(policy)
    counted = [
        f"{verb} by {count} rule{'' if count == 1 else 's'}"
        for decision, verb in (("refuse", "refuses"), ("hold", "holds"), ("allow", "allows"))
        if (count := sum(1 for rule in policy.rules if rule.then == decision))
    ]
    return f"{', '.join(counted)}{'' if is_floor else ', holds the rest'}"


def levels_in_words(levels: Iterable[Level]) -> str:
    """Who must agree: those who are asked together joined by "and", those who come after them by "then"."""
    steps: dict[int, list[str]] = {}
    for level in sorted(levels, key=lambda one: one.order):
        people = "person" if level.need == 1 else "people"
        steps.setdefault(level.order, []).append(f"{level.need} {people} of {level.group}")
    return ", then ".join(" and ".join(together) for together in steps.values()) or "nobody"


def rule_in_words(rule: Rule) -> Line:
    """One rule: its verdict, when it applies, and what it asks for."""
    parts = [f"{VERBS[rule.then]} when {common_cases.in_words(rule.when)}"]
    if rule.levels:
        parts.append(f"needs {levels_in_words(rule.levels)}")
    if rule.tier:
        parts.append(f"at least {rule.tier}")
    if rule.clocks and rule.clocks.sets_a_time:
        parts.append(f"to be decided within {spans.in_words(rule.clocks.decide_by)}")
    if rule.escalate_to or (rule.clocks and rule.clocks.escalate_after):
        whom = _either(list(rule.escalate_to)) or "whom the policy names"
        parts.append(f"silence goes up to {whom}{_after(rule.clocks)}")
    return Line(TONES[rule.then], f"{'; '.join(parts)} ({rule.title}).")


def _parameters(policy: Policy) -> list[Line]:
    lines = []
    plain = [CATEGORY_WORDS[name] for name in policy.allowed if name not in specs.ALWAYS_HELD]
    if plain:
        lines.append(Line("may", f"Allowed: what is {_either(plain)} and moves no money."))
    for category, amounts in policy.limits.items():
        for currency, limit in amounts.items():
            value = money.plain_value(limit)
            if value is not None and category not in specs.ALWAYS_HELD:
                most = money.shown(value, currency)
                lines.append(Line("may", f"Allowed: what is {CATEGORY_WORDS[category]}, up to {most}."))
    return lines


def _parameters_in_one_line(policy: Policy) -> str:
    plain = [CATEGORY_WORDS[name] for name in policy.allowed if name not in specs.ALWAYS_HELD]
    return f"allows what is {_either(plain)}, holds the rest" if plain else "holds everything"


def _clocks(policy: Policy) -> str:
    parts = [
        f"{spans.in_words(policy.clocks[tier].decide_by)} when it is {tier}"
        for tier in TIERS
        if tier in policy.clocks
    ]
    return ", ".join(parts)


def _silence(policy: Policy) -> str:
    whom = _either(list(policy.escalate_to)) or "the administrators"
    set_ = [
        f"after {spans.in_words(policy.clocks[tier].escalate_after)} when it is {tier}"
        for tier in TIERS
        if tier in policy.clocks and policy.clocks[tier].escalate_after
    ]
    when = ", ".join(set_)
    if len(set_) < len(TIERS):
        when = f"{when}, otherwise {FOUR_FIFTHS}" if when else FOUR_FIFTHS
    return f"Silence goes up to {whom} {when}"


def _after(clocks: Clocks | None) -> str:
    return f" after {spans.in_words(clocks.escalate_after)}" if clocks and clocks.escalate_after else ""


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""
