"""How somebody wants to be told, and which other programs are."""

from __future__ import annotations

from django import forms

from approvals.domain import notices as n
from approvals.domain import notices_hooks
from approvals.domain.terms import TIERS

# Critical is not asked about: it is always told, over every channel, at once.
_CHOICES = [(tier, tier.capitalize()) for tier in TIERS if tier != "critical"]
_PATIENT = [(tier, tier.capitalize()) for tier in n.PATIENT]


class Clock(forms.TimeInput):
    """A time of day, in the organisation's time zone."""

    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class PreferenceForm(forms.Form):
    """Channels by tier, the round-up, quiet hours."""

    mail = forms.MultipleChoiceField(
        label="By mail", choices=_CHOICES, widget=forms.CheckboxSelectMultiple, required=False
    )
    browser = forms.MultipleChoiceField(
        label="In the browser, while a page is open",
        choices=_CHOICES,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    round_up = forms.MultipleChoiceField(
        label="Once a day in a round-up, instead of at once",
        choices=_PATIENT,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    round_up_at = forms.TimeField(label="The round-up comes at", widget=Clock)
    quiet_from = forms.TimeField(label="Quiet from", widget=Clock, required=False)
    quiet_until = forms.TimeField(
        label="Quiet until",
        widget=Clock,
        required=False,
        help_text="What is held back comes afterwards in one message. Critical comes through at once.",
    )

    use_required_attribute = False

    def preference(self) -> n.Preference:
        """What was chosen."""
        given = self.cleaned_data
        return n.Preference(
            mail=n.tiers_from([*given["mail"], "critical"]),
            browser=n.tiers_from([*given["browser"], "critical"]),
            round_up=n.tiers_from(given["round_up"]),
            round_up_at=given["round_up_at"],
            quiet_from=given["quiet_from"],
            quiet_until=given["quiet_until"],
        )


class HookForm(forms.Form):
    """Another program that is to be told."""

    kind = forms.ChoiceField(
        label="What it is", choices=list(notices_hooks.KIND_WORDS.items()), widget=forms.RadioSelect
    )
    url = forms.CharField(
        label="Address",
        max_length=2000,
        strip=True,
        help_text="Starts with https://. It is kept encrypted, because it may be a key.",
    )
    topics = forms.MultipleChoiceField(
        label="What it is told of",
        choices=list(notices_hooks.TOPIC_WORDS.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(label="What it is for", max_length=300, strip=True)

    use_required_attribute = False


class LogFilter(forms.Form):
    """The log's address: every part is optional, and what cannot be read is left out."""

    CHANNELS = (
        ("", "Any channel"),
        ("mail", "Mail"),
        ("browser", "Browser"),
        ("chat", "Chat"),
        ("signed", "Program"),
    )
    STATES = (
        ("", "Any state"),
        ("waiting", "Waiting"),
        ("sending", "Sending"),
        ("sent", "Sent"),
        ("dropped", "Dropped"),
        ("dead_letter", "Given up"),
    )

    to = forms.CharField(max_length=100, required=False, strip=True)
    channel = forms.ChoiceField(choices=CHANNELS, required=False)
    state = forms.ChoiceField(choices=STATES, required=False)
