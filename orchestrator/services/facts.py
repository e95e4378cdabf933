"""What the gate is told of an action, and what an agent is shown: read from the log and the rows, never from the agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from orchestrator import blobs, ports, sql
from orchestrator.domain import errors, ids
from orchestrator.domain.replies import Evidence, Result
from orchestrator.domain.specs import Scope, StageSpec
from orchestrator.domain.state import Action, RunState
from orchestrator.ports import ActionFacts
from orchestrator.queries import published, totals


def action_facts(state: RunState, action: Action) -> ActionFacts:
    """Everything the gate may weigh about one open action."""
    spec = state.spec
    agent = spec.agents[action.agent]
    evidence = blobs.value(action.evidence) if action.evidence else []
    scope_now = published.scope_since(agent)
    return ActionFacts(
        run=state.stream,
        action=action.id,
        digest=action.digest,
        workflow=spec,
        agent=agent,
        tool=spec.tools[action.tool],
        stage=action.stage,
        arguments=blobs.value(action.arguments),
        target=action.target,
        amount=action.amount,
        currency=action.currency,
        person=action.person,
        reason=action.reason,
        otherwise=action.otherwise,
        evidence=tuple(msgspec.convert(evidence, tuple[Evidence, ...])),
        started_by=state.started_by,
        on_behalf_of=state.on_behalf_of,
        rolling=rolling_totals(state, action, agent.scope),
        edited_by=action.edited_by,
        scope_now=scope_now,
        rolling_now=rolling_totals(state, action, scope_now) if scope_now is not None else {},
    )


def rolling_totals(state: RunState, action: Action, scope: Scope) -> dict[str, str]:
    """What the agent has spent or reserved within a scope's windows, by the limits' accounts, without this action.

    An amount below zero frees nothing: an agent could make room for itself with it.
    """
    found: dict[str, str] = {}
    for limit in scope.limits:
        if limit.rolling is None or limit.account in found:
            continue
        rows = sql.run(
            'SELECT coalesce(sum(greatest(amount,0)),0)::text FROM "orchestrator_action" WHERE agent=$1 AND currency=$2 '
            "AND proposed_at > clock_timestamp() - $3::float8 * interval '1 hour' AND state=ANY($4::text[]) AND id<>$5 "
            "AND ($6='*' OR tool=$6) AND run_id<>ALL($7::text[]::uuid[])",
            [
                action.agent,
                limit.currency,
                float(limit.window_hours),
                list(totals.RESERVED),
                ids.row_id(state.stream, action.id),
                limit.tool,
                list(ports.uncounted()),
            ],
        )
        found[limit.account] = rows[0][0]
    return found


def stage_inputs(state: RunState, stage: StageSpec) -> dict[str, Any]:
    """Exactly what the stage names: parts of the run's input, outputs of stages that passed."""
    given = blobs.value(state.input) if state.input else {}
    found: dict[str, Any] = {}
    for name, source in stage.inputs.items():
        head, _, path = source.partition(".")
        if head == "run":
            value = given
        else:
            output = state.stage(head).output
            value = blobs.value(output) if output is not None else None
        for part in path.split(".") if path else []:
            value = value.get(part) if isinstance(value, dict) else None
        found[name] = value
    return found


def results(state: RunState) -> tuple[Result, ...]:
    """What became of the actions that the agent waits for."""
    return tuple(
        Result(
            call_id=settled.call_id,
            tool=settled.tool,
            state=settled.state,
            value=blobs.value(settled.result) if settled.result else None,
            text=settled.text,
        )
        for settled in state.settled
    )


def file_digests(state: RunState) -> frozenset[str]:
    """The files that belong to this run: an agent may read these and no others."""
    given = blobs.value(state.input) if state.input else {}
    files = given.get("files") if isinstance(given, dict) else None
    if not isinstance(files, list):
        return frozenset()
    return frozenset(
        file["digest"] for file in files if isinstance(file, dict) and isinstance(file.get("digest"), str)
    )


def reader(state: RunState) -> Callable[[str], bytes]:
    """Reads files of this run and no others."""
    allowed = file_digests(state)

    def read_file(digest: str) -> bytes:
        if digest not in allowed:
            raise errors.NotPermitted("This file does not belong to the run.", digest=digest)
        return blobs.read(digest)

    return read_file
