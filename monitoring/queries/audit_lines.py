"""Any event of any stream as one line of the Audit page: in words, with the page of what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from django.urls import NoReverseMatch, reverse

from monitoring.domain import lines
from orchestrator.queries.events import EventCard, Names

# What the facts of other streams are called. One that is not listed is named by its type.
TITLES = {
    "request.opened": "Sign-off asked for",
    "request.expired": "Request expired",
    "request.withdrawn": "Request withdrawn",
    "request.superseded": "Request superseded",
    "request.revoked": "Approval revoked",
    "request.staled": "Approval no longer holds",
    "request.lapsed": "Approval not used in time",
    "policy.published": "Policy published",
    "sample.taken": "Allowed action taken as a sample",
    "sample.reviewed": "Sample reviewed",
    "key.introduced": "Signing key introduced",
    "key.rotated": "Signing key replaced",
    "verification.begun": "Verification begun",
    "verification.ended": "Verification ended",
    "export.begun": "Record exported",
    "content.erased": "Content erased",
    "stream.removed": "Streams removed by retention",
}
DONE = {"approve": "approved", "reject": "rejected"}
# Of a fact that nobody taught this module, these fields are told.
TOLD = ("title", "slug", "name", "sentence", "reason", "key", "outcome", "person")
PAGES = {
    "agent": ("orchestrator:agent", "slug"),
    "workflow": ("orchestrator:workflow", "slug"),
    "tool": ("orchestrator:tool", "name"),
    "policy": ("approvals:policy", "slug"),
}


class Line(NamedTuple):
    """One event in words. `url` leads to what it is about, `event_url` to the event itself, empty without a page."""

    title: str
    detail: str
    state: str
    who: str
    url: str
    event_url: str
    action_url: str
    subject: str


def line_of(event: EventCard, kind: str, names: Names) -> Line:
    facts = facts_of(event)
    title, detail, state = _words(event, facts, names)
    url, event_url, subject = _pages(event, kind, facts)
    action = facts.get("action") if kind in ("run", "approval") else None
    run = event.stream if kind == "run" else str(facts.get("run", ""))
    return Line(
        title=lines.bounded(title, lines.TITLE),
        detail=lines.bounded(detail, lines.DETAIL),
        state=state,
        who=lines.actor_words(event.actor),
        url=url,
        event_url=event_url,
        action_url=_address("monitoring:audit_chain", run, action) if run and isinstance(action, str) else "",
        subject=subject,
    )


def facts_of(event: EventCard) -> Mapping[str, Any]:
    """The payload as it stands, empty when it is no longer an object."""
    try:
        found = msgspec.json.decode(event.payload)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _words(event: EventCard, facts: Mapping[str, Any], names: Names) -> tuple[str, str, str]:
    line = lines.line_of(event.type, event.actor, event.body, names)
    if event.type == "request.signed":
        verb = DONE.get(str(facts.get("verb")), "answered")
        reason = f"“{facts['reason']}”" if facts.get("reason") else ""
        return f"{facts.get('person', 'Somebody')} {verb}", reason, verb
    if event.type == "request.opened":
        parts = facts.get("parts")
        said = (
            [str(part.get("text", "")) for part in parts if isinstance(part, dict)]
            if isinstance(parts, list)
            else []
        )
        return TITLES[event.type], "".join(said), "pending"
    if event.type == "verification.ended":
        sound = facts.get("sound") is True
        counts = f"{facts.get('events', 0):,} events, {facts.get('checkpoints', 0)} checkpoints"
        return (
            ("The record is sound" if sound else "The record is not as it was written"),
            counts,
            "passed" if sound else "failed",
        )
    title = TITLES.get(event.type, line.title)
    told = [str(facts[name]) for name in TOLD if isinstance(facts.get(name), str) and facts[name]]
    return title, line.detail or ", ".join(told), line.state


def _pages(event: EventCard, kind: str, facts: Mapping[str, Any]) -> tuple[str, str, str]:
    """(page of the subject, page of the event, what the subject is called)."""
    if kind == "run":
        run = event.stream
        return _address("monitoring:run", run), _address("monitoring:run_event", run, event.seq), "Run"
    if kind == "approval":
        return _address("approvals:case", event.stream), "", "Case"
    if kind in PAGES:
        page, field = PAGES[kind]
        return _address(page, str(facts.get(field, ""))), "", kind.capitalize()
    if kind == "audit":
        return _address("monitoring:audit_record"), "", "The record"
    return "", "", kind.capitalize()


def _address(name: str, *values: object) -> str:
    """An address, empty when what was recorded cannot be part of one."""
    try:
        return reverse(name, args=values)
    except NoReverseMatch:
        return ""
