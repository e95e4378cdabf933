"""Agents, tools and workflows for lists and detail pages: cards with what they may do and what the last week saw."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec
from django.contrib.auth import get_user_model
from django.db.models import Count, F

from orchestrator import models
from orchestrator.domain import errors, wording
from orchestrator.domain.specs import AgentSpec, ToolSpec, WorkflowSpec
from orchestrator.queries.published import tools

WEEK = dt.timedelta(days=7)


@dataclasses.dataclass(frozen=True)
class AgentCard:
    """One agent in use or retired. `runs` and `refusals` are of the last seven days."""

    spec: AgentSpec
    owner_name: str
    scope_words: str
    is_retired: bool
    changed_at: dt.datetime
    runs: int
    refusals: int


@dataclasses.dataclass(frozen=True)
class ToolCard:
    """One declared tool, and the agents whose newest revision may name it."""

    spec: ToolSpec
    changed_at: dt.datetime
    agents: list[str]


@dataclasses.dataclass(frozen=True)
class WorkflowCard:
    """One workflow. `outdated` names agents that were published anew since, `unmet` assumptions that do not hold."""

    spec: WorkflowSpec
    owner_name: str
    is_retired: bool
    changed_at: dt.datetime
    runs: int
    failures: int
    outdated: list[str]

    @property
    def unmet(self) -> int:
        return sum(1 for given in self.spec.assumptions if not given.holds or given.checked is False)


@dataclasses.dataclass(frozen=True)
class RevisionCard:
    """One publication: who, when and why."""

    number: int
    digest: str
    published_by: str
    published_at: dt.datetime
    notes: str


def agent_cards(*, now: dt.datetime) -> list[AgentCard]:
    rows = models.AgentRevision.objects.filter(revision=F("agent__revision")).select_related("agent")
    return _agent_cards(rows.order_by("agent__is_retired", "agent__name"), now)


def agent_card(slug: str, *, now: dt.datetime) -> AgentCard:
    """Raises NotFound."""
    rows = models.AgentRevision.objects.filter(agent_id=slug, revision=F("agent__revision")).select_related(
        "agent"
    )
    return _one(_agent_cards(rows, now), "agent", slug)


def tool_cards() -> list[ToolCard]:
    users: dict[str, list[str]] = {}
    for card in models.AgentRevision.objects.filter(revision=F("agent__revision"), agent__is_retired=False):
        spec = msgspec.json.decode(card.spec, type=AgentSpec)
        for name in spec.scope.tools:
            users.setdefault(name, []).append(spec.slug)
    changed = dict(models.Tool.objects.values_list("name", "changed_at"))
    return [ToolCard(spec, changed[name], sorted(users.get(name, []))) for name, spec in tools().items()]


def tool_card(name: str) -> ToolCard:
    """Raises NotFound."""
    return _one([card for card in tool_cards() if card.spec.name == name], "tool", name)


def workflow_cards(*, now: dt.datetime) -> list[WorkflowCard]:
    rows = models.WorkflowRevision.objects.filter(revision=F("workflow__revision")).select_related("workflow")
    return _workflow_cards(rows.order_by("workflow__is_retired", "workflow__name"), now)


def workflow_card(slug: str, *, now: dt.datetime) -> WorkflowCard:
    """Raises NotFound."""
    rows = models.WorkflowRevision.objects.filter(workflow_id=slug, revision=F("workflow__revision"))
    return _one(_workflow_cards(rows.select_related("workflow"), now), "workflow", slug)


def agent_revisions(slug: str) -> list[RevisionCard]:
    rows = models.AgentRevision.objects.filter(agent_id=slug).order_by("-revision")
    return [RevisionCard(r.revision, r.digest, r.published_by, r.published_at, r.notes) for r in rows]


def workflow_revisions(slug: str) -> list[RevisionCard]:
    rows = models.WorkflowRevision.objects.filter(workflow_id=slug).order_by("-revision")
    return [RevisionCard(r.revision, r.digest, r.published_by, r.published_at, r.notes) for r in rows]


def tool_versions(name: str) -> list[RevisionCard]:
    rows = models.ToolRevision.objects.filter(tool_id=name).order_by("-version")
    return [RevisionCard(r.version, r.digest, r.published_by, r.published_at, "") for r in rows]


def workflows_with(agent: str) -> list[tuple[WorkflowSpec, int]]:
    """The workflows whose newest revision pins the agent, and the revision that each pins."""
    rows = models.WorkflowRevision.objects.filter(
        revision=F("workflow__revision"), workflow__is_retired=False
    )
    specs = [msgspec.json.decode(row.spec, type=WorkflowSpec) for row in rows.order_by("workflow_id")]
    return [(spec, spec.agents[agent].revision) for spec in specs if agent in spec.agents]


def owner_choices() -> list[tuple[str, str]]:
    """Active people as (username, name), for a form."""
    people = get_user_model().objects.filter(is_active=True).order_by("username")
    return [(person.get_username(), f"{person} ({person.get_username()})") for person in people]


def owned_by(username: str) -> list[str]:
    """The names of the agents and workflows in use that a person answers for."""
    agents = models.Agent.objects.filter(owner=username, is_retired=False).values_list("name", flat=True)
    workflows = models.Workflow.objects.filter(owner=username, is_retired=False).values_list(
        "name", flat=True
    )
    return sorted([*agents, *workflows])


def is_taken(kind: str, name: str) -> bool:
    """Whether an agent, tool or workflow of that name exists, in use or retired."""
    subjects: Any = {"agent": models.Agent, "tool": models.Tool, "workflow": models.Workflow}[kind]
    return bool(subjects.objects.filter(pk=name).exists())


def _agent_cards(rows: Iterable[models.AgentRevision], now: dt.datetime) -> list[AgentCard]:
    found = [(row, msgspec.json.decode(row.spec, type=AgentSpec)) for row in rows]
    slugs = [spec.slug for _, spec in found]
    declared = tools()
    names = _names(spec.owner for _, spec in found)
    turns = models.Turn.objects.filter(agent__in=slugs, requested_at__gte=now - WEEK).values("agent")
    runs = {row["agent"]: row["n"] for row in turns.annotate(n=Count("run_id", distinct=True))}
    refused = models.Action.objects.filter(agent__in=slugs, state="refused", proposed_at__gte=now - WEEK)
    refusals = {row["agent"]: row["n"] for row in refused.values("agent").annotate(n=Count("id"))}
    return [
        AgentCard(
            spec=spec,
            owner_name=names.get(spec.owner, spec.owner),
            scope_words=wording.scope_in_one_line(spec.scope, declared),
            is_retired=row.agent.is_retired,
            changed_at=row.agent.changed_at,
            runs=runs.get(spec.slug, 0),
            refusals=refusals.get(spec.slug, 0),
        )
        for row, spec in found
    ]


def _workflow_cards(rows: Iterable[models.WorkflowRevision], now: dt.datetime) -> list[WorkflowCard]:
    found = [(row, msgspec.json.decode(row.spec, type=WorkflowSpec)) for row in rows]
    names = _names(spec.owner for _, spec in found)
    newest = dict(models.Agent.objects.values_list("slug", "revision"))
    started = models.Run.objects.filter(started_at__gte=now - WEEK).values("workflow", "state")
    counts = {(row["workflow"], row["state"]): row["n"] for row in started.annotate(n=Count("id"))}
    return [
        WorkflowCard(
            spec=spec,
            owner_name=names.get(spec.owner, spec.owner),
            is_retired=row.workflow.is_retired,
            changed_at=row.workflow.changed_at,
            runs=sum(n for (workflow, _), n in counts.items() if workflow == spec.slug),
            failures=counts.get((spec.slug, "failed"), 0),
            outdated=[
                slug
                for slug, agent in spec.agents.items()
                if newest.get(slug, agent.revision) > agent.revision
            ],
        )
        for row, spec in found
    ]


def _names(usernames: Iterable[str]) -> dict[str, str]:
    people = get_user_model().objects.filter(username__in=set(usernames))
    return {person.get_username(): str(person) for person in people}


def _one(found: list[Any], what: str, name: str) -> Any:
    if not found:
        raise errors.NotFound(f"There is no {what} {name!r}. The link may be incomplete.")
    return found[0]
