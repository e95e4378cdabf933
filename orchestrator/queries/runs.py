"""Runs for lists: cards made from rows alone, filtered and paged by a cursor."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from orchestrator import models
from orchestrator.domain import errors

IN_PROGRESS = ("running", "waiting", "paused")
ENDED = ("succeeded", "failed", "cancelled")


class UnknownRun(errors.NotFound):
    """There is no run under this address. The link may be incomplete, or from another installation."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One stage of the pattern drawn small. `state` is passed, later, or the run's own state where it stands."""

    label: str
    state: str


@dataclass(frozen=True, slots=True)
class RunCard:
    """A run in one line. `cost` is in USD; it is None when no call's price is known."""

    id: str
    name: str
    workflow: str
    workflow_name: str
    workflow_revision: int
    pattern: str
    state: str
    waits_for: str
    reason: str
    is_fault: bool
    stage: str
    stages: tuple[Mark, ...]
    started_by: str
    on_behalf_of: str
    owner: str
    started_at: dt.datetime
    changed_at: dt.datetime
    ended_at: dt.datetime | None
    head: int
    turns: int
    actions: int
    held: int
    executed: int
    refused: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost: Decimal | None
    unpriced: int

    @property
    def is_over(self) -> bool:
        return self.state in ENDED

    @property
    def is_external(self) -> bool:
        """Whether its agent works elsewhere, so that it has no stages."""
        return self.pattern == "external"

    @property
    def starter(self) -> str:
        """Who started it, in words: a person's name, or "agent courier"."""
        kind, _, name = self.started_by.partition(":")
        return f"agent {name}" if kind == "agent" and name else self.started_by

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def duration(self) -> dt.timedelta | None:
        return self.ended_at - self.started_at if self.ended_at else None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are asked for. Empty fields ask for all."""

    states: tuple[str, ...] = ()
    workflow: str = ""
    started_by: str = ""
    attention: bool = False
    words: str = ""

    @property
    def is_empty(self) -> bool:
        return self == RunFilter()


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of runs, newest first. `total` counts all that match, `older` is the next page's cursor or empty."""

    cards: tuple[RunCard, ...]
    total: int
    older: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer: (slug, name) of workflows that ran, and who started runs."""

    workflows: tuple[tuple[str, str], ...]
    people: tuple[str, ...]


def run_card(run: str) -> RunCard:
    row = models.Run.objects.filter(pk=run).first()
    if row is None:
        raise UnknownRun(run=run)
    return card_of(row)


def card_of(row: models.Run) -> RunCard:
    return _cards([row])[0]


def run_page(wanted: RunFilter, *, older: str = "", limit: int = 50) -> RunPage:
    found = _matching(wanted)
    total = found.count()
    place = _place(older)
    if place is not None:
        started_at, last = place
        found = found.filter(Q(started_at__lt=started_at) | Q(started_at=started_at, id__lt=last))
    rows = list(found.order_by("-started_at", "-id")[: limit + 1])
    cards = _cards(rows[:limit])
    return RunPage(cards, total, _cursor(rows[limit - 1]) if len(rows) > limit else "")


def runs_in_progress(*, limit: int = 12) -> tuple[RunCard, ...]:
    """What needs a person first, then the newest."""
    rows = list(models.Run.objects.filter(state__in=IN_PROGRESS).order_by("-started_at")[:200])
    rows.sort(
        key=lambda row: (
            not row.is_fault,
            row.state != "waiting" and not row.held,
            -row.started_at.timestamp(),
        )
    )
    return _cards(rows[:limit])


def runs_ended_since(since: dt.datetime, *, limit: int = 10) -> tuple[RunCard, ...]:
    return _cards(
        models.Run.objects.filter(state__in=ENDED, ended_at__gte=since).order_by("-ended_at")[:limit]
    )


def choices() -> Choices:
    workflows = (
        models.Run.objects.values_list("workflow", "workflow_name").order_by("workflow_name").distinct()
    )
    people = models.Run.objects.values_list("started_by", flat=True).order_by("started_by").distinct()
    known: dict[str, str] = {}
    for slug, name in workflows[:200]:
        known[slug] = name
    return Choices(tuple(known.items()), tuple(people[:200]))


def _matching(wanted: RunFilter) -> QuerySet[models.Run]:
    found = models.Run.objects.all()
    if wanted.states:
        found = found.filter(state__in=wanted.states)
    if wanted.workflow:
        found = found.filter(workflow=wanted.workflow)
    if wanted.started_by:
        found = found.filter(started_by=wanted.started_by)
    if wanted.attention:
        unconfirmed = models.Action.objects.filter(run=OuterRef("pk"), state="unconfirmed")
        found = found.filter(
            Q(state="waiting") | Q(held__gt=0) | Q(state="paused", is_fault=True) | Exists(unconfirmed)
        )
    if wanted.words:
        words = wanted.words.replace("\x00", "")
        found = found.annotate(id_text=Cast("id", TextField())).filter(
            Q(title__icontains=words)
            | Q(workflow_name__icontains=words)
            | Q(workflow__icontains=words)
            | Q(id_text__startswith=words.lower())
        )
    return found


def _cursor(row: models.Run) -> str:
    return f"{row.started_at.isoformat()}_{row.id}"


def _place(cursor: str) -> tuple[dt.datetime, uuid.UUID] | None:
    """A cursor that cannot be read asks for the first page: it came from an address somebody typed."""
    moment, _, last = cursor.partition("_")
    try:
        started_at = dt.datetime.fromisoformat(moment.replace(" ", "+"))
        return (started_at, uuid.UUID(last)) if started_at.tzinfo else None
    except ValueError:
        return None


def _cards(rows: Iterable[models.Run]) -> tuple[RunCard, ...]:
    rows = list(rows)
    names = _stage_names({f"{row.workflow}@{row.workflow_revision}" for row in rows})
    return tuple(_card(row, names.get(f"{row.workflow}@{row.workflow_revision}", ())) for row in rows)


def _card(row: models.Run, names: tuple[str, ...]) -> RunCard:
    is_unknown = bool(row.unpriced) and not row.cost
    return RunCard(
        id=str(row.id),
        name=row.title or row.workflow_name,
        workflow=row.workflow,
        workflow_name=row.workflow_name,
        workflow_revision=row.workflow_revision,
        pattern=row.pattern,
        state=row.state,
        waits_for=row.waits_for,
        reason=row.reason,
        is_fault=row.is_fault,
        stage=row.stage,
        stages=_marks(row, names),
        started_by=row.started_by,
        on_behalf_of=row.on_behalf_of,
        owner=row.owner,
        started_at=row.started_at,
        changed_at=row.changed_at,
        ended_at=row.ended_at,
        head=row.head,
        turns=row.turns,
        actions=row.actions,
        held=row.held,
        executed=row.executed,
        refused=row.refused,
        failed=row.failed,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=None if is_unknown else row.cost,
        unpriced=row.unpriced,
    )


def _marks(row: models.Run, names: tuple[str, ...]) -> tuple[Mark, ...]:
    total = min(row.stages_total, 24)
    if row.stage in names:
        at = names.index(row.stage)
    else:
        names = tuple(f"stage {number}" for number in range(1, total + 1))
        at = min(row.stages_passed, total - 1)
    marks = []
    for place in range(total):
        if row.state == "succeeded" or place < at:
            state = "passed"
        elif place > at:
            state = "later"
        else:
            state = "failed" if row.is_fault else row.state
        marks.append(Mark(names[place], state))
    return tuple(marks)


@lru_cache(maxsize=512)
def _known_names(revision: str, spec: str) -> tuple[str, ...]:
    return tuple(stage["name"] for stage in json.loads(spec).get("stages", ()))


def _stage_names(revisions: set[str]) -> dict[str, tuple[str, ...]]:
    """Names of stages by revision: immutable, so read once for the whole list."""
    rows = models.WorkflowRevision.objects.filter(id__in=revisions).values_list("id", "spec")
    return {revision: _known_names(revision, spec) for revision, spec in rows}
