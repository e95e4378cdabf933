"""Events across all streams, newest first, found by person, agent, tool, kind, time and words.

The entries say where; what is shown is read from the log itself. A page is a walk along one index from a cursor,
never a count and never an offset.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from monitoring.domain import audit_words
from monitoring.queries import audit_lines
from orchestrator.domain.people import Person
from orchestrator.queries import across
from orchestrator.queries.events import EventCard

PER_PAGE = 50
RARE = 5_000
_TABLE = "monitoring_auditentry"
# Which permission shows which streams. What is not listed is shown to whoever may see the Audit page.
SEEN_BY = {
    "run": "orchestrator.view_run",
    "agent": "orchestrator.view_agent",
    "tool": "orchestrator.view_agent",
    "workflow": "orchestrator.view_workflow",
    "policy": "approvals.view_approvalrequest",
    "approval": "approvals.view_approvalrequest",
    # Who decides a canary must not find it here.
    "canary": "approvals.oversee_reviews",
}


@dataclass(frozen=True)
class Wanted:
    """What is searched for. `what` is a subject ("action") or a whole type ("action.released"); `until` excluded."""

    words: str = ""
    person: str = ""
    agent: str = ""
    tool: str = ""
    what: str = ""
    stream: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    @property
    def is_empty(self) -> bool:
        return self == Wanted()


@dataclass(frozen=True)
class Place:
    """A place in the order of the page: newest first, then by stream and number."""

    at: dt.datetime
    stream: str
    seq: int


@dataclass(frozen=True)
class Row:
    """One event of the page; `event` is None when the log no longer has it, which retention would have recorded."""

    place: Place
    kind: str
    event: EventCard | None
    line: audit_lines.Line | None


@dataclass(frozen=True)
class Results:
    rows: tuple[Row, ...]
    older: Place | None


def search(wanted: Wanted, *, person: Person, before: Place | None = None, limit: int = PER_PAGE) -> Results:
    """One page of what this person may see."""
    text, values = statement(
        wanted, hidden=_hidden_from(person), before=before, limit=limit + 1, rare=is_rare(wanted)
    )
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        found = cursor.fetchall()
    places = [(Place(at, str(stream), seq), kind) for stream, seq, at, kind in found[:limit]]
    events = across.at_places([(place.stream, place.seq) for place, _ in places])
    names = across.names_across(list(events.values()))
    rows = []
    for place, kind in places:
        event = events.get((place.stream, place.seq))
        line = audit_lines.line_of(event, kind, names[event.stream]).seen_by(person) if event else None
        rows.append(Row(place, kind, event, line))
    return Results(tuple(rows), places[-1][0] if len(found) > limit else None)


def is_rare(wanted: Wanted) -> bool:
    """Whether the words stand in so few events that these are looked up and sorted. The database cannot know it of
    the beginnings of words; what is common is found soon by walking."""
    words = audit_words.asked(wanted.words)
    if not words:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT FROM {_TABLE} WHERE words @@ %s::tsquery LIMIT %s) AS found",
            [words, RARE + 1],
        )
        return bool(cursor.fetchone()[0] <= RARE)


def statement(
    wanted: Wanted,
    *,
    hidden: Sequence[str] = (),
    before: Place | None = None,
    limit: int = PER_PAGE,
    rare: bool = False,
) -> tuple[str, list[Any]]:
    """The search as SQL, walking the index of what is searched for in the order of the page; with `rare` words,
    sorting the few events that have them."""
    parts: list[tuple[str, Sequence[Any]]] = []
    for column, value in _exact(wanted).items():
        if value:
            parts.append((f"{column}=%s", [value]))
    if wanted.since:
        parts.append(("at>=%s", [wanted.since]))
    if wanted.until:
        parts.append(("at<%s", [wanted.until]))
    words = audit_words.asked(wanted.words)
    if words and not rare:
        parts.append(("words @@ %s::tsquery", [words]))
    if hidden:
        parts.append(("kind<>ALL(%s)", [list(hidden)]))
    if before:
        parts.append(("(at, stream, seq)<(%s, %s::uuid, %s)", [before.at, before.stream, before.seq]))
    where = " AND ".join(part for part, _ in parts) or "true"
    values = [value for _, some in parts for value in some]
    order = "at DESC, stream DESC, seq DESC"
    select = f"SELECT stream, seq, at, kind FROM {_TABLE} WHERE {where} ORDER BY {order} LIMIT %s"
    if words and rare:
        found = f"SELECT * FROM {_TABLE} WHERE words @@ %s::tsquery"
        select = f"WITH found AS MATERIALIZED ({found}) {select.replace(_TABLE, 'found')}"
        values = [words, *values]
    return select, [*values, limit]


def _exact(wanted: Wanted) -> Mapping[str, str]:
    column = "type" if "." in wanted.what else "subject"
    return {
        column: wanted.what,
        "person": wanted.person,
        "agent": wanted.agent,
        "tool": wanted.tool,
        "stream": wanted.stream,
    }


def _hidden_from(person: Any) -> list[str]:
    return [kind for kind, permission in SEEN_BY.items() if not person.has_perm(permission)]


def narrowed(wanted: Wanted, **changes: Any) -> Wanted:
    """The same search with some of it changed."""
    return replace(wanted, **changes)
