"""Start, pause, resume, cancel a run; settle what is unconfirmed. One function per thing a person may do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from django.db import transaction

from orchestrator import blobs, engine, eventlog, models, ports
from orchestrator.domain import commands as c
from orchestrator.domain import digests, errors, ids, schemas
from orchestrator.domain.people import Person
from orchestrator.domain.rules import shared
from orchestrator.domain.state import RunState, spec_from


class UnknownWorkflow(errors.NotFound):
    """There is no such workflow. Choose one from the Workflows page."""


class Retired(errors.Refused):
    """This workflow is retired; no new run of it may start. Choose another."""


class StartedBefore(errors.Refused):
    """A run was started under this key already, with other files or settings; that one goes on."""


def start_run(
    *,
    workflow: str,
    inputs: dict[str, Any],
    key: str,
    by: Person,
    now: dt.datetime,
    title: str = "",
    on_behalf_of: str = "",
) -> str:
    """Start a run of the newest revision of a workflow; returns its id.

    `key` is a one-time key: the same key is the same run, so a double click starts one. `inputs` is what stages
    name as "run.…". Raises UnknownWorkflow, Retired, SchemaMismatch, and StartedBefore for a key that started
    a run with another input.
    """
    found = models.Workflow.objects.filter(slug=workflow).first()
    if found is None:
        raise UnknownWorkflow(
            f"There is no workflow {workflow!r}. Choose one from the Workflows page.", workflow=workflow
        )
    if found.is_retired:
        raise Retired()
    revision = models.WorkflowRevision.objects.get(id=f"{workflow}@{found.revision}")
    return start_revision(
        spec=revision.spec.encode(),
        inputs=inputs,
        key=key,
        by=by.get_username(),
        now=now,
        title=title,
        on_behalf_of=on_behalf_of,
    )


def start_revision(
    *,
    spec: bytes,
    inputs: dict[str, Any],
    key: str,
    by: str,
    now: dt.datetime,
    title: str = "",
    on_behalf_of: str = "",
) -> str:
    """Start a run of exactly this workflow revision (its canonical JSON)."""
    digest = digests.sha256(spec)
    parsed = spec_from(digest, spec)
    schemas.require(parsed.input_schema, inputs, what="The run's input")
    run = ids.from_key("run", key)
    command = c.StartRun(
        actor=f"user:{by}",
        at=eventlog.micros(now),
        spec=msgspec.Raw(spec),
        spec_digest=digest,
        input=blobs.seal(inputs),
        started_by=by,
        on_behalf_of=on_behalf_of or by,
        title=title[:200],
    )
    try:
        engine.submit(run, command, kind="run", begins=True)
    except errors.Refused:
        there = eventlog.load(run, fresh=True)
        if there.head == 0:
            raise
        # Somebody who went back and chose other files must not believe that they are being worked on.
        if there.state.input is None or there.state.input.digest != command.input.digest:
            raise StartedBefore(run=run) from None
    return run


def pause_run(*, run: str, reason: str, by: Person, now: dt.datetime) -> None:
    """Pause: what is under way is finished and kept, nothing new begins."""
    _command(run, c.PauseRun(actor=_actor(by), at=eventlog.micros(now), reason=reason.strip()))


def resume_run(*, run: str, by: Person, now: dt.datetime, reason: str = "") -> None:
    """Resume a paused run; a stage that failed is tried again."""
    _command(run, c.ResumeRun(actor=_actor(by), at=eventlog.micros(now), reason=reason.strip()))


def cancel_run(*, run: str, reason: str, by: Person, now: dt.datetime) -> None:
    """Cancel: nothing more begins, waiting requests are withdrawn in the same transaction. What was already
    taken by an executor is still followed to its outcome."""
    with transaction.atomic():
        eventlog.lock(run)
        state: RunState = eventlog.load(run, fresh=True).state
        waiting = [action.id for action in state.actions.values() if action.status not in shared.UNDERWAY]
        command = c.CancelRun(actor=_actor(by), at=eventlog.micros(now), reason=reason.strip())
        engine.submit(run, command)
        ports.gate().withdrawn(run, waiting, reason=f"The run was cancelled: {reason.strip()}", at=now)


def confirm_action(*, run: str, action: str, executed: bool, text: str, by: Person, now: dt.datetime) -> None:
    """Settle an unconfirmed action: a named person found out whether it happened, and says how they know."""
    result = blobs.seal({"confirmed": text.strip()}) if executed else None
    command = c.ConfirmAction(
        actor=_actor(by),
        at=eventlog.micros(now),
        action=action,
        executed=executed,
        text=text.strip(),
        result=result,
    )
    _command(run, command)


def _command(run: str, command: c.Command) -> None:
    """A person's command takes the stream first, so that it cannot lose to a busy run."""
    with transaction.atomic():
        eventlog.lock(run)
        engine.submit(run, command, queue="resume")


def _actor(by: Person) -> str:
    return f"user:{by.get_username()}"
