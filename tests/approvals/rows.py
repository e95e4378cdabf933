"""Moves what the database guards, so that tests can move a deadline instead of the clock; reads what rows rest on."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

from django.db import connection, transaction

from approvals.models import ApprovalRequest
from orchestrator import eventlog


@contextlib.contextmanager
def unguarded() -> Iterator[None]:
    """The guards of the database are down inside, as for a rebuild."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL countersign.rebuilding = on")
        yield
        cursor.execute("SET LOCAL countersign.rebuilding = off")


def move_deadline(request: ApprovalRequest, **deadlines: dt.datetime) -> None:
    with unguarded():
        ApprovalRequest.objects.filter(pk=request.pk).update(**deadlines)


def record_of_approvals() -> list[eventlog.Stored]:
    """Every event that the approver's rows follow from."""
    return [
        event
        for kind in ("approval", "policy")
        for stream, *_ in eventlog.streams(kind)
        for event in eventlog.events_after(stream, 0, 10_000)
    ]
