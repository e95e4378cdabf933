"""Delegations and leave, as they are in force at a moment or as a person sees their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from approvals.domain.delegations import Delegation
from approvals.models import Delegation as Row
from orchestrator import sql


def in_force(at: dt.datetime) -> list[Delegation]:
    """Everything in force at a moment, in the order it was set."""
    return _of(sql.rows_of(Row, "WHERE ended_at IS NULL AND starts_at<=$1 AND until>$1", [at]))


def coming(at: dt.datetime) -> list[Delegation]:
    """Everything that has not ended at a moment, whether it has begun or not."""
    return _of(Row.objects.filter(ended_at__isnull=True, until__gt=at))


def of_person(username: str, at: dt.datetime) -> list[Delegation]:
    """What concerns a person now or later: their own, and those who have them decide."""
    open_rows = Row.objects.filter(ended_at__isnull=True, until__gt=at)
    return _of(open_rows.filter(Q(person=username) | Q(delegate=username)))


def of_people(usernames: Iterable[str], at: dt.datetime) -> list[Delegation]:
    """What concerns any of these people now or later, in one read."""
    names = list(usernames)
    open_rows = Row.objects.filter(ended_at__isnull=True, until__gt=at)
    return _of(open_rows.filter(Q(person__in=names) | Q(delegate__in=names)))


def find(key: str) -> Delegation | None:
    """One by its id, ended or not."""
    row = Row.objects.filter(pk=key).first()
    return None if row is None else from_row(row)


def from_row(row: Any) -> Delegation:
    return Delegation(
        id=str(row.id),
        person=row.person,
        delegate=row.delegate,
        is_leave=row.is_leave,
        starts_at=row.starts_at,
        until=row.until,
        reason=row.reason,
        set_by=row.set_by,
        set_at=row.set_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )


def _of(rows: Iterable[Any]) -> list[Delegation]:
    found = [from_row(row) for row in rows]
    return sorted(found, key=lambda one: (one.set_at, one.id))
