"""Assess an action: every rule is asked, the strictest finding wins, and silence or an error means HOLD.

It owns the verdict, its tier, and what a hold asks for. It reads neither clock nor database, and it never lets an
exception decide: a rule that fails holds the action, so that a broken policy stops work instead of letting it
through. Below the workflow's policy lie the built-in floor and the organisation's own floor, which can only make a
verdict stricter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from approvals.domain import money, providers
from approvals.domain.conditions import Unclear
from approvals.domain.facts import Book, Reading
from approvals.domain.known import Known
from approvals.domain.rules import FLOOR, PARAMETERS, BuiltIn
from approvals.domain.terms import (
    STRICTNESS,
    TIERS,
    Assessment,
    Clocks,
    Facts,
    Finding,
    Level,
    Policy,
    Rule,
    Tier,
)

FLOOR_PREFIX = "floor."


def assess(
    facts: Facts,
    policy: Policy,
    known: Known | None = None,
    *,
    floor: Policy | None = None,
    built_in: Sequence[BuiltIn] | None = None,
    book: Book | None = None,
) -> Assessment:
    """The policy's verdict. Never raises."""
    reading = Reading(known or Known(facts=facts), book or providers.BOOK)
    asked = built_in if built_in is not None else (*FLOOR, *(() if policy.rules else PARAMETERS))
    findings = [found for rule in asked if (found := _ask(rule, facts, policy)) is not None]
    named = [(policy, rule, "") for rule in policy.rules]
    if floor is not None:
        named += [(floor, rule, FLOOR_PREFIX) for rule in floor.rules if rule.then != "allow"]
    holding: list[tuple[Policy, Rule]] = []
    for owner, rule, prefix in named:
        found = _apply(rule, reading, prefix)
        if found is None:
            continue
        findings.append(found)
        if found.decision == "hold":
            holding.append((owner, rule))
    if not findings:
        findings = [Finding(decision="hold", rule="hold.no_rule", explanation="No rule covers this action.")]
    # Stable: of several equally strict findings the first rule in the table gives the explanation.
    findings.sort(key=lambda finding: -STRICTNESS.index(finding.decision))
    first = findings[0]
    rules = [rule for _, rule in holding]
    tier = _most_urgent([tier_of(facts, policy), *(rule.tier for rule in rules)])
    return Assessment(
        decision=first.decision,
        rule=first.rule,
        explanation=first.explanation,
        tier=tier,
        policy=policy.slug,
        policy_revision=policy.revision,
        findings=tuple(findings),
        levels=_levels(policy, holding),
        clocks=_clocks(policy, tier, rules),
        escalate_to=tuple(dict.fromkeys(group for rule in rules for group in rule.escalate_to))
        or policy.escalate_to,
    )


def tier_of(facts: Facts, policy: Policy) -> Tier:
    """How much is at stake: safety first, then the amount, then what cannot be undone. Never raises."""
    if facts.category == "safety_critical":
        return "critical"
    by_amount = _tier_of_amount(facts, policy)
    if by_amount == "critical":
        return "critical"
    irreversible = facts.reversibility == "irreversible"
    is_lasting_harm = facts.category == "destructive" and irreversible
    if by_amount == "high" or facts.category == "affects_person" or is_lasting_harm:
        return "high"
    if facts.category in ("financial", "destructive") or irreversible:
        return "medium"
    return "low"


def _ask(rule: BuiltIn, facts: Facts, policy: Policy) -> Finding | None:
    try:
        return rule(facts, policy)
    except Exception as error:
        # Not a port boundary, but the one place where any failure has a defined meaning: a person decides.
        name = getattr(rule, "__name__", "a rule")
        return Finding(
            decision="hold",
            rule="hold.rule_failed",
            explanation=f"The rule {name} could not be applied ({type(error).__name__}); a person decides.",
        )


def _apply(rule: Rule, reading: Reading, prefix: str) -> Finding | None:
    try:
        if not reading.matches(rule.when):
            return None
        explanation = reading.filled(rule.explanation or rule.title)
        return Finding(decision=rule.then, rule=f"{prefix}{rule.id}", explanation=explanation)
    except Unclear as unclear:
        why = unclear.message.rstrip(".")
    except Exception as error:
        why = type(error).__name__
    return Finding(
        decision="hold",
        rule=f"{prefix}{rule.id}",
        explanation=f"The rule “{rule.title}” could not be applied ({why}); a person decides.",
    )


def _levels(policy: Policy, holding: Iterable[tuple[Policy, Rule]]) -> tuple[Level, ...]:
    """All levels that the rules which held ask for, each with the most people that any of them wants."""
    found: dict[tuple[str, str], Level] = {}
    for _, rule in holding:
        for level in rule.levels:
            key = (level.name, level.group)
            if key not in found or found[key].need < level.need:
                found[key] = level
    return tuple(found.values()) or policy.levels


def _clocks(policy: Policy, tier: Tier, rules: Iterable[Rule]) -> Clocks:
    own = policy.clocks[tier] if tier in policy.clocks else Policy(slug="").clocks[tier]
    asked = [own, *(rule.clocks for rule in rules if rule.clocks is not None)]
    return Clocks(
        decide_by=min(one.decide_by for one in asked),
        execute_by=min(one.execute_by for one in asked),
        escalate_after=min((one.escalate_after for one in asked if one.escalate_after), default=0),
    )


def _most_urgent(tiers: Iterable[Tier | None]) -> Tier:
    return min((tier for tier in tiers if tier is not None), key=TIERS.index)


def _tier_of_amount(facts: Facts, policy: Policy) -> Tier | None:
    if not facts.moves_money and facts.amount is None and facts.currency is None:
        return None
    amount = money.plain_value(facts.amount)
    if amount is None:
        return "high"
    thresholds = policy.tier_amounts.get(facts.currency or "", policy.tier_amounts.get("*", {}))
    for tier in ("critical", "high"):
        threshold = money.plain_value(thresholds.get(tier))
        if threshold is not None and amount >= threshold:
            return tier
    return None
