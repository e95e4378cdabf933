"""The rows of requests: open one, and take one step of its life with a compare-and-set.

Every step writes the fact and the row it leads to in the caller's transaction. Nothing else writes these
rows.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import DateTimeField, Func

from approvals import projections
from approvals.domain import record
from approvals.models import ApprovalRequest, SignOff
from approvals.services import recording
from orchestrator import sql


class ClockTimestamp(Func):
    """The database's clock at this very moment, not at the transaction's begin."""

    template = "clock_timestamp()"
    output_field = DateTimeField()


def database_time() -> dt.datetime:
    """The database's clock: the one by which deadlines are judged."""
    moment: dt.datetime = sql.run("SELECT clock_timestamp()")[0][0]
    return moment


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
    for was, now in zip(before.sign_offs, after.sign_offs, strict=False):
        if was != now:
            SignOff.objects.filter(request=new["id"], number=now.number).update(retracted_at=now.retracted_at)
    for sign_off in after.sign_offs[len(before.sign_offs) :]:
        SignOff.objects.create(**projections.sign_off_columns(sign_off))
    recording.record_fact(fact, by=by, at=at)
    return True


def still_holds(found: record.Request, **conditions: Any) -> bool:
    """Whether the row stands where `found` says and the conditions hold, judged in one statement that also locks it."""
    row = ApprovalRequest.objects.select_for_update().filter(
        pk=found.opened.request, status=found.status, version=found.version, **conditions
    )
    return bool(list(row.values_list("pk", flat=True)))
