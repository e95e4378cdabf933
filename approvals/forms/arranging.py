"""The forms of a policy from where their values come: what is published, what was sent, what was moved about.

A step adds, removes or moves one row and examines nothing: what was typed is shown again, and the field to go on with
has the focus. The same steps serve the levels of the policy and those of each rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group

from approvals.domain import soundness
from approvals.domain.terms import Policy
from approvals.forms import policies as forms
from approvals.forms.levels import AFTER, count, level_rows, sent_levels, shown_levels, typed_levels
from approvals.forms.rules import RuleForm, rule_initial, typed_rule
from orchestrator.forms import parts

RULE_STEPS = {"add", "remove", "up", "down"}
LEVEL_STEPS = {"level", "unlevel", "levelup", "leveldown"}
STEPS = RULE_STEPS | LEVEL_STEPS


def unbound(spec: Policy, current: Policy | None) -> forms.PolicyForms:
    """The forms of a policy as it stands."""
    rules = [rule_initial(rule) for rule in spec.rules]
    return _build(forms.policy_initial(spec), level_rows(spec.levels), rules, current)


def sent(data: Mapping[str, Any], current: Policy | None) -> forms.PolicyForms:
    """The forms as a browser sent them."""
    groups = _groups()
    kept = {rule.id: rule for rule in current.rules} if current else {}
    own_initial = forms.policy_initial(current) if current else {}
    return forms.PolicyForms(
        forms.PolicyForm(data, initial=own_initial, is_new=current is None, groups=groups),
        sent_levels(data, "", groups),
        [
            _sent_rule(data, f"rule-{at}", groups, kept)
            for at in range(count(data, "rules", soundness.MAX_RULES))
        ],
        current,
    )


def rearranged(data: Mapping[str, Any], current: Policy | None, step: str, place: str) -> forms.PolicyForms:
    """What was typed, with one rule or level added, removed or moved; nothing is examined yet.

    `place` is the number of the row; for a rule's level "2.0", the rule's number first.
    """
    rules = [typed_rule(data, f"rule-{at}") for at in range(count(data, "rules", soundness.MAX_RULES))]
    levels = typed_levels(data, "")
    rule, dot, row = place.partition(".")
    if step in RULE_STEPS:
        _move(rules, step, place, soundness.MAX_RULES, {"hour_from": 8, "hour_until": 18, "then": "hold"})
    elif not dot:
        _move(levels, step.removeprefix("level") or "add", place, soundness.MAX_LEVELS, _new_level(levels))
    elif (at := _number(rule, len(rules))) >= 0:
        own = rules[at]["levels"]
        _move(own, step.removeprefix("level") or "add", row, soundness.MAX_LEVELS, _new_level(own))
    given = parts.typed(data, forms.PolicyForm)
    given["escalate_to"] = data.getlist("escalate_to") if hasattr(data, "getlist") else []
    if current:
        given["slug"] = current.slug
    return _build(given, levels, rules, current)


def focus_after(shown: forms.PolicyForms, step: str, place: str) -> str:
    """The button that has the focus after a step: a row that moved is followed, so that it can be moved on."""
    rule, dot, row = place.rpartition(".")
    at, of_rule = _number(row, soundness.MAX_RULES), _number(rule, len(shown.rules))
    if step in {"remove", "unlevel"} or at < 0:
        return {"remove": "add", "unlevel": f"level-{rule}." if dot else "level"}.get(step, "")
    rows = (
        shown.rules if step in RULE_STEPS else shown.rules[of_rule].levels if of_rule >= 0 else shown.levels
    )
    kind = "level" if step in LEVEL_STEPS else ""
    now = at - 1 if step.endswith("up") else at + 1
    goes_on = step.endswith("up") if 0 < now < len(rows) - 1 else now > 0
    return f"{kind}{'up' if goes_on else 'down'}-{rule}{dot}{now}"


def _move(rows: list[dict[str, Any]], step: str, place: str, most: int, new: dict[str, Any]) -> None:
    at = _number(place, len(rows))
    if step == "add" and len(rows) < most:
        rows.append(new)
    elif step in {"remove", "unlevel"} and at >= 0:
        gone = rows.pop(at)
        if gone.get("opens") == AFTER and at < len(rows):
            rows[at]["opens"] = AFTER
    elif step in {"up", "down"} and at >= 0:
        other = at - 1 if step == "up" else at + 1
        if 0 <= other < len(rows):
            rows[at], rows[other] = rows[other], rows[at]
            _keep_order(rows[at], rows[other])


def _keep_order(one: dict[str, Any], other: dict[str, Any]) -> None:
    """When a level is asked belongs to its place: people who change places leave the order of the places as it was."""
    if "opens" in one and "opens" in other:
        one["opens"], other["opens"] = other["opens"], one["opens"]


def _new_level(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"need": 1, "opens": AFTER if rows else "", "is_new": True}


def _number(text: str, below: int) -> int:
    """A row's number, -1 when there is no such row."""
    is_number = text.isascii() and text.isdigit() and len(text) < 4
    return int(text) if is_number and int(text) < below else -1


def _build(
    own: dict[str, Any], levels: list[dict[str, Any]], rules: list[dict[str, Any]], current: Policy | None
) -> forms.PolicyForms:
    groups = _groups()
    return forms.PolicyForms(
        forms.PolicyForm(initial=own, is_new=current is None, groups=groups),
        shown_levels(levels, "", groups),
        [
            RuleForm(initial=row, prefix=f"rule-{at}", groups=groups, auto_id="id_%s")
            for at, row in enumerate(rules)
        ],
        current,
    )


def _sent_rule(data: Mapping[str, Any], prefix: str, groups: list[str], kept: Mapping[str, Any]) -> RuleForm:
    return RuleForm(data, prefix=prefix, groups=groups, kept=kept.get(data.get(f"{prefix}-id", "")))


def _groups() -> list[str]:
    return list(Group.objects.order_by("name").values_list("name", flat=True))
