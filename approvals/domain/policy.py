"""Assess an action: every rule is asked, the strictest finding wins, and silence or an error means HOLD.

It owns the verdict and its tier. It reads neither clock nor database, and it never lets an exception
decide: a rule that fails holds the action, so that a broken policy stops work instead of letting it
through.
"""

from __future__ import annotations

from approvals.domain import money
from approvals.domain.rules import RULES, Rule
from approvals.domain.terms import STRICTNESS, Assessment, Facts, Finding, Policy, Tier


def assess(facts: Facts, policy: Policy, rules: tuple[Rule, ...] = RULES) -> Assessment:
    """The policy's verdict. Never raises."""
    findings = [found for rule in rules if (found := _ask(rule, facts, policy)) is not None]
    if not findings:
        findings = [Finding(decision="hold", rule="hold.no_rule", explanation="No rule covers this action.")]
    # Stable: of several equally strict findings the first rule in the table gives the explanation.
    findings.sort(key=lambda finding: -STRICTNESS.index(finding.decision))
    first = findings[0]
    return Assessment(
        decision=first.decision,
        rule=first.rule,
        explanation=first.explanation,
        tier=tier_of(facts, policy),
        policy=policy.slug,
        policy_revision=policy.revision,
        findings=tuple(findings),
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


def _ask(rule: Rule, facts: Facts, policy: Policy) -> Finding | None:
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
