"""The executor: it takes an action once, with the gate's last word in the same transaction, and then acts."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from orchestrator import blobs, engine, eventlog, ports
from orchestrator.domain import commands as c
from orchestrator.domain import errors, sealing
from orchestrator.domain.effects import Fence
from orchestrator.domain.state import Action, RunState
from orchestrator.engine import Appended
from orchestrator.outbox import Held, Owner
from orchestrator.services import facts, leases, reports, weighing


def execute(state: RunState, held: Held, owner: Owner) -> Appended | None:
    """Take the action, act, and record what came of it. One that was taken and not heard of again is repeated only
    if its tool is idempotent, else a person finds out. Raises PortFailure to be tried again, errors.Corrupt,
    reports.NoLongerWanted."""
    action = state.actions.get(held.subject)
    if action is None or action.status not in {"allowed", "released", "claimed"}:
        raise reports.NoLongerWanted
    tool = state.spec.tools[action.tool]
    finishing = Fence(held.key, held.token, True)
    if action.status == "claimed" and not tool.idempotent:
        # Somebody took it and was not heard of again. Whether it happened is for a person to find out.
        text = (
            f"{tool.name} was started, and the worker stopped before its result was recorded. "
            "Find out whether it happened, then settle the action."
        )
        command: c.Command = c.RecordUnconfirmed(
            actor="system", at=reports.now(), action=action.id, text=text
        )
        return engine.submit(state.stream, command, fence=finishing, owner=owner)
    arguments = blobs.value(action.arguments)
    agent = state.spec.agents[action.agent]
    if sealing.action_digest(agent, tool, action.tool, arguments, state.on_behalf_of) != action.digest:
        raise errors.Corrupt(
            f"Action {action.id} is not the one that was sealed: its stored arguments give another digest. "
            "Nothing was executed."
        )
    if action.consequential and action.status != "claimed":
        recalled = claim(state, action, Fence(held.key, held.token, False), finishing, owner)
        if recalled is not None:
            return recalled
    request = ports.ExecutionRequest(
        run=state.stream,
        action=action.id,
        key=held.key,
        tool=tool,
        arguments=arguments,
        is_cancelled=lambda: leases.is_gone(held.key),
        read_file=facts.reader(state),
    )
    try:
        value = ports.executor().execute(request)
    except errors.PortFailure as failure:
        is_repeatable = tool.idempotent or not action.consequential
        if failure.retry == "transient" and is_repeatable:
            raise
        if not is_repeatable and (failure.retry == "transient" or failure.facts.get("uncertain")):
            # It was called, and may have done its work: only a person can find out.
            text = f"{failure.message} It is not known whether {tool.name} happened; find out, then settle the action."
            command = c.RecordUnconfirmed(actor="system", at=reports.now(), action=action.id, text=text)
        else:
            command = c.RecordActionFailure(
                actor="system", at=reports.now(), action=action.id, text=failure.message
            )
        return reports.surely(lambda: engine.submit(state.stream, command, fence=finishing, owner=owner))

    def record() -> Appended:
        result = c.RecordResult(actor="system", at=reports.now(), action=action.id, result=blobs.seal(value))
        return engine.submit(state.stream, result, fence=finishing, owner=owner)

    return reports.surely(record)


def claim(state: RunState, action: Action, holding: Fence, finishing: Fence, owner: Owner) -> Appended | None:
    """The one-time take, in one transaction with the gate's last word. None: it is ours, go on.

    What people released is taken only while that release holds; what the policy allowed is weighed again, because
    a pause may lie between, in which the policy became stricter.
    """
    with transaction.atomic():
        eventlog.lock(state.stream)
        at = timezone.now()
        because = weighing.objection(state, action, at)
        if because is not None:
            recall = c.RecallAction(actor="system", at=eventlog.micros(at), action=action.id, reason=because)
            return engine.submit(state.stream, recall, fence=finishing, owner=owner)
        claim = c.ClaimAction(actor="system", at=eventlog.micros(at), action=action.id, digest=action.digest)
        engine.submit(state.stream, claim, fence=holding, owner=owner)
    return None
