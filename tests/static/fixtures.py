"""What the pages of these tests are filled with: normal, full and hostile."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.template import Context, Engine
from django.utils import timezone

from config.roles import RailEntry
from config.templatetags._states import TONES

HERE = Path(__file__).parent
HOSTILE = 'Pay <script>alert(1)</script> to "ACME\u202egpj.\u202c" \u200bnow\x07'
STATES = [state for _, states in TONES.values() for state in states.split()]


class Person:
    is_authenticated = True
    username = "olivia"

    def __str__(self) -> str:
        return "Olivia Operator"


class Note(str):
    level_tag = "success"


class StartForm(forms.Form):
    name = forms.CharField(label="Name", help_text="Shown in lists and in the record.")
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    urgent = forms.BooleanField(label="Tell reviewers at once", required=False)
    parts = forms.MultipleChoiceField(
        label="Parts", choices=[("x", "Invoices"), ("y", "Receipts")], widget=forms.CheckboxSelectMultiple
    )
    workflow = forms.ChoiceField(label="Workflow", choices=[("a", "Invoice settlement"), ("b", "Review")])

    def clean(self) -> None:
        raise forms.ValidationError("No file was chosen. Nothing was started.")


def rail() -> list[RailEntry]:
    return [
        RailEntry("Overview", "/", "layout-dashboard", False),
        RailEntry("Runs", "/runs/", "player-play", True),
        RailEntry("Inbox", "/inbox/", "inbox", False, count=4),
        RailEntry("Workflows", "/workflows/", "sitemap", False, starts_group=True),
        RailEntry("Agents", "/agents/", "robot", False),
        RailEntry("People", "/people/", "users", False, starts_group=True),
    ]


def stages(*states: str) -> list[dict[str, Any]]:
    names = ["intake", "matcher", "risk", "treasurer"]
    return [{"label": name, "state": state} for name, state in zip(names, states, strict=False)]


def everything() -> dict[str, Any]:
    """The context of every page here."""
    now = timezone.now()
    names = ["Invoices of November", HOSTILE, "Review " + "long " * 30]
    runs = [
        {"name": name, "state": state, "stages": stages("succeeded", state, "none"), "waits": "waits for a sign-off",
         "at": now - timedelta(minutes=7 * at), "cost": f"{at}.42"}
        for at, (name, state) in enumerate(zip(names, ["running", "held", "degraded"], strict=True))
    ]  # fmt: skip
    strip = stages("succeeded", "degraded", "running", "none")
    strip[0] |= {"verdict": "passed", "detail": "12 of 12 invoices read", "url": "#"}
    strip[1] |= {"verdict": "repairable, sent back once", "detail": HOSTILE}
    strip[2] |= {"verdict": "running", "is_current": True}
    strip[3] |= {"verdict": "not reached"}
    return {
        "user": Person(), "navigation": rail(), "csrf_token": "token", "time_zone": "UTC", "started": now,
        "run_id": "7d793037-a076-4f2b-bf2e-1e1a1b2c3d4e", "runs": runs, "stages": strip, "states": STATES,
        "trend": [2, 5, 3, 8, 12, 9, 12], "payload": '{\n  "amount": "82000.00",\n  "note": "' + HOSTILE + '"\n}',
        "crumbs": [{"label": "Runs", "url": "#"}, {"label": "Invoices of November", "url": ""}],
        "tabs": [{"label": "Trace", "url": "#", "is_current": True, "count": 120},
                 {"label": "Actions", "url": "#", "count": 3}, {"label": "Outputs", "url": "#", "count": ""}],
        "rows": [{"label": "Amount", "before": "72,000.00 EUR", "after": "82,000.00 EUR", "kind": "changed"},
                 {"label": "Note", "before": "", "after": HOSTILE, "kind": "added"},
                 {"label": "Reference", "before": "INV-7", "after": "", "kind": "removed"}],
        "unchanged": 11, "page": Paginator(range(95), 20).page(2), "form": StartForm({"note": "x"}),
        "facts": [{"label": "Payee", "value": "Nordwind Papier GmbH", "source": "verified"},
                  {"label": "Purpose", "value": "Paper, October", "source": "claim"}],
        "stops": ["The turn of risk that is in progress", "2 payments that wait for a sign-off are withdrawn"],
        "happened": ["1 payment was sent: 1,200.00 EUR to Papier AG"], "claim": HOSTILE + "\nThe order says so.",
        "fault": SimpleNamespace(status=409, title="Somebody was first", message=f"Dana rejected this: {HOSTILE}",
                                 next_step="Look at the case again."),
        "messages": [Note("Run paused.")],
        "cases": [{"sentence": f"Pay {n},000.00 EUR to Nordwind Papier GmbH {n}", "tier": "high", "at": now,
                   "deadline": now + timedelta(hours=n, minutes=5)} for n in range(1, 25)],
        "deadline": now + timedelta(minutes=90),
    }  # fmt: skip


def rendered(name: str, **context: Any) -> str:
    """A page of this folder, rendered with the product's templates."""
    whole = everything() | context
    engine = Engine.get_default()
    case = engine.from_string((HERE / "case-fixture.html").read_text()).render(Context(whole))
    source = (
        (HERE / f"{name}.html").read_text().replace('{% include "case-fixture.html" %}', "{{ case_html }}")
    )
    return engine.from_string(source).render(Context(whole | {"case_html": case}))


def template(name: str, **context: Any) -> str:
    """One of the product's own templates."""
    return Engine.get_default().get_template(name).render(Context(everything() | context))


def event(seq: int) -> dict[str, Any]:
    """One event of a run, as a page gets it."""
    lane = ["intake", "matcher", "risk", "treasurer"][seq % 4]
    kind, state = [("turn", "succeeded"), ("stage", "running"), ("action", "held"), ("belief", "suspect")][
        seq % 4 - 1
    ]
    return {
        "seq": seq, "type": f"{kind}.completed", "at": f"2026-11-23T02:{seq // 60 % 60:02d}:{seq % 60:02d}.123456Z",
        "actor": f"agent:{lane}@3", "cause": max(1, seq - 1), "lane": lane, "kind": kind,
        "title": f"{lane} event {seq}", "detail": HOSTILE if seq % 50 == 0 else f"detail of {seq}", "state": state,
    }  # fmt: skip
