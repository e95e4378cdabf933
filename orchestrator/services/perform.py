"""Performs one held effect: calls the port outside any transaction, and brings back a command.

Five kinds: a turn (an agent answers), a validation (a verdict over its output), an assessment (the gate answers),
an execution (the executor takes the action once and acts), an answer (an agent is asked by a reviewer).
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from orchestrator import blobs, dispatch, engine, eventlog, ports, sql
from orchestrator.domain import commands as c
from orchestrator.domain import errors, sealing
from orchestrator.domain.content import Content
from orchestrator.domain.effects import Fence
from orchestrator.domain.replies import Assertion, Reply, Usage
from orchestrator.domain.state import Action, RunState, Turn
from orchestrator.domain.validation import Finding, StageVerdict
from orchestrator.engine import Appended
from orchestrator.outbox import Held, Owner
from orchestrator.ports import Verdict
from orchestrator.services import answers, facts, leases, outside_tools

log = structlog.get_logger(__name__)


# How long a known result is held on to while the database is away.
REPORT_SECONDS = 20.0


class NoLongerWanted(Exception):
    """Not an error: the run moved on, and this effect is not part of its plan any more."""


def perform(
    state: RunState, held: Held, owner: Owner, overran: Callable[[errors.PortFailure], None] | None = None
) -> Appended | None:
    """Do the work of one effect and append what it brought. Raises PortFailure, NoLongerWanted, engine.Lost, and
    ports.Abandoned after `overran` was told that an agent's time is up."""
    if held.kind == "turn":
        return _turn(state, held, owner, overran)
    return _PERFORM[held.kind](state, held, owner)


def _turn(
    state: RunState, held: Held, owner: Owner, overran: Callable[[errors.PortFailure], None] | None
) -> Appended | None:
    turn = state.turns.get(held.subject)
    if turn is None or turn.answered:
        raise NoLongerWanted
    spec = state.spec
    stage = spec.stage(turn.stage)
    agent = spec.agents[turn.agent]
    request = ports.TurnRequest(
        run=state.stream,
        turn=turn.id,
        key=held.key,
        agent=agent,
        stage=stage,
        tools=tuple(spec.tools[name] for name in agent.scope.tools if name in spec.tools),
        inputs=facts.stage_inputs(state, stage),
        attempt=turn.attempt,
        number=turn.number,
        feedback=turn.feedback,
        results=facts.results(state),
        transcript=blobs.value(turn.transcript) if turn.transcript else None,
        read_file=_reader(state),
        is_cancelled=lambda: leases.is_gone(held.key),
        stream_text=lambda text: dispatch.tell_text(state.stream, turn.id, text),
        overran=overran,
    )
    reply = ports.runners()[agent.kind].invoke(request)
    fence = Fence(held.key, held.token, True)
    return _surely(
        lambda: engine.submit(state.stream, reply_command(state, turn, reply), fence=fence, owner=owner)
    )


def reply_command(state: RunState, turn: Turn, reply: Reply) -> c.RecordReply:
    """The command that records a reply: its actions sealed, its large content kept first."""
    spec = state.spec
    agent = spec.agents[turn.agent]
    sealed: list[c.SealedAction] = []
    for proposal in reply.actions:
        action, data = sealing.seal_action(spec, agent, proposal, on_behalf_of=state.on_behalf_of)
        for part in data:
            blobs.put(part)
        sealed.append(action)
    has_output = reply.output is not msgspec.UNSET
    proposals = _keep_proposals(sealed) if has_output and sealed else None
    return c.RecordReply(
        actor="system",
        at=_now(),
        turn=turn.id,
        output=blobs.seal(reply.output) if has_output else None,
        proposals=proposals,
        transcript=blobs.seal(reply.transcript) if reply.transcript is not None else None,
        assertions=blobs.seal(msgspec.to_builtins(reply.assertions)) if reply.assertions else None,
        assertion_count=len(reply.assertions),
        actions=tuple(sealed),
        note=reply.note,
        more=reply.more,
        suspects_upstream=reply.suspects_upstream,
        **usage_fields(reply.usage),
    )


def usage_fields(usage: Sequence[Usage]) -> dict[str, Any]:
    """What the calls behind one answer used together. The cost is None when any price is unknown, because a
    partial sum would look like a whole."""
    costs = [_price(item.cost) for item in usage]
    is_known = bool(costs) and all(cost is not None for cost in costs)
    return {
        "model": usage[-1].model if usage else "",
        "input_tokens": sum(item.input_tokens for item in usage),
        "output_tokens": sum(item.output_tokens for item in usage),
        "cost": str(sum((cost for cost in costs if cost is not None), Decimal(0))) if is_known else None,
        "is_estimated": any(item.is_estimated for item in usage),
        "milliseconds": sum(item.milliseconds for item in usage),
    }


def _price(said: str | None) -> Decimal | None:
    """A price that an adapter or agent named, None when it is no amount at all."""
    try:
        price = Decimal(said) if said is not None else None
    except InvalidOperation:
        return None
    return price if price is not None and price.is_finite() and 0 <= price < 10**9 else None


def _keep_proposals(sealed: list[c.SealedAction]) -> Content:
    return blobs.seal(msgspec.json.decode(msgspec.json.encode(sealed)))


def _validate(state: RunState, held: Held, owner: Owner) -> Appended | None:
    turn = state.turns.get(held.subject)
    if turn is None or not turn.answered or turn.answer is None:
        raise NoLongerWanted
    stage = state.spec.stage(turn.stage)
    if turn.suspects_upstream:
        verdict = StageVerdict(
            outcome="upstream_suspect",
            findings=(Finding(outcome="upstream_suspect", text=turn.suspects_upstream, validator="agent"),),
        )
    else:
        output = blobs.value(turn.answer)
        assertions = blobs.value(turn.assertions) if turn.assertions else []
        verdict = ports.validate()(
            stage,
            state.spec.agents[turn.agent],
            output,
            facts.stage_inputs(state, stage),
            Reply(output=output, assertions=msgspec.convert(assertions, tuple[Assertion, ...])),
            facts.file_digests(state),
        )
    actions: tuple[c.SealedAction, ...] = ()
    if turn.proposals is not None and verdict.outcome == "pass":
        actions = msgspec.json.decode(blobs.inline(turn.proposals), type=tuple[c.SealedAction, ...])
    command = c.RecordVerdict(actor="system", at=_now(), turn=turn.id, verdict=verdict, actions=actions)
    return engine.submit(state.stream, command, fence=Fence(held.key, held.token, True), owner=owner)


def _assess(state: RunState, held: Held, owner: Owner) -> Appended | None:
    action = state.actions.get(held.subject)
    if action is None or action.status != "proposed":
        raise NoLongerWanted
    fence = Fence(held.key, held.token, True)
    if action.amount is not None:
        # Totals go by agent, target and day: two assessments must not both fit into what only one of them may use.
        with transaction.atomic():
            sql.run("SELECT pg_advisory_xact_lock(hashtext($1))", [f"rolling:{action.currency or ''}"])
            return _assess_locked(state, action, fence, owner)
    known = facts.action_facts(state, action)
    verdict = _ask_gate(known)
    if verdict.decision != "hold":
        return engine.submit(state.stream, _assessment(action, verdict), fence=fence, owner=owner)
    with transaction.atomic():
        return _hold(state, action, known, verdict, fence, owner)


def _assess_locked(state: RunState, action: Action, fence: Fence, owner: Owner) -> Appended:
    known = facts.action_facts(state, action)
    verdict = _ask_gate(known)
    if verdict.decision == "hold":
        return _hold(state, action, known, verdict, fence, owner)
    eventlog.lock(state.stream)
    return engine.submit(state.stream, _assessment(action, verdict), fence=fence, owner=owner)


def _hold(
    state: RunState, action: Action, known: ports.ActionFacts, verdict: Verdict, fence: Fence, owner: Owner
) -> Appended:
    """Hold the action and open its request in one transaction: a held action nobody can decide does not exist."""
    eventlog.lock(state.stream)
    at = timezone.now()
    appended = engine.submit(state.stream, _assessment(action, verdict), fence=fence, owner=owner)
    ports.gate().held(known, verdict, at=at)
    return appended


def _ask_gate(known: ports.ActionFacts) -> Verdict:
    try:
        return outside_tools.held_if_changed(known.tool, ports.gate().assess(known))
    except Exception as error:
        # The gate fails closed: what could not be weighed is held for a person.
        log.exception("gate_failed", run=known.run, action=known.action)
        return Verdict(
            decision="hold",
            rule="gate-failure",
            explanation=f"The policy could not be evaluated ({type(error).__name__}), so a person must look.",
            tier="high",
        )


def _assessment(action: Action, verdict: Verdict) -> c.RecordAssessment:
    return c.RecordAssessment(
        actor="system",
        at=_now(),
        action=action.id,
        decision=verdict.decision,
        rule=verdict.rule,
        explanation=verdict.explanation,
        tier=verdict.tier if verdict.decision == "hold" else "",
        policy=verdict.policy,
        policy_revision=verdict.policy_revision,
    )


def _execute(state: RunState, held: Held, owner: Owner) -> Appended | None:
    action = state.actions.get(held.subject)
    if action is None or action.status not in {"allowed", "released", "claimed"}:
        raise NoLongerWanted
    tool = state.spec.tools[action.tool]
    finishing = Fence(held.key, held.token, True)
    if action.status == "claimed" and not tool.idempotent:
        # Somebody took it and was not heard of again. Whether it happened is for a person to find out.
        text = (
            f"{tool.name} was started, and the worker stopped before its result was recorded. "
            "Find out whether it happened, then settle the action."
        )
        command: c.Command = c.RecordUnconfirmed(actor="system", at=_now(), action=action.id, text=text)
        return engine.submit(state.stream, command, fence=finishing, owner=owner)
    arguments = blobs.value(action.arguments)
    agent = state.spec.agents[action.agent]
    if sealing.action_digest(agent, tool, action.tool, arguments, state.on_behalf_of) != action.digest:
        raise errors.Corrupt(
            f"Action {action.id} is not the one that was sealed: its stored arguments give another digest. "
            "Nothing was executed."
        )
    if action.consequential and action.status != "claimed":
        recalled = _claim(state, action, Fence(held.key, held.token, False), finishing, owner)
        if recalled is not None:
            return recalled
    request = ports.ExecutionRequest(
        run=state.stream,
        action=action.id,
        key=held.key,
        tool=tool,
        arguments=arguments,
        is_cancelled=lambda: leases.is_gone(held.key),
        read_file=_reader(state),
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
            command = c.RecordUnconfirmed(actor="system", at=_now(), action=action.id, text=text)
        else:
            command = c.RecordActionFailure(actor="system", at=_now(), action=action.id, text=failure.message)
        return _surely(lambda: engine.submit(state.stream, command, fence=finishing, owner=owner))

    def record() -> Appended:
        result = c.RecordResult(actor="system", at=_now(), action=action.id, result=blobs.seal(value))
        return engine.submit(state.stream, result, fence=finishing, owner=owner)

    return _surely(record)


def _surely(record: Callable[[], Appended]) -> Appended:
    """Record what is known, also while the database is away for a moment: an answer that was paid for, or an
    effect that happened, must not be lost and asked for again. After REPORT_SECONDS the error is raised."""
    give_up = time.monotonic() + REPORT_SECONDS
    while True:
        try:
            return record()
        except (OperationalError, InterfaceError, engine.TooBusy):
            if connection.in_atomic_block or time.monotonic() > give_up:
                raise
            connection.close()
            time.sleep(0.3)


def _claim(
    state: RunState, action: Action, holding: Fence, finishing: Fence, owner: Owner
) -> Appended | None:
    """The one-time take, in one transaction with the gate's last word. None: it is ours, go on.

    What people released is taken only while that release holds; what the policy allowed is weighed again, because
    a pause may lie between, in which the policy became stricter.
    """
    with transaction.atomic():
        eventlog.lock(state.stream)
        at = timezone.now()
        because = objection(state, action, at)
        if because is not None:
            recall = c.RecallAction(actor="system", at=eventlog.micros(at), action=action.id, reason=because)
            return engine.submit(state.stream, recall, fence=finishing, owner=owner)
        claim = c.ClaimAction(actor="system", at=eventlog.micros(at), action=action.id, digest=action.digest)
        engine.submit(state.stream, claim, fence=holding, owner=owner)
    return None


def objection(state: RunState, action: Action, at: dt.datetime) -> str | None:
    """The gate's last word before an action is taken: None to let it pass, or why it may not happen now."""
    if not action.consequential:
        return None
    known = facts.action_facts(state, action)
    if action.status == "released":
        return ports.gate().claiming(known, request=action.request, at=at)
    verdict = _ask_gate(known)
    return None if verdict.decision == "allow" else verdict.explanation


def _answer(state: RunState, held: Held, owner: Owner) -> Appended | None:
    """A reviewer's question, put to the agent beside the work."""
    question = state.questions.get(held.subject)
    if question is None:
        raise NoLongerWanted
    spoken, could = answers.ask(state, question, held)
    fence = Fence(held.key, held.token, True)
    return answers.record(state.stream, question, spoken, could, usage_fields(spoken.usage), fence, owner)


def _now() -> int:
    return eventlog.micros(timezone.now())


_PERFORM: dict[str, Callable[[RunState, Held, Owner], Any]] = {
    "validate": _validate,
    "assess": _assess,
    "execute": _execute,
    "answer": _answer,
}


def _reader(state: RunState) -> Callable[[str], bytes]:
    """Reads files of this run and no others."""
    allowed = facts.file_digests(state)

    def read_file(digest: str) -> bytes:
        if digest not in allowed:
            raise errors.NotPermitted("This file does not belong to the run.", digest=digest)
        return blobs.read(digest)

    return read_file
