"""Commitments of agents that run elsewhere: made, discharged or taken back by who made them, violated by the clock.

Only the agent whose run it is changes one; the ticker finds those whose time is over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal

import msgspec
import structlog
from django.db import transaction
from django.utils import timezone

from orchestrator import blobs, engine, eventlog, models
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.callers import Caller
from orchestrator.domain.replies import Evidence
from orchestrator.queries import commitments as queries
from orchestrator.services import external

log = structlog.get_logger(__name__)

Outcome = Literal["discharged", "cancelled"]


def make_commitment(
    *,
    caller: Caller,
    run: str,
    creditor: str,
    consequent: str,
    antecedent: str = "",
    premises: Sequence[str] = (),
    due: str = "",
) -> str:
    """Commit the agent to something; returns the commitment's name in its run. Raises NoMoment, RunIsOver."""
    with transaction.atomic():
        external.locked(caller, run)
        command = c.MakeCommitment(
            actor=caller.actor,
            at=eventlog.micros(timezone.now()),
            creditor=creditor,
            consequent=consequent,
            antecedent=antecedent,
            premises=tuple(premises),
            due=due.strip(),
        )
        body = engine.submit(run, command).events[0].body
    assert isinstance(body, e.CommitmentCreated)
    return body.commitment


def settle_commitment(
    *,
    caller: Caller,
    run: str,
    commitment: str,
    outcome: Outcome,
    text: str = "",
    evidence: Sequence[Evidence] = (),
) -> None:
    """Say that it was done ("discharged"), or take it back with a reason ("cancelled"). Also after the run ended.

    Raises UnknownCommitment, CommitmentIsSettled, CommitmentIsOverdue, ReasonMissing.
    """
    with transaction.atomic():
        external.locked(caller, run)
        queries.commitment_card(run, commitment)
        at = eventlog.micros(timezone.now())
        command: c.Command
        if outcome == "discharged":
            listed = msgspec.to_builtins(list(evidence))
            command = c.DischargeCommitment(
                actor=caller.actor,
                at=at,
                commitment=commitment,
                text=text.strip(),
                evidence=blobs.seal(listed) if listed else None,
            )
        else:
            command = c.CancelCommitment(
                actor=caller.actor, at=at, commitment=commitment, reason=text.strip()
            )
        engine.submit(run, command)


def violate_overdue(now: dt.datetime) -> int:
    """Record that the time of commitments is over; returns how many there were."""
    due = models.Commitment.objects.filter(state="created", due_at__lt=now).order_by("due_at")
    found = 0
    for run, commitment in due.values_list("run_id", "commitment").iterator(chunk_size=500):
        command = c.ViolateCommitment(actor="system", at=eventlog.micros(now), commitment=commitment)
        try:
            engine.submit(str(run), command)
            found += 1
        except errors.Refused:
            continue  # it was settled in the same moment
        except errors.CountersignError as error:
            # One broken run must not keep the others' from being found.
            log.warning("violate_failed", run=str(run), commitment=commitment, error=error.message)
    return found
