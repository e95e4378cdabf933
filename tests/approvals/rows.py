"""Moves what the database guards, so that tests can move a deadline instead of the clock."""

from __future__ import annotations

import datetime as dt

from django.db import connection, transaction

from approvals.models import ApprovalRequest


def move_deadline(request: ApprovalRequest, **deadlines: dt.datetime) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL countersign.rebuilding = on")
        ApprovalRequest.objects.filter(pk=request.pk).update(**deadlines)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL countersign.rebuilding = off")
