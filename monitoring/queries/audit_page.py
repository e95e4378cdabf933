"""The Audit page: its search as an address, and the rows that fit."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from monitoring.domain import fact_words
from monitoring.queries.audit_search import Place, Results, Wanted, narrowed, search
from orchestrator.domain import events as e
from orchestrator.domain.people import Person

MOST_LETTERS = 200
# What may be chosen as the kind of event: a subject, or one type of it.
SUBJECTS = {
    "run": "Runs",
    "turn": "Turns",
    "stage": "Stages",
    "belief": "Assertions",
    "commitment": "Commitments",
    "action": "Actions",
    "question": "Questions to agents",
    "budget": "Budgets",
    "request": "Approval requests and sign-offs",
    "breakglass": "Break-glass",
    "delegation": "Delegation and leave",
    "grant": "Standing grants",
    "sample": "Samples",
    "canary": "Canaries",
    "policy": "Policies",
    "agent": "Agents",
    "tool": "Tools",
    "workflow": "Workflows",
    "person": "People",
    "group": "Groups",
    "token": "API tokens",
    "hook": "Programs and chats that are told",
    "key": "Signing keys",
    "verification": "Verifications",
    "export": "Exports",
    "content": "Erased content",
    "stream": "Removed streams",
}


@dataclass(frozen=True)
class AuditPage:
    """`asked` is what the form shows again; `errors` says what of the address could not be read."""

    wanted: Wanted
    results: Results
    asked: Mapping[str, str]
    choices: tuple[tuple[str, str, tuple[str, ...]], ...]
    errors: tuple[str, ...]
    older_url: str
    newest_url: str
    is_first: bool

    @property
    def more_is_asked(self) -> bool:
        """Whether a filter behind the first line is in use, so that it is not hidden."""
        return any(self.asked[name] for name in ("tool", "stream", "since", "until"))


FIELDS = ("q", "person", "agent", "tool", "what", "stream", "since", "until")


def audit_page(given: QueryDict, *, person: Person) -> AuditPage:
    asked = {name: given.get(name, "").replace("\x00", "").strip()[:MOST_LETTERS] for name in FIELDS}
    errors: list[str] = []
    wanted = Wanted(
        words=asked["q"],
        person=asked["person"],
        agent=asked["agent"],
        tool=asked["tool"],
        what=asked["what"],
        stream=_stream(asked["stream"], errors),
        since=_moment(asked["since"], errors, "From"),
        until=_moment(asked["until"], errors, "To", is_end=True),
    )
    before = place_of(given.get("before", ""))
    results = search(wanted, person=person, before=before)
    return AuditPage(
        wanted=narrowed(wanted),
        results=results,
        asked=asked,
        choices=_choices(),
        errors=tuple(errors),
        older_url=address(asked, before=results.older) if results.older else "",
        newest_url=address(asked),
        is_first=before is None,
    )


def address(asked: Mapping[str, str], *, before: Place | None = None) -> str:
    parts = {name: value for name, value in asked.items() if value}
    if before is not None:
        parts["before"] = cursor_of(before)
    return f"?{urlencode(parts)}" if parts else "?"


def cursor_of(place: Place) -> str:
    return f"{place.at.isoformat()}~{place.stream}~{place.seq}"


def place_of(text: str) -> Place | None:
    """The place that a cursor stands for; what is none begins at the newest."""
    at, _, rest = text[:120].partition("~")
    stream, _, seq = rest.partition("~")
    try:
        moment = dt.datetime.fromisoformat(at)
        number = int(seq)
        found = Place(moment, str(uuid.UUID(stream)), number)
    except ValueError:
        return None
    return found if moment.tzinfo is not None and 0 <= number < 2**63 else None


def _stream(text: str, errors: list[str]) -> str:
    try:
        return str(uuid.UUID(text)) if text else ""
    except ValueError:
        errors.append("A run or stream is named by its whole id. Part of an id may be searched for as words.")
        return ""


def _moment(text: str, errors: list[str], label: str, *, is_end: bool = False) -> dt.datetime | None:
    """A day of the organisation's time zone, or a time; the end of a day is the beginning of the next."""
    if not text:
        return None
    try:
        found = parse_datetime(text)
        if (day := parse_date(text)) is not None:
            found = dt.datetime.combine(day + dt.timedelta(days=1 if is_end else 0), dt.time())
        if found is not None:
            return found if found.tzinfo else timezone.make_aware(found)
    except (ValueError, OverflowError):
        pass
    errors.append(f"{label} is not a day. Write it as 2026-11-25.")
    return None


def _choices() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(subject, what it is called, its types)."""
    types = sorted({*e.TYPES, *fact_words.WORDS})
    return tuple(
        (subject, label, tuple(name for name in types if name.partition(".")[0] == subject))
        for subject, label in SUBJECTS.items()
    )
