"""What is published: agents, tools and workflows by name, at their newest revision or at a given one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from django.db.models import F
from msgspec.structs import replace

from orchestrator import models, sql
from orchestrator.domain.specs import AgentSpec, Scope, ToolSpec, WorkflowSpec


def find_agent(slug: str, revision: int | None = None) -> AgentSpec | None:
    return _find(models.Agent, models.AgentRevision, AgentSpec, slug, revision)


def scope_since(pinned: AgentSpec) -> Scope | None:
    """What the agent may attempt since a newer revision than the pinned one was published; None without one."""
    number = _newest(models.Agent, "revision", pinned.slug)
    if number is None or number <= pinned.revision:
        return None
    newest = find_agent(pinned.slug, number)
    return newest.scope if newest is not None else None


def find_tool(name: str, version: int | None = None) -> ToolSpec | None:
    return _find(models.Tool, models.ToolRevision, ToolSpec, name, version)


def find_workflow(slug: str, revision: int | None = None) -> WorkflowSpec | None:
    return _find(models.Workflow, models.WorkflowRevision, WorkflowSpec, slug, revision)


def tools(names: Iterable[str] | None = None) -> dict[str, ToolSpec]:
    """The newest declarations of all tools, or of those named, by name."""
    rows = models.ToolRevision.objects.filter(version=F("tool__version"))
    if names is not None:
        rows = rows.filter(tool_id__in=list(names))
    specs = (msgspec.json.decode(row.spec, type=ToolSpec) for row in rows.order_by("tool_id"))
    return {spec.name: spec for spec in specs}


def agents() -> dict[str, AgentSpec]:
    """The newest revisions of the agents in use, by slug."""
    rows = models.AgentRevision.objects.filter(revision=F("agent__revision"), agent__is_retired=False)
    specs = (msgspec.json.decode(row.spec, type=AgentSpec) for row in rows.order_by("agent_id"))
    return {spec.slug: spec for spec in specs}


def pin(spec: WorkflowSpec) -> WorkflowSpec:
    """The workflow with the newest published revisions of the agents its stages name, and of their tools."""
    named = {stage.agent for stage in spec.stages}
    pinned = {slug: agent for slug, agent in agents().items() if slug in named}
    wanted = {name for agent in pinned.values() for name in agent.scope.tools}
    return replace(spec, agents=pinned, tools=tools(wanted))


def _newest(subjects: Any, field: str, name: str) -> int | None:
    """The number of the newest revision. As prepared text: it is asked before every claim."""
    meta = subjects._meta
    rows = sql.run(f'SELECT "{field}" FROM "{meta.db_table}" WHERE "{meta.pk.column}"=$1', [name])
    return int(rows[0][0]) if rows else None


def _find(subjects: Any, revisions: Any, kind: Any, name: str, number: int | None) -> Any:
    """One decoded spec, or None. `number` chooses a revision, else the newest is meant."""
    if number is None:
        field = "version" if subjects is models.Tool else "revision"
        number = _newest(subjects, field, name)
    if number is None:
        return None
    stored = revisions.objects.filter(pk=f"{name}@{number}").values_list("spec", flat=True).first()
    return msgspec.json.decode(stored, type=kind) if stored else None
