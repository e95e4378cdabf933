"""Performs one held effect: calls the port outside any transaction, and brings back a command.

Five kinds: a turn (an agent answers), a validation (a verdict over its output), an assessment (the gate answers),
an execution (the executor takes the action once and acts), an answer (an agent is asked by a reviewer).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from orchestrator import blobs, dispatch, engine, ports
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.effects import Fence
from orchestrator.domain.replies import Assertion, Reply
from orchestrator.domain.state import RunState
from orchestrator.domain.validation import Finding, StageVerdict
from orchestrator.engine import Appended
from orchestrator.outbox import Held, Owner
from orchestrator.services import answers, executing, facts, leases, replying, reports, weighing


def perform(
    state: RunState, held: Held, owner: Owner, overran: Callable[[errors.PortFailure], None] | None = None
) -> Appended | None:
    """Do the work of one effect and append what it brought. Raises PortFailure, reports.NoLongerWanted, engine.Lost, and
    ports.Abandoned after `overran` was told that an agent's time is up."""
    if held.kind == "turn":
        return _turn(state, held, owner, overran)
    return _PERFORM[held.kind](state, held, owner)


def _turn(
    state: RunState, held: Held, owner: Owner, overran: Callable[[errors.PortFailure], None] | None
) -> Appended | None:
    turn = state.turns.get(held.subject)
    if turn is None or turn.answered:
        raise reports.NoLongerWanted
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
        read_file=facts.reader(state),
        is_cancelled=lambda: leases.is_gone(held.key),
        stream_text=lambda text: dispatch.tell_text(state.stream, turn.id, text),
        overran=overran,
    )
    reply = ports.runners()[agent.kind].invoke(request)
    fence = Fence(held.key, held.token, True)
    return reports.surely(
        lambda: engine.submit(
            state.stream, replying.reply_command(state, turn, reply), fence=fence, owner=owner
        )
    )


def _validate(state: RunState, held: Held, owner: Owner) -> Appended | None:
    turn = state.turns.get(held.subject)
    if turn is None or not turn.answered or turn.answer is None:
        raise reports.NoLongerWanted
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
    command = c.RecordVerdict(
        actor="system", at=reports.now(), turn=turn.id, verdict=verdict, actions=actions
    )
    return engine.submit(state.stream, command, fence=Fence(held.key, held.token, True), owner=owner)


def _answer(state: RunState, held: Held, owner: Owner) -> Appended | None:
    """A reviewer's question, put to the agent beside the work."""
    question = state.questions.get(held.subject)
    if question is None:
        raise reports.NoLongerWanted
    spoken, could = answers.ask(state, question, held)
    fence = Fence(held.key, held.token, True)
    return answers.record(
        state.stream, question, spoken, could, replying.usage_fields(spoken.usage), fence, owner
    )


_PERFORM: dict[str, Callable[[RunState, Held, Owner], Any]] = {
    "validate": _validate,
    "assess": weighing.assess,
    "execute": executing.execute,
    "answer": _answer,
}
