"""What a caller from outside may see: an agent its own external runs, a person's program every run."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import QuerySet

from orchestrator import models, ports
from orchestrator.domain.callers import Caller, NotYours
from orchestrator.queries.actions import ActionCard, ActionPage, action_card, action_page
from orchestrator.queries.all_commitments import CommitmentFilter, CommitmentLine, commitment_lines
from orchestrator.queries.commitments import (
    CommitmentCard,
    CommitmentPage,
    commitment_card,
    commitment_page,
)
from orchestrator.queries.events import EventCard, events_after
from orchestrator.queries.newest import newest
from orchestrator.queries.runs import RunCard, run_card

# An action in one of these states is not yet answered.
WAITS = frozenset({"proposed", "held"})


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as a list gives it."""

    id: str
    title: str
    state: str
    waits_for: str
    reason: str
    workflow: str
    is_external: bool
    started_by: str
    on_behalf_of: str
    started_at: dt.datetime
    changed_at: dt.datetime
    ended_at: dt.datetime | None
    head: int
    actions: int
    held: int
    executed: int
    refused: int
    failed: int


def workflow_of(agent: str) -> str:
    """The name under which the external runs of an agent are filed."""
    return f"external-{agent}"


def must_own(caller: Caller, run: str) -> None:
    """Raise NotYours unless this is an external run of the caller's own agent."""
    if not caller.agent or not _own(caller).filter(pk=_key(run)).exists():
        raise NotYours(run=run)


def must_see(caller: Caller, run: str) -> None:
    """Raise NotYours unless the caller may read this run."""
    if not visible_runs(caller).filter(pk=_key(run)).exists():
        raise NotYours(run=run)


def visible_runs(caller: Caller) -> QuerySet[models.Run]:
    if caller.agent:
        return _own(caller)
    if caller.has_perm("orchestrator.view_run"):
        return models.Run.objects.all()
    return models.Run.objects.none()


def run_lines(
    caller: Caller, *, state: str = "", cursor: str = "", limit: int = 50
) -> tuple[list[RunLine], str]:
    """Runs, the newest first, and the cursor of the next page or ""."""
    found = visible_runs(caller)
    if state:
        found = found.filter(state=state)
    rows, more = newest(found, "started_at", cursor=cursor, limit=limit)
    return [_line(row) for row in rows], more


def run_line(caller: Caller, run: str) -> RunLine:
    row = visible_runs(caller).filter(pk=_key(run)).first()
    if row is None:
        raise NotYours(run=run)
    return _line(row)


def action(caller: Caller, run: str, name: str) -> ActionCard:
    must_see(caller, run)
    return asked_of_people(run, (action_card(run, name),))[0]


def actions(caller: Caller, run: str, *, after: int = 0, limit: int = 50) -> ActionPage:
    must_see(caller, run)
    page = action_page(run, after=after, limit=limit)
    return replace(page, cards=asked_of_people(run, page.cards))


def asked_of_people(run: str, cards: Sequence[ActionCard]) -> tuple[ActionCard, ...]:
    """The cards of one run, those that are held with the open request by which people are asked. The action's own
    record names a request only once it was answered."""
    held = [card.action for card in cards if card.state == "held"]
    waiting = ports.gate().waiting(run, held) if held else {}
    return tuple(
        replace(card, request=waiting[card.action]) if card.action in waiting else card for card in cards
    )


def commitments(
    caller: Caller, run: str, *, state: str = "", after: int = 0, limit: int = 50
) -> CommitmentPage:
    must_see(caller, run)
    return commitment_page(run, state=state, after=after, limit=limit)


def commitment(caller: Caller, run: str, name: str) -> CommitmentCard:
    must_see(caller, run)
    return commitment_card(run, name)


def all_commitments(
    caller: Caller, wanted: CommitmentFilter, *, cursor: str = "", limit: int = 50
) -> tuple[tuple[CommitmentLine, ...], str]:
    """Commitments of all runs that the caller may read. Raises NotYours for a run that it may not, NoSuchCursor."""
    if wanted.run:
        must_see(caller, wanted.run)
    if caller.agent and wanted.agent not in {"", caller.agent}:
        return (), ""
    if caller.agent:
        wanted = replace(wanted, agent=caller.agent)
    return commitment_lines(wanted, of=visible_runs(caller), cursor=cursor, limit=limit)


def events(caller: Caller, run: str, *, after: int, limit: int) -> tuple[EventCard, ...]:
    must_see(caller, run)
    return events_after(run, after, limit=limit)


def card(caller: Caller, run: str) -> RunCard:
    must_see(caller, run)
    return run_card(run)


def waiting_with(caller: Caller, digest: str, *, run: str = "") -> tuple[str, str] | None:
    """The run and name of the caller's oldest action with this digest that waits for an answer; None without one.

    With `run` only of that run.
    """
    runs = _own(caller).filter(pk=_key(run)) if run else _own(caller)
    found = models.Action.objects.filter(
        agent=caller.agent, digest=digest, state__in=WAITS, run_id__in=runs.values("pk")
    ).order_by("proposed_at")
    first = found.values_list("run_id", "action").first()
    return (str(first[0]), first[1]) if first is not None else None


def states_of(keys: list[str]) -> dict[str, str]:
    """Where these actions stand, by their rows' keys, in one read."""
    return dict(models.Action.objects.filter(pk__in=keys).values_list("pk", "state"))


def _own(caller: Caller) -> QuerySet[models.Run]:
    return models.Run.objects.filter(pattern="external", workflow=workflow_of(caller.agent))


def _line(row: models.Run) -> RunLine:
    return RunLine(
        id=str(row.id),
        title=row.title or row.workflow_name,
        state=row.state,
        waits_for=row.waits_for,
        reason=row.reason,
        workflow=row.workflow,
        is_external=row.pattern == "external",
        started_by=row.started_by,
        on_behalf_of=row.on_behalf_of,
        started_at=row.started_at,
        changed_at=row.changed_at,
        ended_at=row.ended_at,
        head=row.head,
        actions=row.actions,
        held=row.held,
        executed=row.executed,
        refused=row.refused,
        failed=row.failed,
    )


def _key(run: str) -> uuid.UUID:
    """The run's key. Another spelling of an id is none: a stream has one name, which its hashes cover."""
    try:
        key = uuid.UUID(run)
    except ValueError:
        raise NotYours(run=run) from None
    if str(key) != run:
        raise NotYours(run=run)
    return key
