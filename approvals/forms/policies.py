"""The forms of a policy: what it is, who must agree, and its rules together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django import forms

from approvals.domain import soundness, terms
from approvals.domain.terms import TIERS, Clocks, Policy, Tier
from approvals.forms.levels import ESCALATE_HELP, LevelForm, at_row, levels_of
from approvals.forms.rules import MINUTE, RuleForm, amount
from orchestrator.domain.soundness import Fault
from orchestrator.forms.parts import SpecForm, offer

# Where the domain's names for the parts of a rule stand in its form.
RULE_FIELDS = {"when": "text", "clocks": "decide_minutes", "clocks.escalate_after": "escalate_minutes"}
# What a new policy starts from: without a rule everything is held.
NEW = Policy(slug="", always_hold=(), allowed=())


def goes_up_after() -> forms.FloatField:
    return forms.FloatField(label="to go up", min_value=1, max_value=43_200, required=False)


class PolicyForm(SpecForm):
    """What a policy is, apart from its rules and levels."""

    aliases = {
        "tier_amounts": "high",
        "clocks": "decide_critical",
        **{f"clocks.{tier}": f"decide_{tier}" for tier in TIERS},
        **{f"clocks.{tier}.escalate_after": f"escalate_{tier}" for tier in TIERS},
    }

    slug = forms.CharField(
        label="Short name", max_length=60, help_text="Workflows name it. It stays for ever."
    )
    title = forms.CharField(max_length=soundness.MAX_TITLE, help_text="What it is for, in a few words.")
    sample_percent = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=100,
        initial=0,
        label="Reviewed afterwards, %",
        help_text="So many in a hundred allowed actions are shown to reviewers.",
    )
    high = amount("High from", "In any currency that has no amount of its own.")
    critical = amount("Critical from")
    decide_critical = forms.FloatField(label="Critical: to decide", min_value=1, max_value=43_200)
    execute_critical = forms.FloatField(label="to act", min_value=0.5, max_value=10_080)
    decide_high = forms.FloatField(label="High: to decide", min_value=1, max_value=43_200)
    execute_high = forms.FloatField(label="to act", min_value=0.5, max_value=10_080)
    decide_medium = forms.FloatField(label="Medium: to decide", min_value=1, max_value=43_200)
    execute_medium = forms.FloatField(label="to act", min_value=0.5, max_value=10_080)
    decide_low = forms.FloatField(label="Low: to decide", min_value=1, max_value=43_200)
    execute_low = forms.FloatField(label="to act", min_value=0.5, max_value=10_080)
    escalate_critical, escalate_high, escalate_medium, escalate_low = (goes_up_after() for _ in TIERS)
    escalate_to = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Silence goes up to",
        help_text=ESCALATE_HELP,
    )

    def __init__(self, *args: Any, groups: Sequence[str] = (), is_new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "escalate_to", [(group, group) for group in groups])
        self.fields["slug"].disabled = not is_new

    def clocks(self) -> dict[Tier, Clocks]:
        return {
            tier: Clocks(
                decide_by=round(self.given(f"decide_{tier}", terms.CLOCKS[tier].decide_by / MINUTE) * MINUTE),
                execute_by=round(
                    self.given(f"execute_{tier}", terms.CLOCKS[tier].execute_by / MINUTE) * MINUTE
                ),
                escalate_after=round(self.given(f"escalate_{tier}", 0) * MINUTE),
            )
            for tier in TIERS
        }

    @property
    def clock_fields(self) -> list[tuple[Any, Any, Any]]:
        return [(self[f"decide_{tier}"], self[f"execute_{tier}"], self[f"escalate_{tier}"]) for tier in TIERS]


def policy_initial(policy: Policy) -> dict[str, Any]:
    """A policy as the initial values of its own form."""
    amounts = policy.tier_amounts.get("*", {})
    found: dict[str, Any] = {
        "slug": policy.slug,
        "title": policy.title,
        "sample_percent": policy.sample_percent,
        "high": amounts.get("high", ""),
        "critical": amounts.get("critical", ""),
        "escalate_to": list(policy.escalate_to),
    }
    for tier in TIERS:
        clocks = policy.clocks.get(tier, terms.CLOCKS[tier])
        found[f"decide_{tier}"] = f"{clocks.decide_by / MINUTE:g}"
        found[f"execute_{tier}"] = f"{clocks.execute_by / MINUTE:g}"
        found[f"escalate_{tier}"] = f"{clocks.escalate_after / MINUTE:g}" if clocks.escalate_after else None
    return found


class PolicyForms:
    """All forms of a policy together. What no field shows is kept as the policy that was edited has it."""

    def __init__(
        self, own: PolicyForm, levels: list[LevelForm], rules: list[RuleForm], current: Policy | None
    ) -> None:
        self.own, self.levels, self.rules, self.current = own, levels, rules, current

    @property
    def wrong(self) -> int:
        return sum(len(form.errors) for form in (self.own, *self.levels)) + sum(
            form.wrong for form in self.rules
        )

    def is_valid(self) -> bool:
        # Every form is asked, so that each says at its fields what is wrong.
        answers = [form.is_valid() for form in (self.own, *self.levels, *self.rules)]
        return all(answers)

    def spec(self) -> Policy:
        own, before = self.own, self.current or NEW
        amounts = {tier: own.given(tier) for tier in ("critical", "high") if own.given(tier)}
        others = {name: value for name, value in before.tier_amounts.items() if name != "*"}
        return msgspec.structs.replace(
            before,
            revision=0,
            slug=self.current.slug
            if self.current and own.fields["slug"].disabled
            else own.given("slug").strip(),
            title=own.given("title").strip(),
            sample_percent=own.given("sample_percent", 0),
            tier_amounts={**others, **({"*": amounts} if amounts else {})},
            clocks=own.clocks(),
            levels=levels_of(self.levels, before.levels),
            escalate_to=own.chosen("escalate_to"),
            rules=tuple(form.rule() for form in self.rules),
        )

    @property
    def is_full(self) -> bool:
        return len(self.levels) >= soundness.MAX_LEVELS

    @property
    def has_all_rules(self) -> bool:
        return len(self.rules) >= soundness.MAX_RULES

    def problems(self) -> list[str]:
        """What the fields say is wrong, each with the place where it stands."""
        found = [str(text) for texts in self.own.errors.values() for text in texts]
        found += [str(text) for form in self.levels for texts in form.errors.values() for text in texts]
        for form in self.rules:
            name = form.given("title") or "The rule without a title"
            said = [texts for one in (form, *form.levels) for texts in one.errors.values()]
            found += [f"{name}: {text}" for texts in said for text in texts]
        return found

    def show(self, faults: list[Fault]) -> None:
        """Put the domain's faults at their fields."""
        for fault in faults:
            kind, _, rest = fault.field.partition(".")
            place, _, field = rest.partition(".")
            if kind == "rules" and place.isdigit() and int(place) < len(self.rules):
                self.rules[int(place)].show([Fault(RULE_FIELDS.get(field, field), fault.text)])
            else:
                at_row(fault, self.levels, lambda own: self.own.show([own]))
