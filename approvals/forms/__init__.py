"""What a reviewer sends back: the answer, and exactly what they were shown."""

from __future__ import annotations

from django import forms

REASON_LENGTH = 2000


class SignOffForm(forms.Form):
    """One answer. The digest and version echo the page that was shown; the service compares them."""

    verb = forms.ChoiceField(choices=[("approve", "Approve"), ("reject", "Reject")])
    seen_digest = forms.RegexField(r"\A[0-9a-f]{64}\Z")
    seen_version = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = forms.CharField(max_length=REASON_LENGTH, required=False, strip=True)
    opened_at = forms.DateTimeField(required=False)

    def clean(self) -> dict[str, object]:
        found: dict[str, object] = super().clean() or self.cleaned_data
        if found.get("verb") == "reject" and not found.get("reason") and "reason" not in self.errors:
            self.add_error("reason", "A rejection needs a reason: the agent and your colleagues read it.")
        return found


class InboxFilter(forms.Form):
    """The inbox's address: every part is optional, and what cannot be read is left out."""

    TIERS = (
        ("", "Any stakes"),
        ("critical", "Critical"),
        ("high", "High"),
        ("medium", "Medium"),
        ("low", "Low"),
    )

    q = forms.CharField(max_length=200, required=False, strip=True)
    tier = forms.ChoiceField(choices=TIERS, required=False)
