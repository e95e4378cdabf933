"""Publish agents, tools and workflows. A revision is immutable and named by the digest of its canonical JSON."""

from __future__ import annotations

import datetime as dt

import msgspec
from django.contrib.auth import get_user_model
from msgspec.structs import replace

from orchestrator import engine, eventlog, models
from orchestrator.domain import assumptions, digests, errors, ids, patterns, schemas
from orchestrator.domain import commands as c
from orchestrator.domain import events as e
from orchestrator.domain.specs import AgentSpec, ToolSpec, WorkflowSpec
from orchestrator.kinds import ChangedMeanwhile


class NothingChanged(errors.Refused):
    """This is what is published already; there is nothing to publish."""


class NotRunnable(errors.Refused):
    """This workflow cannot run as it stands."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("This workflow cannot run as it stands. " + " ".join(faults), faults=faults)


class NoOwner(errors.Refused):
    """An accountable person must be named as the owner, by their username."""


def publish_agent(
    *, spec: AgentSpec, by: str, now: dt.datetime, notes: str = "", expected: int | None = None
) -> AgentSpec:
    """Publish a new revision of an agent; returns it with its revision and digest.

    `expected` is the revision the author started from: if another was published since, ChangedMeanwhile.
    Raises NothingChanged, NoOwner, UnusableSchema.
    """
    _must_own(spec.owner)
    if not spec.slug or not spec.name.strip():
        raise errors.Refused("An agent needs a name and a short address (slug).")
    if not spec.reference.strip():
        raise errors.Refused("Say which registered function or model this agent is.")
    schemas.check_schema(spec.output_schema)
    current = find_agent(spec.slug)
    stream = ids.from_key("agent", spec.slug)
    digest = _sealed(spec)
    if current is not None and current.digest == digest:
        raise NothingChanged()
    revision = (current.revision if current else 0) + 1
    published = replace(spec, revision=revision, digest=digest)
    body = e.AgentPublished(
        slug=spec.slug,
        name=spec.name,
        owner=spec.owner,
        revision=revision,
        digest=digest,
        spec=msgspec.Raw(digests.canonical(msgspec.to_builtins(published))),
        published_by=by,
        notes=notes,
    )
    _record(stream, "agent", body, by, now, revision, expected)
    return published


def publish_tool(*, spec: ToolSpec, by: str, now: dt.datetime, expected: int | None = None) -> ToolSpec:
    """Publish a new version of a tool's declaration. Raises NothingChanged, UnusableSchema."""
    schemas.check_schema(spec.parameters)
    names = set(spec.parameters.get("properties", {}))
    for field in ("target_field", "amount_field", "currency_field", "person_field"):
        named = getattr(spec, field)
        if named and named not in names:
            raise errors.Refused(
                f"{field.replace('_', ' ').capitalize()} names {named!r}, which is no argument of {spec.name}."
            )
    if spec.category == "financial" and not (spec.amount_field and spec.currency_field):
        raise errors.Refused(
            f"{spec.name} is financial: say which arguments hold the amount and its currency."
        )
    current = find_tool(spec.name)
    digest = _sealed(spec)
    if current is not None and current.digest == digest:
        raise NothingChanged()
    version = (current.version if current else 0) + 1
    published = replace(spec, version=version, digest=digest)
    body = e.ToolPublished(
        name=spec.name,
        version=version,
        digest=digest,
        spec=msgspec.Raw(digests.canonical(msgspec.to_builtins(published))),
        published_by=by,
    )
    _record(ids.from_key("tool", spec.name), "tool", body, by, now, version, expected)
    return published


def publish_workflow(
    *, spec: WorkflowSpec, by: str, now: dt.datetime, notes: str = "", expected: int | None = None
) -> WorkflowSpec:
    """Publish a new revision of a workflow, pinning the newest revisions of its agents and their tools.

    Raises NotRunnable with every fault, NothingChanged, NoOwner.
    """
    _must_own(spec.owner)
    pinned = pin(spec)
    faults = faults_of(pinned)
    if faults:
        raise NotRunnable(faults)
    current = find_workflow(spec.slug)
    checked = replace(pinned, assumptions=assumptions.check(pinned))
    digest = _sealed(checked)
    if current is not None and current.digest == digest:
        raise NothingChanged()
    revision = (current.revision if current else 0) + 1
    published = replace(checked, revision=revision, digest=digest)
    body = e.WorkflowPublished(
        slug=spec.slug,
        name=spec.name,
        owner=spec.owner,
        pattern=spec.pattern,
        revision=revision,
        digest=digest,
        spec=msgspec.Raw(digests.canonical(msgspec.to_builtins(published))),
        published_by=by,
        notes=notes,
    )
    _record(ids.from_key("workflow", spec.slug), "workflow", body, by, now, revision, expected)
    return published


def retire_workflow(*, slug: str, reason: str, by: str, now: dt.datetime) -> None:
    """Take a workflow out of use; its runs go on, its history stays."""
    if not reason.strip():
        raise errors.Refused("Say why it is retired, so that others understand.")
    _record(
        ids.from_key("workflow", slug),
        "workflow",
        e.WorkflowRetired(slug=slug, reason=reason),
        by,
        now,
        2,
        None,
    )


def retire_agent(*, slug: str, reason: str, by: str, now: dt.datetime) -> None:
    """Take an agent out of use; workflows that pin it keep their revision."""
    if not reason.strip():
        raise errors.Refused("Say why it is retired, so that others understand.")
    _record(ids.from_key("agent", slug), "agent", e.AgentRetired(slug=slug, reason=reason), by, now, 2, None)


def pin(spec: WorkflowSpec) -> WorkflowSpec:
    """The workflow with the newest published revisions of the agents its stages name, and of their tools."""
    agents: dict[str, AgentSpec] = {}
    tools: dict[str, ToolSpec] = {}
    for stage in spec.stages:
        agent = find_agent(stage.agent)
        if agent is None:
            continue
        agents[agent.slug] = agent
        for name in agent.scope.tools:
            tool = find_tool(name)
            if tool is not None:
                tools[name] = tool
    return replace(spec, agents=agents, tools=tools)


def faults_of(spec: WorkflowSpec) -> list[str]:
    """Everything that keeps a workflow from running, in words its author can act on."""
    if spec.pattern not in patterns.names():
        return [f"The pattern {spec.pattern!r} cannot be run by this version."]
    faults = patterns.find(spec.pattern).faults(spec)
    for agent in spec.agents.values():
        for name in agent.scope.tools:
            if name not in spec.tools:
                faults.append(
                    f"Agent {agent.slug!r} may use the tool {name!r}, which is not declared. Declare it first."
                )
    for stage in spec.stages:
        for schema in (stage.input_schema, stage.output_schema):
            try:
                schemas.check_schema(schema)
            except schemas.UnusableSchema as error:
                faults.append(f"Stage {stage.name!r}: {error.message}")
    return faults


# ---- what is published ----
def find_agent(slug: str, revision: int | None = None) -> AgentSpec | None:
    row = models.Agent.objects.filter(slug=slug).first()
    if row is None:
        return None
    stored = models.AgentRevision.objects.filter(id=f"{slug}@{revision or row.revision}").first()
    return msgspec.json.decode(stored.spec, type=AgentSpec) if stored else None


def find_tool(name: str, version: int | None = None) -> ToolSpec | None:
    row = models.Tool.objects.filter(name=name).first()
    if row is None:
        return None
    stored = models.ToolRevision.objects.filter(id=f"{name}@{version or row.version}").first()
    return msgspec.json.decode(stored.spec, type=ToolSpec) if stored else None


def find_workflow(slug: str, revision: int | None = None) -> WorkflowSpec | None:
    row = models.Workflow.objects.filter(slug=slug).first()
    if row is None:
        return None
    stored = models.WorkflowRevision.objects.filter(id=f"{slug}@{revision or row.revision}").first()
    return msgspec.json.decode(stored.spec, type=WorkflowSpec) if stored else None


def _sealed(spec: AgentSpec | ToolSpec | WorkflowSpec) -> str:
    """The digest of what a spec says, apart from its number and its own digest."""
    plain = msgspec.to_builtins(spec)
    for name in ("revision", "version", "digest"):
        plain.pop(name, None)
    return digests.digest(plain)


def _record(
    stream: str, kind: str, body: e.Body, by: str, now: dt.datetime, number: int, expected: int | None
) -> None:
    current = eventlog.load(stream, kind=kind, fresh=True).head
    if expected is not None and number != expected + 1:
        raise ChangedMeanwhile()
    command = c.Record(
        actor="system" if by == "system" else f"user:{by}",
        at=eventlog.micros(now),
        bodies=(body,),
        expected_seq=current,
    )
    engine.submit(stream, command, kind=kind)


def _must_own(owner: str) -> None:
    people = get_user_model().objects.filter(username=owner, is_active=True)
    if not owner or not people.exists():
        raise NoOwner(
            f"{owner or 'Nobody'} is not an active person here. Name the accountable person by username."
        )
