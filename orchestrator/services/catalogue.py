"""Publish and retire agents, tools and workflows. A revision is immutable and named by the digest of its JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
from django.contrib.auth import get_user_model
from msgspec.structs import replace

from orchestrator import engine, eventlog
from orchestrator.domain import assumptions, digests, errors, ids, soundness
from orchestrator.domain import commands as c
from orchestrator.domain import events as e
from orchestrator.domain.specs import AgentSpec, Assumption, ToolSpec, WorkflowSpec
from orchestrator.kinds import ChangedMeanwhile
from orchestrator.queries.published import find_agent, find_tool, find_workflow, pin


class NothingChanged(errors.Refused):
    """This is what is published already; there is nothing to publish."""


class Unsound(errors.Refused):
    """This cannot be published as it stands. `faults` names each field and what is wrong with it."""

    def __init__(self, faults: Sequence[soundness.Fault]) -> None:
        self.faults = list(faults)
        super().__init__(" ".join(fault.text for fault in faults), faults=self.faults)


class NotRunnable(Unsound):
    """This workflow cannot run as it stands."""


class Unanswered(errors.Refused):
    """Each assumption of the pattern needs the author's answer and its reason before anybody relies on it."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = list(ids)
        super().__init__(f"Answer each assumption with a reason first. Not answered: {', '.join(ids)}.")


class NoOwner(errors.Refused):
    """An accountable person must be named as the owner, by their username."""


def publish_agent(
    *, spec: AgentSpec, by: str, now: dt.datetime, notes: str = "", expected: int | None = None
) -> AgentSpec:
    """Publish a new revision of an agent; returns it with its revision and digest.

    `expected` is the revision the author started from, 0 for a new agent: if another was published since,
    ChangedMeanwhile. Raises NothingChanged, NoOwner, Unsound.
    """
    _must_own(spec.owner)
    _must_be_sound(soundness.agent_faults(spec))
    stream, head = _subject("agent", spec.slug)
    current = find_agent(spec.slug)
    revision = _next(current.revision if current else 0, expected)
    published = _numbered(spec, current.digest if current else "", revision=revision)
    body = e.AgentPublished(
        slug=spec.slug,
        name=spec.name,
        owner=spec.owner,
        revision=revision,
        digest=published.digest,
        spec=msgspec.Raw(digests.canonical(msgspec.to_builtins(published))),
        published_by=by,
        notes=notes,
    )
    _record(stream, "agent", body, by, now, head)
    return published


def publish_tool(*, spec: ToolSpec, by: str, now: dt.datetime, expected: int | None = None) -> ToolSpec:
    """Publish a new version of a tool's declaration. Raises NothingChanged, Unsound, ChangedMeanwhile."""
    _must_be_sound(soundness.tool_faults(spec))
    stream, head = _subject("tool", spec.name)
    current = find_tool(spec.name)
    version = _next(current.version if current else 0, expected)
    published = _numbered(spec, current.digest if current else "", version=version)
    body = e.ToolPublished(
        name=spec.name,
        version=version,
        digest=published.digest,
        spec=msgspec.Raw(digests.canonical(msgspec.to_builtins(published))),
        published_by=by,
    )
    _record(stream, "tool", body, by, now, head)
    return published


def publish_workflow(
    *, spec: WorkflowSpec, by: str, now: dt.datetime, notes: str = "", expected: int | None = None
) -> WorkflowSpec:
    """Publish a new revision of a workflow, pinning the newest revisions of its agents and their tools.

    An assumption that does not hold, or that the system finds not to hold, is published with its reason and
    shown; one without a reason is not. Raises NotRunnable with every fault, Unanswered, NothingChanged, NoOwner.
    """
    _must_own(spec.owner)
    pinned = pin(spec)
    faults = soundness.workflow_faults(pinned)
    if faults:
        raise NotRunnable(faults)
    checked = replace(pinned, assumptions=assumptions.check(pinned))
    unanswered = [given.id for given in checked.assumptions if not given.reason.strip()]
    if unanswered:
        raise Unanswered(unanswered)
    stream, head = _subject("workflow", spec.slug)
    current = find_workflow(spec.slug)
    revision = _next(current.revision if current else 0, expected)
    published = _numbered(checked, current.digest if current else "", revision=revision)
    body = e.WorkflowPublished(
        slug=spec.slug,
        name=spec.name,
        owner=spec.owner,
        pattern=spec.pattern,
        revision=revision,
        digest=published.digest,
        spec=msgspec.Raw(digests.canonical(msgspec.to_builtins(published))),
        published_by=by,
        notes=notes,
    )
    _record(stream, "workflow", body, by, now, head)
    return published


def retire_workflow(*, slug: str, reason: str, by: str, now: dt.datetime) -> None:
    """Take a workflow out of use; its runs go on, its history stays. Publishing again takes it back into use."""
    _retire("workflow", slug, e.WorkflowRetired(slug=slug, reason=_reason(reason)), by, now)


def retire_agent(*, slug: str, reason: str, by: str, now: dt.datetime) -> None:
    """Take an agent out of use; workflows that pin it keep their revision."""
    _retire("agent", slug, e.AgentRetired(slug=slug, reason=_reason(reason)), by, now)


def unmet(spec: WorkflowSpec) -> list[Assumption]:
    """The assumptions that do not hold, by the author's answer or by what the system found."""
    return [given for given in spec.assumptions if not given.holds or given.checked is False]


def _numbered(spec: Any, current: str, **number: int) -> Any:
    digest = _sealed(spec)
    if current == digest:
        raise NothingChanged()
    return replace(spec, digest=digest, **number)


def _sealed(spec: AgentSpec | ToolSpec | WorkflowSpec) -> str:
    """The digest of what a spec says, apart from its number and its own digest."""
    plain = digests.said(spec)
    for name in ("revision", "version", "digest"):
        plain.pop(name, None)
    return digests.digest(plain)


def _subject(kind: str, name: str) -> tuple[str, int]:
    """The stream of a subject and its head. Read before its rows, so that a later publication shows as a conflict."""
    stream = ids.from_key(kind, name)
    return stream, eventlog.load(stream, kind=kind, fresh=True).head


def _next(current: int, expected: int | None) -> int:
    if expected is not None and expected != current:
        raise ChangedMeanwhile()
    return current + 1


def _record(stream: str, kind: str, body: e.Body, by: str, now: dt.datetime, head: int) -> None:
    actor = by if by == "system" else f"user:{by}"
    command = c.Record(actor=actor, at=eventlog.micros(now), bodies=(body,), expected_seq=head)
    engine.submit(stream, command, kind=kind)


def _retire(kind: str, slug: str, body: e.Body, by: str, now: dt.datetime) -> None:
    stream, head = _subject(kind, slug)
    if not head:
        raise errors.NotFound(f"There is no {kind} {slug!r}.")
    _record(stream, kind, body, by, now, head)


def _reason(reason: str) -> str:
    if not reason.strip():
        raise errors.Refused("Say why it is retired, so that others understand.")
    return reason.strip()[: soundness.MAX_TEXT]


def _must_be_sound(faults: Sequence[soundness.Fault]) -> None:
    if faults:
        raise Unsound(faults)


def _must_own(owner: str) -> None:
    people = get_user_model().objects.filter(username=owner, is_active=True)
    if not owner or not people.exists():
        raise NoOwner(
            f"{owner or 'Nobody'} is not an active person here. Name the accountable person by username."
        )
