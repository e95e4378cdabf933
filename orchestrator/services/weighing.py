"""What the gate says of an action: when it is proposed, and once more before it is taken."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction
from django.utils import timezone

from orchestrator import engine, eventlog, ports, sql
from orchestrator.domain import commands as c
from orchestrator.domain.effects import Fence
from orchestrator.domain.state import Action, RunState
from orchestrator.engine import Appended
from orchestrator.outbox import Held, Owner
from orchestrator.ports import Verdict
from orchestrator.services import facts, outside_tools, reports

log = structlog.get_logger(__name__)


def assess(state: RunState, held: Held, owner: Owner) -> Appended | None:
    """Ask the gate about a proposed action and record its answer; a hold opens its request in the same commit.
    Raises reports.NoLongerWanted."""
    action = state.actions.get(held.subject)
    if action is None or action.status != "proposed":
        raise reports.NoLongerWanted
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
        at=reports.now(),
        action=action.id,
        decision=verdict.decision,
        rule=verdict.rule,
        explanation=verdict.explanation,
        tier=verdict.tier if verdict.decision == "hold" else "",
        policy=verdict.policy,
        policy_revision=verdict.policy_revision,
    )


def objection(state: RunState, action: Action, at: dt.datetime) -> str | None:
    """The gate's last word before an action is taken: None to let it pass, or why it may not happen now."""
    if not action.consequential:
        return None
    known = facts.action_facts(state, action)
    if action.status == "released":
        return ports.gate().claiming(known, request=action.request, at=at)
    verdict = _ask_gate(known)
    return None if verdict.decision == "allow" else verdict.explanation
