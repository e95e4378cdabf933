"""What people write about a case and around it: a change, a question, a delegation, a standing grant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from approvals.domain.conditions import MAX_LENGTH, Wrong
from approvals.domain.providers import BOOK
from approvals.domain.visible import visible
from approvals.forms import REASON_LENGTH


class When(forms.DateTimeInput):
    """A day and a time, in the organisation's time zone."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class SaidForm(forms.Form):
    """What a person writes to a case besides an answer, with the echo of what they were shown where it matters."""

    reason = forms.CharField(max_length=REASON_LENGTH, required=False, strip=True)
    seen_digest = forms.RegexField(r"\A[0-9a-f]{64}\Z", required=False)
    seen_version = forms.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    seen_call = forms.CharField(max_length=150, required=False)


class ChangeForm(forms.Form):
    """The arguments of a held call, one field each. Text is edited as text, everything else as JSON."""

    reason = forms.CharField(
        label="Why do you change it?",
        max_length=REASON_LENGTH,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The agent and your colleagues read it.",
    )
    seen_digest = forms.RegexField(r"\A[0-9a-f]{64}\Z", widget=forms.HiddenInput)
    seen_version = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    tool = forms.CharField(max_length=200, widget=forms.HiddenInput)

    use_required_attribute = False

    def __init__(
        self, *args: Any, arguments: Mapping[str, Any], parameters: Mapping[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.given = dict(arguments)
        known = parameters.get("properties", {})
        self.required = set(parameters.get("required", ()))
        self.names = list(dict.fromkeys([*known, *arguments]))
        for place, name in enumerate(self.names):
            value = self.given.get(name)
            is_text = isinstance(value, str) or (
                value is None and known.get(name, {}).get("type") == "string"
            )
            shown = (
                "" if name not in self.given else value if is_text else json.dumps(value, ensure_ascii=False)
            )
            is_long = (not is_text and isinstance(value, (dict, list))) or len(shown or "") > 80
            self.fields[f"argument_{place}"] = forms.CharField(
                label=visible(name),
                initial=shown,
                required=name in self.required and shown != "",
                strip=False,
                max_length=100_000,
                widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})
                if is_long
                else forms.TextInput,
                help_text="" if is_text else "As JSON: a number, true, false, null, a list or an object.",
            )
            self.fields[f"argument_{place}"].widget.attrs["data-text"] = "1" if is_text else "0"
        self.order_fields([*(f"argument_{place}" for place in range(len(self.names))), "reason"])

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        changed: dict[str, Any] = {}
        for place, name in enumerate(self.names):
            key = f"argument_{place}"
            said = found.get(key, "")
            if said == "" and self.given.get(name) != "" and name not in self.required:
                continue  # an optional field that was emptied is left out
            if self.fields[key].widget.attrs["data-text"] == "1":
                # A browser writes line ends its own way; what was not touched stays what it was.
                was = self.given.get(name, "")
                changed[name] = was if said.replace("\r\n", "\n") == was.replace("\r\n", "\n") else said
                continue
            try:
                changed[name] = json.loads(said)
            except ValueError:
                self.add_error(key, "This is not JSON. Write text in quotation marks, a number as 12.50.")
        found["arguments"] = changed
        return found


class DelegationForm(forms.Form):
    """From when until when somebody does not decide themselves."""

    delegate = forms.ChoiceField(label="Who decides for you", required=False)
    is_leave = forms.BooleanField(label="I am away: do not count on me and do not remind me", required=False)
    starts_at = forms.DateTimeField(
        label="From", required=False, widget=When, help_text="Empty: from now on."
    )
    until = forms.DateTimeField(label="Until", widget=When, help_text="At most 30 days later.")
    reason = forms.CharField(label="Remark", max_length=300, required=False, strip=True)

    use_required_attribute = False

    def __init__(self, *args: Any, colleagues: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["delegate"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Nobody"), *colleagues]


class GrantForm(forms.Form):
    """What is allowed in advance, and its bounds."""

    agent = forms.ChoiceField(label="Agent")
    tool = forms.ChoiceField(
        label="Tool", help_text="Only tools whose effect can be undone and that are not safety-critical."
    )
    fields_like = forms.CharField(
        label="Where the arguments are",
        required=False,
        max_length=4000,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "payee = ACME *\naccount = 4711"}),
        help_text="One a line, as argument = pattern; * stands for any text. Empty: whatever they are.",
    )
    when = forms.CharField(
        label="And this condition",
        required=False,
        max_length=MAX_LENGTH,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
        help_text="In CEL over the facts of policies, as in !target.is_first. Without a clear yes, people decide.",
    )
    max_amount = forms.CharField(label="Largest amount", required=False, max_length=40, strip=True)
    currency = forms.RegexField(r"\A[A-Z]{3}\Z", label="Currency", required=False, strip=True)
    max_uses = forms.IntegerField(label="How often", min_value=1, max_value=10_000)
    expires_at = forms.DateTimeField(label="Until", widget=When, help_text="At most 90 days from now.")
    reason = forms.CharField(label="Why", max_length=REASON_LENGTH, strip=True)

    use_required_attribute = False

    def __init__(self, *args: Any, agents: Iterable[str], tools: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, known in (("agent", agents), ("tool", tools)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(one, one) for one in known]

    def clean_when(self) -> str:
        text = str(self.cleaned_data["when"]).replace("\r\n", "\n")
        if text:
            try:
                BOOK.language.check(text)
            except Wrong as wrong:
                raise forms.ValidationError(wrong.message) from None
        return text

    def clean_fields_like(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self.cleaned_data["fields_like"].splitlines():
            if not line.strip():
                continue
            name, sign, pattern = (part.strip() for part in line.partition("="))
            if not (name and sign and pattern):
                raise forms.ValidationError("Write each line as argument = pattern, as in payee = ACME *.")
            if name in found:
                raise forms.ValidationError(f"{name} stands here twice. Give one pattern for it.")
            found[name] = pattern
        return found


class SampleForm(forms.Form):
    """What a reviewer found of an action that the policy had allowed."""

    sample = forms.UUIDField()
    finding = forms.ChoiceField(choices=[("fine", "Fine"), ("wrong", "Wrong")])
    note = forms.CharField(max_length=REASON_LENGTH, required=False, strip=True)
