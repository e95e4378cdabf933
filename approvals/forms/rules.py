"""The form of one rule: the common cases as fields, everything else as a condition in CEL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

import msgspec
from django import forms

from approvals.domain import common_cases, soundness, terms
from approvals.domain.common_cases import Common
from approvals.domain.conditions import MAX_LENGTH, Wrong
from approvals.domain.money import MINOR_UNITS
from approvals.domain.providers import BOOK
from approvals.domain.terms import TIERS, Clocks, Rule
from approvals.forms.levels import at_row, level_rows, levels_of, sent_levels, shown_levels, typed_levels
from orchestrator.domain.soundness import Fault
from orchestrator.domain.specs import Category
from orchestrator.domain.wording import CATEGORY_WORDS
from orchestrator.forms.parts import SpecForm, offer

CATEGORIES = [(category, CATEGORY_WORDS[category].capitalize()) for category in get_args(Category)]
AMOUNT = {"invalid": "Write the amount as 10000.00."}
MINUTE = 60
VERDICTS = [("hold", "Hold for people"), ("allow", "Allow"), ("refuse", "Refuse")]


def amount(label: str, help_text: str = "") -> forms.RegexField:
    return forms.RegexField(
        r"^[0-9]{1,12}(\.[0-9]{1,3})?$",
        required=False,
        label=label,
        help_text=help_text,
        error_messages=AMOUNT,
    )


class RuleForm(SpecForm):
    """One rule. The answers of the common cases become its condition; what they cannot say is written as text."""

    id = forms.CharField(max_length=60, required=False, label="Short name", help_text="Stands in the record.")
    title = forms.CharField(
        max_length=soundness.MAX_TITLE,
        help_text="What it is about, in a few words.",
        error_messages={"required": f"Name the rule in at most {soundness.MAX_TITLE} characters."},
    )
    then = forms.ChoiceField(choices=VERDICTS, initial="hold", label="Verdict")
    categories = forms.MultipleChoiceField(
        choices=CATEGORIES, required=False, widget=forms.CheckboxSelectMultiple, label="Kinds of action"
    )
    tool = forms.CharField(max_length=120, required=False)
    target = forms.CharField(max_length=200, required=False, label="Target like", help_text="With * and ?.")
    currency = forms.CharField(
        max_length=3, required=False, widget=forms.TextInput(attrs={"placeholder": "EUR", "size": 4})
    )
    over = amount("Amount over")
    upto = amount("Amount at most")
    account = forms.ChoiceField(
        choices=[("", "no total"), *common_cases.ACCOUNT_WORDS.items()], required=False, label="Total of"
    )
    total = amount("Total over")
    origin = forms.ChoiceField(
        choices=[("", "wherever it comes from"), *common_cases.ORIGIN_WORDS.items()],
        required=False,
        label="Where its values come from",
    )
    hours = forms.ChoiceField(
        choices=[("", "at any hour"), ("outside", "outside these hours"), ("inside", "within these hours")],
        required=False,
        label="Time of day",
    )
    hour_from = forms.IntegerField(min_value=0, max_value=24, required=False, initial=8, label="From hour")
    hour_until = forms.IntegerField(min_value=0, max_value=24, required=False, initial=18, label="Until hour")
    is_first = forms.BooleanField(required=False, label="The target is reached for the first time")
    is_weekend = forms.BooleanField(required=False, label="At the weekend")
    moves_no_money = forms.BooleanField(required=False, label="It moves no money")
    text = forms.CharField(
        required=False,
        max_length=MAX_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
        label="And this condition",
        help_text="In CEL, as in action.args.subject.contains('refund'). All that is said must hold.",
    )
    explanation = forms.CharField(
        required=False,
        max_length=soundness.MAX_EXPLANATION,
        label="What people read",
        help_text="Facts in braces, as in {money.amount}. Empty: written from the condition.",
    )
    tier = forms.ChoiceField(
        choices=[("", "as it is"), *((tier, f"at least {tier}") for tier in TIERS)],
        required=False,
        label="Stakes",
    )
    decide_minutes = forms.FloatField(
        min_value=1,
        max_value=43_200,
        required=False,
        label="Minutes to decide",
        help_text="Never longer than its tier's.",
    )
    escalate_to = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Silence goes up to",
        help_text="Nobody chosen: to whom the policy names.",
    )
    escalate_minutes = forms.FloatField(
        min_value=1,
        max_value=43_200,
        required=False,
        label="Minutes until it goes up",
        help_text="Empty: as its tier says.",
    )

    def __init__(self, *args: Any, groups: Sequence[str], kept: Rule | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept
        offer(self, "escalate_to", [(group, group) for group in groups])
        prefix = f"{self.prefix}-" if self.prefix else ""
        self.levels = (
            sent_levels(self.data, prefix, groups)
            if self.is_bound
            else shown_levels(self.initial.get("levels", ()), prefix, groups)
        )

    def is_valid(self) -> bool:
        # Every row is asked, so that each says at its fields what is wrong.
        return all([super().is_valid(), *(row.is_valid() for row in self.levels)])

    @property
    def is_full(self) -> bool:
        return len(self.levels) >= soundness.MAX_LEVELS

    @property
    def wrong(self) -> int:
        return sum(len(form.errors) for form in (self, *self.levels))

    def show(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            at_row(fault, self.levels, lambda own: super(RuleForm, self).show([own]))

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        amounts = [name for name in ("over", "upto", "total") if found.get(name)]
        if amounts and found.get("currency") not in MINOR_UNITS:
            self.add_error("currency", "Say in which currency, in three letters such as EUR.")
        if bool(found.get("total")) != bool(found.get("account")):
            self.add_error("total", "A total needs both: whose, and over which amount.")
        if found.get("hours") and (found.get("hour_from") is None or found.get("hour_until") is None):
            self.add_error("hours", "Say from which hour until which.")
        if found.get("text"):
            # By itself, so that line and column count from where it was typed.
            try:
                BOOK.language.check(found["text"].replace("\r\n", "\n").strip())
            except Wrong as wrong:
                self.add_error("text", wrong.message)
        return found

    def common(self) -> Common:
        currency = self.given("currency")
        return Common(
            categories=cast("tuple[Category, ...]", self.chosen("categories")),
            tool=self.given("tool").strip(),
            currency=currency,
            over=self.given("over") if currency else "",
            upto=self.given("upto") if currency else "",
            account=self.given("account"),
            total=self.given("total") if currency else "",
            target=self.given("target").strip(),
            is_first=bool(self.given("is_first", False)),
            origin=self.given("origin"),
            hours=self.given("hours"),
            hour_from=self.given("hour_from", 8),
            hour_until=self.given("hour_until", 18),
            is_weekend=bool(self.given("is_weekend", False)),
            moves_no_money=bool(self.given("moves_no_money", False)),
            text=self._typed_text(),
        )

    def _typed_text(self) -> str:
        """The condition as it was typed, also when it is wrong: a draft keeps it."""
        typed = (
            self.data.get(self.add_prefix("text"), "") if self.is_bound else self.initial.get("text") or ""
        )
        return str(typed).replace("\r\n", "\n").strip()[:MAX_LENGTH]

    def rule(self) -> Rule:
        common = self.common()
        then = self.given("then") or "hold"
        levels = levels_of(self.levels, self.kept.levels if self.kept else ())
        title = self.given("title").strip()
        return Rule(
            id=self.given("id").strip() or _slug(title),
            title=title,
            when=common_cases.condition(common),
            then=cast("terms.Decision", then),
            explanation=self.given("explanation").strip() or common_cases.sentence(common),
            levels=levels if then == "hold" else (),
            tier=(self.given("tier") or None) if then == "hold" else None,
            clocks=self._clocks() if then == "hold" else None,
            escalate_to=self.chosen("escalate_to") if then == "hold" else (),
        )

    def _clocks(self) -> Clocks | None:
        decide, escalate = self.given("decide_minutes", None), self.given("escalate_minutes", None)
        if not decide and not escalate:
            return None
        act = self.kept.clocks.execute_by if self.kept and self.kept.clocks else soundness.EXECUTE_BY[1]
        return Clocks(
            decide_by=round(decide * MINUTE) if decide else soundness.DECIDE_BY[1],
            execute_by=act,
            escalate_after=round(escalate * MINUTE) if escalate else 0,
        )


def rule_initial(rule: Rule) -> dict[str, Any]:
    """A rule as the initial values of its form."""
    common = msgspec.structs.asdict(common_cases.read(rule.when))
    clocks = rule.clocks
    return {
        **common,
        "id": rule.id,
        "title": rule.title,
        "then": rule.then,
        "explanation": rule.explanation,
        "tier": rule.tier or "",
        "levels": level_rows(rule.levels),
        "decide_minutes": f"{clocks.decide_by / MINUTE:g}" if clocks and clocks.sets_a_time else None,
        "escalate_to": list(rule.escalate_to),
        "escalate_minutes": f"{clocks.escalate_after / MINUTE:g}"
        if clocks and clocks.escalate_after
        else None,
    }


def _slug(title: str) -> str:
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in title.lower())
    return "_".join(filter(None, plain.split("_")))[:60]


def typed_rule(data: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """What was typed into a rule, as initial values."""
    found: dict[str, Any] = {"levels": typed_levels(data, f"{prefix}-")}
    for name, field in RuleForm.base_fields.items():
        key = f"{prefix}-{name}"
        if isinstance(field, forms.MultipleChoiceField):
            found[name] = data.getlist(key) if hasattr(data, "getlist") else data.get(key, [])
        elif isinstance(field, forms.BooleanField):
            found[name] = key in data
        else:
            found[name] = data.get(key, "")
    return found
