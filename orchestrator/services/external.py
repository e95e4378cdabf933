"""External runs: what an agent that works elsewhere does here. It asks, waits, claims, acts there, and reports.

Its actions pass the same gate as any other. They yield no effect to execute: the claim through this module is the
one-time take, and from then on the clock runs until the result is reported.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from orchestrator import blobs, engine, eventlog, models, ports
from orchestrator.domain import commands as c
from orchestrator.domain import digests, errors, ids, sealing
from orchestrator.domain.callers import Caller
from orchestrator.domain.replies import Assertion
from orchestrator.domain.rules import shared
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.state import Action, RunState
from orchestrator.queries import external as queries
from orchestrator.queries import published
from orchestrator.services import weighing

Outcome = Literal["executed", "failed", "unknown"]


class AgentRetired(errors.NotPermitted):
    """This agent is retired, so it starts nothing and asks for nothing any more."""


class NoSuchRevision(errors.NotPermitted):
    """The revision that this token pins does not exist. Ask an administrator for a new token."""


class Claim(NamedTuple):
    """What came of a claim: until when the executor may begin, or why it may not (it is assessed anew)."""

    execute_by: dt.datetime | None
    arguments: Any = None
    objection: str = ""


def start_run(
    *,
    caller: Caller,
    key: str,
    title: str = "",
    inputs: dict[str, Any] | None = None,
    on_behalf_of: str = "",
    now: dt.datetime,
) -> str:
    """Start an external run of the caller's pinned agent revision; returns its id. The same key is the same run."""
    agent = published.find_agent(caller.agent, caller.revision)
    if agent is None:
        raise NoSuchRevision()
    must_be_in_use(caller.agent)
    run = ids.from_key("run", f"external:{caller.agent}:{key}")
    spec = WorkflowSpec(
        slug=queries.workflow_of(agent.slug),
        name=f"External run of {agent.name}",
        owner=agent.owner,
        pattern="external",
        revision=agent.revision,
        agents={agent.slug: agent},
        tools=published.tools(agent.scope.tools),
        policy=caller.policy,
    )
    data = digests.canonical(msgspec.to_builtins(spec))
    command = c.StartRun(
        actor=caller.actor,
        at=eventlog.micros(now),
        spec=msgspec.Raw(data),
        spec_digest=digests.sha256(data),
        input=blobs.seal(inputs or {}),
        started_by=f"agent:{caller.agent}",
        on_behalf_of=on_behalf_of or agent.owner,
        title=title[:200],
    )
    try:
        engine.submit(run, command, kind="run", begins=True)
    except errors.Refused:
        if eventlog.load(run, fresh=True).head == 0:
            raise
    return run


def claim_action(*, caller: Caller, run: str, action: str, digest: str) -> Claim:
    """Take an action that may happen now, once. The caller echoes the digest of what it is about to do.

    Raises DigestMismatch, WrongStep, ActionIsSettled. An approval that no longer holds gives an objection, and the
    action is assessed anew.
    """
    with transaction.atomic():
        state = locked(caller, run)
        found = shared.open_action(state, action)
        if found.digest != digest:
            raise shared.DigestMismatch(action=action)
        shared.must_step(found, "claimed")
        arguments = _sealed_arguments(state, found)
        at = timezone.now()
        objection = weighing.objection(state, found, at)
        if objection is not None:
            recall = c.RecallAction(actor="system", at=eventlog.micros(at), action=action, reason=objection)
            engine.submit(run, recall)
            return Claim(None, objection=objection)
        is_released = found.status == "released"
        execute_by = ports.gate().execute_by(found.request) if is_released else None
        execute_by = execute_by or at + dt.timedelta(seconds=settings.EXTERNAL_EXECUTE_SECONDS)
        command = c.ClaimAction(
            actor=caller.actor,
            at=eventlog.micros(at),
            action=action,
            digest=digest,
            execute_by=eventlog.micros(execute_by),
        )
        engine.submit(run, command)
    return Claim(execute_by, arguments)


def report_result(
    *, caller: Caller, run: str, action: str, outcome: Outcome, result: Any = None, text: str = ""
) -> None:
    """Say what became of a claimed action. "unknown" hands it to a named person. Raises WrongStep."""
    with transaction.atomic():
        locked(caller, run)
        signed: dict[str, Any] = {
            "actor": caller.actor,
            "at": eventlog.micros(timezone.now()),
            "action": action,
        }
        command: c.Command
        if outcome == "executed":
            command = c.RecordResult(result=blobs.seal(result), **signed)
        elif outcome == "failed":
            command = c.RecordActionFailure(text=text or "The agent reported that it failed.", **signed)
        else:
            command = c.RecordUnconfirmed(
                text=text or "The agent does not know whether it happened. Find out, then settle the action.",
                **signed,
            )
        engine.submit(run, command)


def finish_run(
    *, caller: Caller, run: str, succeeded: bool, output: Any = None, reason: str = "", now: dt.datetime
) -> None:
    """The agent is done. What still waits for people is withdrawn. Raises StillClaimed, ReasonMissing."""
    command = c.FinishRun(
        actor=caller.actor,
        at=eventlog.micros(now),
        succeeded=succeeded,
        output=blobs.seal(output) if succeeded and output is not None else None,
        reason=reason.strip(),
    )
    _end(caller, run, command, "The agent ended the run.", now)


def cancel_run(*, caller: Caller, run: str, reason: str, now: dt.datetime) -> None:
    """The agent gives up. What still waits for people is withdrawn; what was claimed is followed to its outcome."""
    command = c.CancelRun(actor=caller.actor, at=eventlog.micros(now), reason=reason.strip())
    _end(caller, run, command, f"The run was cancelled: {reason.strip()}", now)


def assert_beliefs(*, caller: Caller, run: str, assertions: Sequence[Assertion], now: dt.datetime) -> int:
    """State something with its evidence; returns the event's seq."""
    command = c.AssertBeliefs(
        actor=caller.actor,
        at=eventlog.micros(now),
        assertions=blobs.seal(msgspec.to_builtins(list(assertions))),
        count=len(assertions),
    )
    with transaction.atomic():
        locked(caller, run)
        return engine.submit(run, command).events[0].seq


def unconfirm_overdue(now: dt.datetime) -> int:
    """Give claimed actions whose executor was not heard of to a named person; returns how many.

    Due is what has no result EXTERNAL_SILENCE_SECONDS after its time to begin, by the event that claimed it.
    """
    silence = dt.timedelta(seconds=settings.EXTERNAL_SILENCE_SECONDS)
    claimed = (
        models.Action.objects.filter(state="claimed", run__pattern="external", changed_at__lt=now - silence)
        .order_by("changed_at")
        .values_list("run_id", "action")
    )
    latest = eventlog.micros(now - silence)
    found = 0
    for run, action in claimed.iterator(chunk_size=500):
        state: RunState = eventlog.load(str(run), fresh=True).state
        known = state.actions.get(action)
        if known is None or known.status != "claimed" or known.execute_by > latest:
            continue
        text = (
            f"{known.tool} was claimed by an agent elsewhere, and no result was reported in time. "
            "Find out whether it happened, then settle the action."
        )
        command = c.RecordUnconfirmed(actor="system", at=eventlog.micros(now), action=action, text=text)
        try:
            engine.submit(str(run), command)
            found += 1
        except errors.Refused:
            continue  # the result came in the same moment
    return found


def _end(caller: Caller, run: str, command: c.Command, reason: str, now: dt.datetime) -> None:
    with transaction.atomic():
        state = locked(caller, run)
        waiting = [action.id for action in state.actions.values() if action.status not in shared.UNDERWAY]
        engine.submit(run, command)
        ports.gate().withdrawn(run, waiting, reason=reason, at=now)


def locked(caller: Caller, run: str) -> RunState:
    """The caller's own run as it stands, its stream locked until the transaction ends. Raises NotYours."""
    queries.must_own(caller, run)
    eventlog.lock(run)
    state: RunState = eventlog.load(run, fresh=True).state
    return state


def _sealed_arguments(state: RunState, action: Action) -> Any:
    """The stored call, checked against its seal: only this may be executed."""
    arguments = blobs.value(action.arguments)
    agent, tool = state.spec.agents[action.agent], state.spec.tools[action.tool]
    if sealing.action_digest(agent, tool, action.tool, arguments, state.on_behalf_of) != action.digest:
        raise errors.Corrupt(
            f"Action {action.id} is not the one that was sealed: its stored arguments give another digest."
        )
    return arguments


def must_be_in_use(agent: str) -> None:
    """Raises AgentRetired."""
    if not models.Agent.objects.filter(slug=agent, is_retired=False).exists():
        raise AgentRetired()
