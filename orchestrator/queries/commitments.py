"""What agents committed themselves to, and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from orchestrator import blobs, eventlog, models
from orchestrator.domain import errors
from orchestrator.domain import events as e

STATES = ("created", "discharged", "cancelled", "violated")


class UnknownCommitment(errors.NotFound):
    """This run has no such commitment. List those of the run to see which there are."""


@dataclass(frozen=True, slots=True)
class CommitmentCard:
    """One commitment. `text` is what was said when it was settled; `evidence` is the digest of what it rests on."""

    run: str
    commitment: str
    debtor: str
    creditor: str
    consequent: str
    antecedent: str
    premises: tuple[str, ...]
    due: str
    due_at: dt.datetime | None
    state: str
    text: str
    evidence: str
    created_seq: int
    created_at: dt.datetime
    settled_seq: int | None
    changed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class CommitmentPage:
    """Commitments in the order they were made. `after` is the cursor of the next page, 0 when there is none."""

    cards: tuple[CommitmentCard, ...]
    total: int
    after: int


def commitment_page(run: str, *, state: str = "", after: int = 0, limit: int = 50) -> CommitmentPage:
    found = models.Commitment.objects.filter(run_id=run)
    if state:
        found = found.filter(state=state)
    rows = list(found.filter(created_seq__gt=after).order_by("created_seq")[: limit + 1])
    cards = cards_of(rows[:limit])
    return CommitmentPage(cards, found.count(), cards[-1].created_seq if len(rows) > limit else 0)


def commitment_card(run: str, commitment: str) -> CommitmentCard:
    """Raises UnknownCommitment."""
    rows = list(models.Commitment.objects.filter(run_id=run, commitment=commitment)[:1])
    if not rows:
        raise UnknownCommitment(run=run, commitment=commitment)
    return cards_of(rows)[0]


def evidence_of(card: CommitmentCard) -> list[Any]:
    """What the debtor says that its fulfilment rests on. Empty also when that was erased since."""
    if not card.evidence or card.settled_seq is None:
        return []
    body = eventlog.event_at(card.run, card.settled_seq).body
    if not isinstance(body, e.CommitmentDischarged) or body.evidence is None:
        return []
    try:
        found = blobs.value(body.evidence)
    except blobs.Erased:
        return []
    return found if isinstance(found, list) else []


def cards_of(rows: Iterable[models.Commitment]) -> tuple[CommitmentCard, ...]:
    return tuple(
        CommitmentCard(
            run=str(row.run_id),
            commitment=row.commitment,
            debtor=row.debtor,
            creditor=row.creditor,
            consequent=row.consequent,
            antecedent=row.antecedent,
            premises=tuple(msgspec.json.decode(row.premises)),
            due=row.due,
            due_at=row.due_at,
            state=row.state,
            text=row.text,
            evidence=row.evidence,
            created_seq=row.created_seq,
            created_at=row.created_at,
            settled_seq=row.settled_seq,
            changed_at=row.changed_at,
        )
        for row in rows
    )
