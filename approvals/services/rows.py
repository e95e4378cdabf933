"""The rows of requests: load one as the domain knows it, and write one step of it with a compare-and-set.

Every step writes the fact and the row it leads to in the caller's transaction. Nothing else writes these
rows.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import msgspec
from django.db import connection
from django.db.models import DateTimeField, Func

from approvals import projections
from approvals.domain import record
from approvals.models import ApprovalRequest, SignOff
from approvals.services import recording
from orchestrator.domain import errors


class UnknownRequest(errors.NotFound):
    """There is no such approval request. The link may be incomplete, or from another installation."""


class ClockTimestamp(Func):
    """The database's clock at this very moment, not at the transaction's begin."""

    template = "clock_timestamp()"
    output_field = DateTimeField()


def database_time() -> dt.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: dt.datetime = cursor.fetchone()[0]
    return moment


def load(request: str | uuid.UUID) -> record.Request:
    """A request with its sign-offs. Raises UnknownRequest."""
    row = ApprovalRequest.objects.filter(pk=_key(request)).first()
    if row is None:
        raise UnknownRequest(request=str(request))
    return from_row(row)


def from_row(row: ApprovalRequest) -> record.Request:
    given = SignOff.objects.filter(request=row).order_by("id")
    return record.Request(
        opened=msgspec.json.decode(row.opened, type=record.Opened),
        status=row.status,
        version=row.version,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
        execute_by=row.execute_by,
        changed_at=row.changed_at,
        sign_offs=tuple(_sign_off(one) for one in given),
    )


def insert(fact: record.Opened, *, by: str) -> None:
    """Open a request: its fact and its row."""
    opened = record.evolve(None, fact)
    assert opened is not None
    recording.record_fact(fact, by=by, at=fact.opened_at)
    ApprovalRequest.objects.create(**projections.request_columns(opened))


def step(before: record.Request, fact: record.Fact, *, by: str, at: dt.datetime, **conditions: Any) -> bool:
    """Take one step, if the row still stands where `before` says and the conditions hold. True when it did.

    The one UPDATE decides; the fact and the sign-off are written only after it has won.
    """
    after = record.evolve(before, fact)
    assert after is not None
    old, new = projections.request_columns(before), projections.request_columns(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    assert changed, "a fact that changes nothing is no step"
    won = ApprovalRequest.objects.filter(
        pk=new["id"], status=before.status, version=before.version, **conditions
    ).update(**changed)
    if not won:
        return False
    for sign_off in after.sign_offs[len(before.sign_offs) :]:
        SignOff.objects.create(**projections.sign_off_columns(sign_off))
    recording.record_fact(fact, by=by, at=at)
    return True


def _sign_off(row: SignOff) -> record.SignOff:
    return record.SignOff(
        request=str(row.request_id),
        reviewer=row.reviewer,
        role=row.role,
        groups=tuple(row.groups),
        verb=row.verb,
        reason=row.reason,
        seen_digest=row.seen_digest,
        seen_version=row.seen_version,
        opened_at=row.opened_at,
        decided_at=row.decided_at,
    )


def _key(request: str | uuid.UUID) -> uuid.UUID:
    try:
        return request if isinstance(request, uuid.UUID) else uuid.UUID(request)
    except ValueError:
        raise UnknownRequest(request=str(request)) from None
