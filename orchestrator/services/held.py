"""What people may do to an action that waits for them, besides deciding: change its arguments, ask its agent.

Only `approvals.services` may import this module. Use inside `transaction.atomic()`, after `release.lock`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from orchestrator import blobs, engine, eventlog
from orchestrator.domain import commands as c
from orchestrator.domain import digests, errors, sealing
from orchestrator.domain.commands import SealedAction
from orchestrator.domain.replies import ProposedAction
from orchestrator.domain.state import Action, RunState
from orchestrator.ports import ActionFacts, Verdict
from orchestrator.services import facts


class AnotherTool(errors.Refused):
    """A change keeps the tool; another tool is another action. Reject this one and say what you want instead."""


class NotAcceptable(errors.Refused):
    """The changed call cannot be made. Correct the named fields, or go back."""


class Changed(NamedTuple):
    """A held action with other arguments: sealed as it would be stored, and what the gate would be told of it."""

    sealed: SealedAction
    facts: ActionFacts


def with_arguments(*, run: str, action: str, tool: str, arguments: Mapping[str, Any], by: str) -> Changed:
    """The held action as it would be with these arguments; nothing is written.

    Raises AnotherTool, NotAcceptable when they do not fit the tool's schema or the agent's scope.
    """
    state, found = _held(run, action)
    if tool != found.tool:
        raise AnotherTool(action=action)
    try:
        digests.canonical(dict(arguments))
    except digests.NotCanonical as error:
        raise NotAcceptable(f"These arguments cannot be stored exactly. {error}") from None
    proposal = ProposedAction(
        tool=tool,
        arguments=dict(arguments),
        reason=found.reason,
        otherwise=found.otherwise,
        call_id=found.call_id,
    )
    sealed, data = sealing.seal_action(
        state.spec, state.spec.agents[found.agent], proposal, on_behalf_of=state.on_behalf_of
    )
    if sealed.refusal:
        raise NotAcceptable(sealed.refusal)
    for part in data:
        blobs.put(part)
    changed = replace(
        found,
        arguments=sealed.arguments,
        digest=sealed.digest,
        target=sealed.target,
        amount=sealed.amount,
        currency=sealed.currency,
        person=sealed.person,
        edited_by=by,
    )
    return Changed(sealed, facts.action_facts(state, changed))


def parameters_of(*, run: str, action: str) -> dict[str, Any]:
    """The JSON Schema that the arguments of a held action must fit."""
    state, found = _held(run, action)
    return dict(state.spec.tools[found.tool].parameters)


def edit(
    *,
    run: str,
    action: str,
    changed: Changed,
    seen_digest: str,
    verdict: Verdict,
    note: str,
    replaces: str,
    by: str,
    now: dt.datetime,
) -> int:
    """Store the changed arguments as the action's; it stays held. Returns the event's seq.

    Raises Refused when the action is not held any more, is another one than was seen, or nothing changed.
    """
    sealed = changed.sealed
    command = c.EditAction(
        actor=f"user:{by}",
        at=eventlog.micros(now),
        action=action,
        seen_digest=seen_digest,
        arguments=sealed.arguments,
        digest=sealed.digest,
        editor=by,
        note=note,
        replaces=replaces,
        target=sealed.target,
        amount=sealed.amount,
        currency=sealed.currency,
        person=sealed.person,
        rule=verdict.rule,
        explanation=verdict.explanation,
        tier=verdict.tier,
        policy=verdict.policy,
        policy_revision=verdict.policy_revision,
    )
    return engine.submit(run, command).events[0].seq


def ask(*, run: str, action: str, request: str, question: str, text: str, by: str, now: dt.datetime) -> int:
    """Put a question to the action's agent; returns the event's seq. The run does not wait for it."""
    command = c.AskAgent(
        actor=f"user:{by}",
        at=eventlog.micros(now),
        question=question,
        action=action,
        request=request,
        text=text,
    )
    return engine.submit(run, command).events[0].seq


def _held(run: str, action: str) -> tuple[RunState, Action]:
    state: RunState = eventlog.load(run, fresh=True).state
    found = state.actions.get(action)
    if found is None or found.status != "held":
        raise errors.Refused("This action no longer waits for a decision; reload to see what became of it.")
    return state, found
