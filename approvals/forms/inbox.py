"""What a reviewer sends from the list: a filter, one answer to several requests; and what a canary asks for."""

from __future__ import annotations

import json
import re
from typing import Any

from django import forms
from django.http import QueryDict

from approvals.forms import REASON_LENGTH


class InboxFilter(forms.Form):
    """The inbox's address: every part is optional, and what cannot be read is left out."""

    TIERS = (
        ("", "Any stakes"),
        ("critical", "Critical"),
        ("high", "High"),
        ("medium", "Medium"),
        ("low", "Low"),
    )
    AGES = (("", "Any age"), ("1", "Over an hour"), ("4", "Over 4 hours"), ("24", "Over a day"))
    SORTS = (("tier", "Most urgent"), ("time", "Least time left"), ("age", "Oldest"))

    q = forms.CharField(max_length=200, required=False, strip=True)
    tier = forms.ChoiceField(choices=TIERS, required=False)
    tool = forms.CharField(max_length=200, required=False)
    agent = forms.CharField(max_length=200, required=False)
    least = forms.DecimalField(max_digits=18, decimal_places=4, min_value=0, required=False)
    most = forms.DecimalField(max_digits=18, decimal_places=4, min_value=0, required=False)
    older = forms.ChoiceField(choices=AGES, required=False)
    sort = forms.ChoiceField(choices=SORTS, required=False)
    like = forms.UUIDField(required=False)
    snoozed = forms.BooleanField(required=False)
    after = forms.RegexField(r"\A[A-Za-z0-9_-]{1,400}\Z", required=False)


class FilterForm(forms.Form):
    """A filter kept under a name. `query` is the part of the address that names the view."""

    name = forms.CharField(max_length=60, strip=True)
    query = forms.CharField(max_length=1000, required=False)


class BulkForm(forms.Form):
    """One answer to several requests. Each `item` is the request with the digest and version captured at selection."""

    ITEM = re.compile(r"([0-9a-f-]{36})\.([0-9a-f]{64})\.([0-9]{1,9})")

    verb = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")])
    reason = forms.CharField(max_length=REASON_LENGTH, required=False, strip=True)

    def selected(self) -> list[tuple[str, str, int]]:
        """Request, digest and version of each item; none when one of them cannot be read."""
        given = self.data.getlist("item") if isinstance(self.data, QueryDict) else []
        found = [self.ITEM.fullmatch(one) for one in given]
        return [(one[1], one[2], int(one[3])) for one in found if one] if all(found) else []


class Indented(json.JSONEncoder):
    """JSON as a person edits it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "indent": 2, "ensure_ascii": False})


class CanaryForm(forms.Form):
    """What a canary asks for, and what is wrong with it. `key` makes a double click one canary."""

    arguments = forms.JSONField(
        label="The call, with what is wrong in it",
        encoder=Indented,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "class": "form-control mono"}),
        help_text="The arguments as JSON, as the agent would send them.",
    )
    stated_reason = forms.CharField(
        label="What the agent says",
        max_length=4000,
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    flaw = forms.CharField(
        label="What is wrong with it",
        max_length=REASON_LENGTH,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Administrators alone read it. It is what a reviewer has to notice.",
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    use_required_attribute = False

    def clean_arguments(self) -> dict[str, Any]:
        given = self.cleaned_data["arguments"]
        if not isinstance(given, dict):
            raise forms.ValidationError('Write an object, as in {"amount": "82000.00"}.')
        return given
