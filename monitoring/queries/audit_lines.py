"""Any event of any stream as one line of the Audit page: in words, with the page of what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from django.urls import NoReverseMatch, reverse

from monitoring.domain import audit_people, fact_words, lines
from orchestrator.domain.people import Person
from orchestrator.queries.events import EventCard, Names

# The page of what a fact is about, by the noun of its type: URL name, where its key stands (a field of the fact, or the
# stream itself), what it is called, and the permission that its page asks for.
STREAM = "stream"
PAGES: dict[str, tuple[str, str, str, str]] = {
    "agent": ("orchestrator:agent", "slug", "Agent", ""),
    "workflow": ("orchestrator:workflow", "slug", "Workflow", ""),
    "tool": ("orchestrator:tool", "name", "Tool", ""),
    "policy": ("approvals:policy", "slug", "Policy", ""),
    "request": ("approvals:case", STREAM, "Case", ""),
    "breakglass": ("approvals:case", STREAM, "Case", ""),
    "sample": ("approvals:samples", "", "Samples", ""),
    "delegation": ("approvals:delegations", "", "Delegations", ""),
    "grant": ("approvals:grants", "", "Grants", ""),
    "token": ("approvals:agent_tokens", "agent", "Token", "orchestrator.publish_agent"),
    "hook": ("approvals:hook", STREAM, "Hook", "approvals.manage_hooks"),
    "canary": ("approvals:canaries", "", "Canaries", ""),
    "person": ("person", "person", "Person", "config.manage_people"),
    "group": ("group", "group", "Group", "config.manage_people"),
    **dict.fromkeys(
        ("key", "verification", "export", "content", "stream"),
        ("monitoring:audit_record", "", "The record", ""),
    ),
}


class Line(NamedTuple):
    """One event in words. `url` leads to what it is about, `event_url` to the event itself, empty without a page.

    `permission` is what the page behind `url` asks for, empty when whoever sees the line may open it.
    """

    title: str
    detail: str
    state: str
    who: str
    url: str
    event_url: str
    action_url: str
    subject: str
    permission: str = ""

    def seen_by(self, person: Person) -> Line:
        """As this person sees it: without a way to a page that would not let them in."""
        return self if not self.permission or person.has_perm(self.permission) else self._replace(url="")


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
        permission=PAGES.get(event.type.partition(".")[0], ("", "", "", ""))[3],
    )


def part_in(event: EventCard, person: str) -> str:
    """What this person has to do with the event, in words."""
    return audit_people.part_in(person, actor=event.actor, type_=event.type, payload=facts_of(event))


def facts_of(event: EventCard) -> Mapping[str, Any]:
    """The payload as it stands, empty when it is no longer an object."""
    try:
        found = msgspec.json.decode(event.payload)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _words(event: EventCard, facts: Mapping[str, Any], names: Names) -> tuple[str, str, str]:
    line = lines.line_of(event.type, event.actor, event.body, names)
    said = fact_words.said_of(event.type, facts)
    if said is not None:
        return said.title, said.detail, said.state
    return line.title, line.detail, line.state


def _pages(event: EventCard, kind: str, facts: Mapping[str, Any]) -> tuple[str, str, str]:
    """(page of the subject, page of the event, what the subject is called)."""
    if kind == "run":
        run = event.stream
        return _address("monitoring:run", run), _address("monitoring:run_event", run, event.seq), "Run"
    page, field, called, _ = PAGES.get(event.type.partition(".")[0], ("", "", kind.capitalize(), ""))
    if not page:
        return "", "", called
    key = event.stream if field == STREAM else facts.get(field) if field else None
    if field and not (isinstance(key, str) and key):
        return "", "", called
    return _address(page, *([key] if field else [])), "", called


def _address(name: str, *values: object) -> str:
    """An address, empty when what was recorded cannot be part of one."""
    try:
        return reverse(name, args=values)
    except NoReverseMatch:
        return ""
