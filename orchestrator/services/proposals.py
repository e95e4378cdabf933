"""What agents elsewhere ask for: counted, coalesced in a flood, turned away only when the gate does not call it grave."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import msgspec
import structlog
from django.db import transaction

from orchestrator import blobs, engine, eventlog, ports
from orchestrator.domain import commands as c
from orchestrator.domain import events as e
from orchestrator.domain import sealing
from orchestrator.domain.callers import Caller
from orchestrator.domain.decide import decide
from orchestrator.domain.replies import ProposedAction
from orchestrator.domain.rules import external as rules
from orchestrator.domain.state import RunState
from orchestrator.queries import external as queries
from orchestrator.services import external, facts, rates

log = structlog.get_logger(__name__)


class Proposed(NamedTuple):
    """The action that a proposal became. `coalesced` marks one that waited already and was not asked for anew."""

    run: str
    action: str
    coalesced: bool = False


class _WaitsAlready(Exception):
    """Not an error: the same call waits under this name."""

    def __init__(self, run: str, action: str) -> None:
        super().__init__(run, action)
        self.run, self.action = run, action


def propose(*, caller: Caller, run: str, proposal: ProposedAction, now: dt.datetime) -> Proposed:
    """Ask for an action. Raises RunIsOver, NotExternal, AgentRetired, TooManyOpen, rates.TooOften.

    Many in a minute are coalesced: one that says what another says that still waits gives that one. Past the ceiling
    only what the gate calls grave gets in; the rest is told when to come again.
    """
    with transaction.atomic():
        try:
            return _propose(caller, run, proposal, now)
        except _WaitsAlready as waits:
            return Proposed(waits.run, waits.action, coalesced=True)


def ask(*, caller: Caller, proposal: ProposedAction, title: str = "", key: str, now: dt.datetime) -> Proposed:
    """Start a run for one action and ask for it. Nothing is started when it is turned away, or waits elsewhere."""
    try:
        with transaction.atomic():
            run = external.start_run(caller=caller, key=key, title=title, now=now)
            return _propose(caller, run, proposal, now, anywhere=True)
    except _WaitsAlready as waits:
        return Proposed(waits.run, waits.action, coalesced=True)


def _propose(
    caller: Caller, run: str, proposal: ProposedAction, now: dt.datetime, *, anywhere: bool = False
) -> Proposed:
    """Inside the caller's transaction, so that nothing is left of what is turned away. Raises _WaitsAlready."""
    external.must_be_in_use(caller.agent)
    state = external.locked(caller, run)
    agent = next(iter(state.spec.agents.values()))
    known = state.spec.tools.get(proposal.tool)
    pace = rates.take_proposal(caller, known.category if known is not None else "")
    sealed, data = sealing.seal_action(state.spec, agent, proposal, on_behalf_of=state.on_behalf_of)
    for part in data:
        blobs.put(part)
    command = c.ProposeAction(actor=caller.actor, at=eventlog.micros(now), sealed=sealed)
    if pace.retry_after or len(state.actions) >= rules.MOST_OPEN:
        command = msgspec.structs.replace(command, is_grave=_is_grave(state, command))
        if pace.retry_after and not command.is_grave:
            raise rates.too_often(pace.retry_after)
    if pace.coalesce:
        waiting = queries.waiting_with(caller, sealed.digest, run="" if anywhere else run)
        if waiting is not None:
            raise _WaitsAlready(*waiting)
    body = engine.submit(run, command, queue="runs").events[0].body
    assert isinstance(body, e.ActionProposed)
    return Proposed(run, body.action)


def _is_grave(state: RunState, command: c.ProposeAction) -> bool:
    """Whether the gate's tier for this proposal is one that is never turned away. The agent has no say in it."""
    tried = decide(state, msgspec.structs.replace(command, is_grave=True)).state
    asked = next((action for key, action in tried.actions.items() if key not in state.actions), None)
    if asked is None:
        return False  # refused by itself: nobody is asked about it
    try:
        return ports.gate().tier(facts.action_facts(tried, asked)) in rates.NEVER_TURNED_AWAY
    except Exception:
        log.exception("tier_unknown", run=state.stream, tool=asked.tool)
        return True  # what could not be weighed is not turned away
