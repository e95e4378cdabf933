"""Standing grants, as they are stored and as the page lists them."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Q, Value, When

from approvals.domain import grants
from approvals.domain.grants import Grant
from approvals.models import StandingGrant
from orchestrator.domain import errors


class UnknownGrant(errors.NotFound):
    """There is no such grant. The link may be incomplete."""


@dataclass(frozen=True)
class GrantCard:
    """One grant with its state and what it covers in words."""

    grant: Grant
    state: str
    words: str
    may_approve: bool
    may_revoke: bool


def _waits(at: dt.datetime) -> Q:
    """Proposed, and still in time for a second administrator."""
    return Q(approved_by="", revoked_at=None, expires_at__gt=at)


def load(grant: str) -> Grant:
    """Raises UnknownGrant."""
    try:
        row = StandingGrant.objects.filter(pk=uuid.UUID(grant)).first()
    except ValueError:
        row = None
    if row is None:
        raise UnknownGrant()
    return from_row(row)


def of_action(agent: str, tool: str) -> list[Grant]:
    """The grants for an agent's tool, those that end first before the others."""
    return [
        from_row(row)
        for row in StandingGrant.objects.filter(agent=agent, tool=tool).order_by("expires_at", "id")
    ]


def waiting_for(person: Any, at: dt.datetime) -> int:
    """How many grants wait for this person to be the second administrator: none for who may not be it."""
    if not person.has_perm("approvals.manage_grants"):
        return 0
    return StandingGrant.objects.filter(_waits(at)).exclude(created_by=person.get_username()).count()


def listed(person: Any, at: dt.datetime) -> list[GrantCard]:
    """The newest grants as this person may treat them. Those that wait for an answer stand first, however old."""
    me, manages = person.get_username(), person.has_perm("approvals.manage_grants")
    found = []
    place = Case(When(_waits(at), then=Value(0)), default=Value(1))
    for row in StandingGrant.objects.order_by(place, "-created_at", "id")[:200]:
        grant = from_row(row)
        state = grant.state(at)
        found.append(
            GrantCard(
                grant=grant,
                state=state,
                words=grants.in_words(grant),
                may_approve=manages and state == "proposed" and grant.created_by != me,
                may_revoke=manages and state in ("proposed", "active"),
            )
        )
    return sorted(found, key=lambda card: not card.may_approve)


def from_row(row: Any) -> Grant:
    return Grant(
        **{name: getattr(row, name) for name in Grant.__struct_fields__ if name != "id"}, id=str(row.pk)
    )
