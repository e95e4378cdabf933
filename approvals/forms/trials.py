"""What a draft is tried with: an action that somebody makes up, one of the past, or the last days."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django import forms

from approvals.forms.rules import CATEGORIES
from approvals.services.dry_run import DAYS
from orchestrator.forms.parts import SpecForm

_ADDRESS = re.compile(r"([0-9a-fA-F-]{36})\D+?(a\d+)\b")
REVERSIBILITIES = [
    ("irreversible", "Cannot be undone"),
    ("compensable", "Can be made good"),
    ("reversible", "Can be undone"),
]


class TrialForm(SpecForm):
    """One action. An address of the past goes before what is made up."""

    category = forms.ChoiceField(
        choices=CATEGORIES, initial="outward", label="Kind of action", required=False
    )
    tool = forms.CharField(max_length=120, required=False)
    target = forms.CharField(max_length=300, required=False)
    amount = forms.CharField(max_length=30, required=False)
    currency = forms.CharField(max_length=3, required=False)
    reversibility = forms.ChoiceField(choices=REVERSIBILITIES, required=False, label="After a mistake")
    task = forms.CharField(
        max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 2}), label="What was requested"
    )
    result = forms.CharField(
        max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 2}), label="An earlier result"
    )
    past = forms.CharField(
        max_length=300,
        required=False,
        label="Or an action of the past",
        help_text="Its run and number, as in RUN a3.",
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, prefix="try-action", **kwargs)

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).strip().upper()

    def clean_past(self) -> tuple[str, str] | None:
        text = self.cleaned_data["past"].strip()
        if not text:
            return None
        found = _ADDRESS.search(text)
        try:
            if found is not None:
                return str(uuid.UUID(found[1])), found[2]
        except ValueError:
            pass
        raise forms.ValidationError("Give the run's id and the action's number, such as a3.")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        found["category"] = found.get("category") or "outward"
        found["reversibility"] = found.get("reversibility") or "irreversible"
        return found


class DryRunForm(SpecForm):
    """Over how many days, for which workflows, which page."""

    days = forms.TypedChoiceField(
        choices=[(days, f"{days} day{'' if days == 1 else 's'}") for days in DAYS],
        coerce=int,
        initial=7,
        required=False,
    )
    everything = forms.BooleanField(required=False, label="Also workflows that do not use this policy")
    page = forms.IntegerField(min_value=1, max_value=10_000, required=False)

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, prefix="try-days", **kwargs)
