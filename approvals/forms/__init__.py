"""What people send: a reviewer's answer with exactly what they were shown, a new token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from approvals.domain.tokens import MOST_DAYS, SCOPE_WORDS

REASON_LENGTH = 2000


class SignOffForm(forms.Form):
    """One answer. The digest and version echo the page that was shown; the service compares them.

    `amount` is the action's amount as the person typed it once more, where that is asked for.
    """

    verb = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")])
    seen_digest = forms.RegexField(r"\A[0-9a-f]{64}\Z")
    seen_version = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = forms.CharField(max_length=REASON_LENGTH, required=False, strip=True)
    amount = forms.CharField(max_length=60, required=False, strip=True)
    opened_at = forms.DateTimeField(required=False)

    def clean(self) -> dict[str, object]:
        found: dict[str, object] = super().clean() or self.cleaned_data
        if found.get("verb") == "reject" and not found.get("reason") and "reason" not in self.errors:
            self.add_error("reason", "A rejection needs a reason: the agent and your colleagues read it.")
        return found


class TokenForm(forms.Form):
    """A new token: what it may do, for how long, what for."""

    scopes = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="What it may do")
    days = forms.IntegerField(min_value=1, max_value=MOST_DAYS, initial=90, label="Days until it expires")
    reason = forms.CharField(
        max_length=200,
        strip=True,
        label="What it is for",
        help_text="Read by whoever wonders later. It is kept with your name in the record.",
    )

    use_required_attribute = False

    def __init__(self, *args: Any, scopes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = self.fields["scopes"]
        assert isinstance(offered, forms.MultipleChoiceField)
        offered.choices = [(scope, f"{scope}: {SCOPE_WORDS[scope]}") for scope in scopes]
        offered.initial = list(scopes)


class AgentTokenForm(TokenForm):
    """A new token of an agent: also which policy its runs name, and how often it may call."""

    policy = forms.ChoiceField(
        help_text="Weighs what the agent asks for, beside the floor of the organisation."
    )
    per_minute = forms.IntegerField(
        min_value=1,
        max_value=10_000,
        initial=300,
        label="Calls a minute",
        help_text="For each kind of call. What is more is told to come again later.",
    )

    field_order = ("scopes", "policy", "days", "per_minute", "reason")

    def __init__(self, *args: Any, policies: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = self.fields["policy"]
        assert isinstance(offered, forms.ChoiceField)
        offered.choices = list(policies)
