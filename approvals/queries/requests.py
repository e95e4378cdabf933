"""One request as the domain knows it: the row and its sign-offs, read back into the types of the record."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from functools import cache
from typing import cast

import msgspec

from approvals.domain import happenings, quorum, record
from approvals.domain import requests as lifecycle
from approvals.models import ApprovalRequest, SignOff
from orchestrator import sql
from orchestrator.domain import errors


class UnknownRequest(errors.NotFound):
    """There is no such approval request. The link may be incomplete, or from another installation."""


# Read as prepared text: a sign-off loads its request three times, and the ORM builds each read anew.
_COLUMNS = (
    *("opened", "status", "version", "decided_at", "decided_by", "reason", "execute_by", "changed_at"),
    *("reminded_at", "escalated_at", "fault", "questions", "calls", "is_break_glass"),
)
_JSON = {"questions", "calls"}


def load(request: str | uuid.UUID) -> record.Request:
    """A request with its sign-offs. Raises UnknownRequest."""
    key = _key(request)
    rows = sql.run(_request_text(), [key])
    if not rows:
        raise UnknownRequest(request=str(request))
    *values, has_sign_offs = rows[0]
    given: list[SignOff] = []
    if has_sign_offs:
        given = sql.rows_of(SignOff, "WHERE request_id=$1::uuid ORDER BY number", [key])
    read = {
        name: json.loads(value) if name in _JSON else value
        for name, value in zip(_COLUMNS, values, strict=True)
    }
    return _request(ApprovalRequest(pk=key, **read), given)


@cache
def _request_text() -> str:
    columns = ", ".join(f"r.{name}" for name in _COLUMNS)
    return (
        f'SELECT {columns}, EXISTS (SELECT 1 FROM "{SignOff._meta.db_table}" s WHERE s.request_id=r.id) '
        f'FROM "{ApprovalRequest._meta.db_table}" r WHERE r.id=$1::uuid'
    )


def run_of(request: str | uuid.UUID) -> str:
    """The run that a request belongs to: all that must be known before its stream is locked."""
    rows = sql.run(
        f'SELECT run::text FROM "{ApprovalRequest._meta.db_table}" WHERE id=$1::uuid', [_key(request)]
    )
    if not rows:
        raise UnknownRequest(request=str(request))
    return str(rows[0][0])


def from_row(row: ApprovalRequest) -> record.Request:
    """A row, with its sign-offs, as the record's type."""
    return _request(row, SignOff.objects.filter(request=row).order_by("number"))


def _request(row: ApprovalRequest, given: Iterable[SignOff]) -> record.Request:
    return record.Request(
        opened=msgspec.json.decode(row.opened, type=record.Opened),
        status=cast(lifecycle.State, row.status),
        version=row.version,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
        execute_by=row.execute_by,
        changed_at=row.changed_at,
        sign_offs=tuple(_sign_off(one) for one in given),
        reminded_at=row.reminded_at,
        escalated_at=row.escalated_at,
        fault=row.fault,
        questions=msgspec.convert(row.questions, tuple[happenings.Question, ...]),
        calls=msgspec.convert(row.calls, tuple[happenings.Call, ...]),
        is_break_glass=row.is_break_glass,
    )


def _sign_off(row: SignOff) -> record.SignOff:
    return record.SignOff(
        request=str(row.request_id),
        number=row.number,
        reviewer=row.reviewer,
        acting_for=row.acting_for,
        retracted_at=row.retracted_at,
        role=row.role,
        groups=tuple(row.groups),
        verb=cast(quorum.Verb, row.verb),
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
