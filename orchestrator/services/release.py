"""The door that a held action leaves by. Only `approvals.services` may import this module (import contract 6).

Use inside `transaction.atomic()`: `lock` first, then approvals' own rows, then `release` or `refuse`. All of it
commits together, or nothing does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from orchestrator import engine, eventlog
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.events import SignedBy
from orchestrator.domain.state import Action, RunState

__all__ = ["SignedBy", "held_action", "lock", "refuse", "release"]


def lock(*, run: str) -> int:
    """Lock the run's stream until the transaction ends, so that the decision cannot lose to a busy run."""
    return eventlog.lock(run)


def held_action(*, run: str, action: str) -> Action:
    """The action as the log has it now. Refused when it is no longer held."""
    state: RunState = eventlog.load(run, fresh=True).state
    found = state.actions.get(action)
    if found is None or found.status != "held":
        raise errors.Refused("This action no longer waits for a decision; reload to see what became of it.")
    return found


def release(
    *,
    run: str,
    action: str,
    request: str,
    digest: str,
    policy: str,
    policy_revision: int,
    sign_offs: Sequence[SignedBy],
    by: str,
    now: dt.datetime,
) -> int:
    """Let a held action proceed; returns the event's seq. Raises Refused when the digest is another's, the run
    is over, or the action is not held any more."""
    command = c.ReleaseAction(
        actor=by,
        at=eventlog.micros(now),
        action=action,
        request=request,
        digest=digest,
        policy=policy,
        policy_revision=policy_revision,
        sign_offs=tuple(sign_offs),
    )
    return _submit(run, command)


def refuse(
    *,
    run: str,
    action: str,
    source: str,
    reason: str,
    request: str,
    digest: str,
    policy: str,
    policy_revision: int,
    sign_offs: Sequence[SignedBy],
    by: str,
    now: dt.datetime,
) -> int:
    """Refuse a held action (`source`: reviewer, expiry); the agent is told the reason and the run goes on."""
    command = c.RefuseAction(
        actor=by,
        at=eventlog.micros(now),
        action=action,
        source=source,
        reason=reason,
        request=request,
        digest=digest,
        policy=policy,
        policy_revision=policy_revision,
        sign_offs=tuple(sign_offs),
    )
    return _submit(run, command)


def _submit(run: str, command: c.Command) -> int:
    return engine.submit(run, command, queue="resume").events[0].seq
