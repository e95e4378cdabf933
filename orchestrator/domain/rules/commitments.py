"""What becomes of a commitment: made, then discharged or cancelled by its debtor, or violated when its time is over."""

from __future__ import annotations

import datetime as dt

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.rules import external, shared
from orchestrator.domain.state import Commitment

# So many of one run may stand at once, and so far ahead may one be due.
MOST_OPEN = 500
MOST_AHEAD = dt.timedelta(days=3660)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class NoMoment(errors.Refused):
    """`due` must be a moment with its offset, such as 2026-12-01T17:00:00+01:00, or be left out."""

    status = 422


class TooManyCommitments(errors.Refused):
    """Too many commitments of this run stand at once. Discharge or cancel some of them first."""


class CommitmentIsSettled(errors.Refused):
    """This commitment was discharged, cancelled or violated before. Read it to see which."""


class CommitmentIsOverdue(errors.Refused):
    """The time of this commitment is over, so it counts as violated. State what you did as an assertion."""


class CommitmentIsNotDue(errors.Refused):
    """The time of this commitment is not over."""


def make(draft: Draft, command: c.MakeCommitment) -> None:
    agent = external.must_work(draft)
    if len(draft.state.commitments) >= MOST_OPEN:
        raise TooManyCommitments()
    draft.add(
        e.CommitmentCreated(
            commitment=f"c{draft.state.seq + 1}",
            debtor=agent.slug,
            creditor=command.creditor,
            consequent=command.consequent,
            antecedent=command.antecedent,
            premises=command.premises,
            due=command.due,
            due_at=_moment(command.due, command.at),
        ),
        cause=1,
    )


def discharge(draft: Draft, command: c.DischargeCommitment) -> None:
    """Also after its run has ended: what was committed may lie beyond it."""
    made = _in_time(draft, command)
    draft.add(
        e.CommitmentDischarged(
            commitment=made.id,
            debtor=made.debtor,
            creditor=made.creditor,
            text=command.text,
            evidence=command.evidence,
        ),
        cause=made.seq,
    )


def cancel(draft: Draft, command: c.CancelCommitment) -> None:
    made = _in_time(draft, command)
    shared.must_have(command.reason)
    draft.add(
        e.CommitmentCancelled(
            commitment=made.id, debtor=made.debtor, creditor=made.creditor, reason=command.reason
        ),
        cause=made.seq,
    )


def violate(draft: Draft, command: c.ViolateCommitment) -> None:
    made = _open(draft, command.commitment)
    if not _is_over(made, command.at):
        raise CommitmentIsNotDue(commitment=made.id)
    draft.add(
        e.CommitmentViolated(commitment=made.id, debtor=made.debtor, creditor=made.creditor, due=made.due),
        cause=made.seq,
    )


def _open(draft: Draft, commitment: str) -> Commitment:
    found = draft.state.commitments.get(commitment)
    if found is None:
        raise CommitmentIsSettled(commitment=commitment)
    return found


def _in_time(draft: Draft, command: c.DischargeCommitment | c.CancelCommitment) -> Commitment:
    made = _open(draft, command.commitment)
    if _is_over(made, command.at):
        raise CommitmentIsOverdue(commitment=made.id)
    return made


def _is_over(made: Commitment, at: int) -> bool:
    return 0 < made.due_at < at


def _moment(said: str, at: int) -> int:
    """The microseconds of a moment as it was said, 0 when none was. Raises NoMoment."""
    if not said:
        return 0
    try:
        moment = dt.datetime.fromisoformat(said)
    except ValueError:
        raise NoMoment() from None
    if not said.isprintable():  # what stands behind a NUL is not looked at above
        raise NoMoment()
    if moment.tzinfo is None:
        raise NoMoment(f"{NoMoment().message} This one has no offset; add Z for UTC.")
    due_at = (moment - _EPOCH) // dt.timedelta(microseconds=1)
    if due_at <= at:
        raise NoMoment("`due` lies in the past. Name a moment that is still to come, or leave it out.")
    if due_at > at + MOST_AHEAD // dt.timedelta(microseconds=1):
        raise NoMoment("`due` lies more than ten years ahead. Name an earlier moment, or leave it out.")
    return due_at
