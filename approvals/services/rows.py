"""The rows of requests: open one, and take one step of its life with a compare-and-set.

Every step writes the fact and the row it leads to in the caller's transaction. Nothing else writes these
rows.
"""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from typing import Any

from django.db.models import DateTimeField, Func, Model

from approvals import projections
from approvals.domain import record
from approvals.models import ApprovalRequest, SignOff
from approvals.services import recording
from orchestrator import sql

# The database's clock at this very moment, not at the transaction's begin: the one by which deadlines are judged.
CLOCK = "clock_timestamp()"


class ClockTimestamp(Func):
    """The same for the ORM."""

    template = CLOCK
    output_field = DateTimeField()


def database_time() -> dt.datetime:
    """What the database's clock says now."""
    moment: dt.datetime = sql.run("SELECT clock_timestamp()")[0][0]
    return moment


def insert(fact: record.Opened, *, by: str) -> None:
    """Open a request: its fact and its row."""
    opened = record.evolve(None, fact)
    assert opened is not None
    recording.record_fact(fact, by=by, at=fact.opened_at)
    ApprovalRequest.objects.create(**projections.request_columns(opened))


def step(
    before: record.Request,
    fact: record.Fact,
    *,
    by: str,
    at: dt.datetime,
    only_if: str = "",
    digest: str | None = None,
) -> bool:
    """Take one step, if the row still stands where `before` says, bears that digest and `only_if` (a text of this
    program's own) holds. True when it did.

    The one UPDATE decides; the fact and the sign-off are written only after it has won. All of it is prepared text:
    the run's stream is locked meanwhile.
    """
    after = record.evolve(before, fact)
    assert after is not None
    old, new = projections.request_columns(before), projections.request_columns(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    assert changed, "a fact that changes nothing is no step"
    text = _step_text(tuple(changed), only_if, digest is not None)
    values = [new["id"], before.status, before.version, *_values(ApprovalRequest, changed)]
    if not sql.run(text, values if digest is None else [*values, digest]):
        return False
    for was, now in zip(before.sign_offs, after.sign_offs, strict=False):
        if was != now:
            SignOff.objects.filter(request=new["id"], number=now.number).update(retracted_at=now.retracted_at)
    for sign_off in after.sign_offs[len(before.sign_offs) :]:
        columns = projections.sign_off_columns(sign_off)
        sql.run(_insert_text(tuple(columns)), _values(SignOff, columns))
    recording.record_fact(fact, by=by, at=at)
    return True


def still_holds(found: record.Request, *, only_if: str, digest: str) -> bool:
    """Whether the row stands where `found` says, bears that digest and `only_if` holds, judged in one statement that
    also locks it."""
    text = (
        f'SELECT 1 FROM "{ApprovalRequest._meta.db_table}" '
        f"WHERE id=$1::uuid AND status=$2 AND version=$3 AND digest=$4 AND {only_if} FOR UPDATE"
    )
    return bool(sql.run(text, [found.opened.request, found.status, found.version, digest]))


@cache
def _step_text(changed: tuple[str, ...], only_if: str, is_bound: bool) -> str:
    types = sql.column_types(ApprovalRequest)
    sets = ", ".join(f'"{name}"=${at}::{types[name]}' for at, name in enumerate(changed, 4))
    conditions = ["id=$1::uuid", "status=$2", "version=$3"]
    if is_bound:
        conditions.append(f"digest=${4 + len(changed)}")
    if only_if:
        conditions.append(only_if)
    return (
        f'UPDATE "{ApprovalRequest._meta.db_table}" SET {sets} WHERE {" AND ".join(conditions)} RETURNING 1'
    )


@cache
def _insert_text(columns: tuple[str, ...]) -> str:
    types = sql.column_types(SignOff)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f"${at}::{types[name]}" for at, name in enumerate(columns, 1))
    return f'INSERT INTO "{SignOff._meta.db_table}" ({names}) VALUES ({values})'


def _values(model: type[Model], columns: dict[str, Any]) -> list[Any]:
    types = sql.column_types(model)
    return [json.dumps(value) if types[name] == "jsonb" else value for name, value in columns.items()]
