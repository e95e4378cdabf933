"""Events across all streams, newest first, found by person, agent, tool, kind, time and words.

A person is who acted and whom an event is about; each row says which. The entries say where; what is shown is read
from the log itself. A page is a walk along one index from a cursor, never a count and never an offset.
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
_PEOPLE = "monitoring_auditperson"
# A condition in SQL, and its values.
Part = tuple[str, Sequence[Any]]
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
    """One event of the page; `event` is None when the log no longer has it, which retention would have recorded.

    `part` says what the person who is searched for has to do with it.
    """

    place: Place
    kind: str
    event: EventCard | None
    line: audit_lines.Line | None
    part: str = ""


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
        part = audit_lines.part_in(event, wanted.person) if event and wanted.person else ""
        rows.append(Row(place, kind, event, line, part))
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
    words = audit_words.asked(wanted.words)
    entry: list[Part] = [(f"entry.{column}=%s", [value]) for column, value in _exact(wanted).items() if value]
    if words and not rare:
        entry.append(("entry.words @@ %s::tsquery", [words]))
    if hidden:
        entry.append(("entry.kind<>ALL(%s)", [list(hidden)]))
    place = "named" if wanted.person else "entry"
    walk: list[Part] = [("named.person=%s", [wanted.person])] if wanted.person else []
    if wanted.since:
        walk.append((f"{place}.at>=%s", [wanted.since]))
    if wanted.until:
        walk.append((f"{place}.at<%s", [wanted.until]))
    if before:
        here = f"({place}.at, {place}.stream, {place}.seq)"
        walk.append((f"{here}<(%s, %s::uuid, %s)", [before.at, before.stream, before.seq]))
    table, values = _TABLE, []
    start = ""
    if words and rare:
        start, table = (
            f"WITH found AS MATERIALIZED (SELECT * FROM {_TABLE} WHERE words @@ %s::tsquery) ",
            "found",
        )
        values.append(words)
    if not wanted.person:
        source, parts = f"{table} AS entry", [*walk, *entry]
    elif start:
        source, parts = f"{table} AS entry JOIN {_PEOPLE} AS named USING (stream, seq)", [*walk, *entry]
    else:
        # A person's events are walked in their order, and each is looked up by its key: never all of them at once.
        one = [("entry.stream=named.stream AND entry.seq=named.seq", []), *entry]
        looked_up = f"SELECT kind FROM {table} AS entry WHERE {_all(one, values)} LIMIT 1"
        source, parts = f"{_PEOPLE} AS named CROSS JOIN LATERAL ({looked_up}) AS entry", walk
    select = (
        f"{start}SELECT {place}.stream, {place}.seq, {place}.at, entry.kind FROM {source} "
        f"WHERE {_all(parts, values) or 'true'} "
        f"ORDER BY {place}.at DESC, {place}.stream DESC, {place}.seq DESC LIMIT %s"
    )
    return select, [*values, limit]


def _all(parts: Sequence[Part], values: list[Any]) -> str:
    """The conditions as one, with what they ask for added to the values in the same order."""
    for _, some in parts:
        values.extend(some)
    return " AND ".join(text for text, _ in parts)


def _exact(wanted: Wanted) -> Mapping[str, str]:
    column = "type" if "." in wanted.what else "subject"
    return {
        column: wanted.what,
        "agent": wanted.agent,
        "tool": wanted.tool,
        "stream": wanted.stream,
    }


def _hidden_from(person: Any) -> list[str]:
    return [kind for kind, permission in SEEN_BY.items() if not person.has_perm(permission)]


def narrowed(wanted: Wanted, **changes: Any) -> Wanted:
    """The same search with some of it changed."""
    return replace(wanted, **changes)
