"""Folds the log once more and compares, or repairs, the rows that shadow it.

It uses the projections that the append uses, so the two cannot differ. Other apps' rows join by the modules that
`COUNTERSIGN_REBUILDERS` names: each has `differences(events)` and may have `repair(events)` over its own streams.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, islice
from typing import Any

from django.conf import settings
from django.db import models as fields
from django.db import transaction
from django.utils.module_loading import import_string

from orchestrator import eventlog, kinds, models, outbox, projections, sql
from orchestrator.domain import events as e
from orchestrator.domain.effects import Want
from orchestrator.services import consistent

_BATCH = 1000
# Kinds of streams whose rows belong to other apps.
_OTHERS = ("approval", "policy", "canary")
_OF_RUN = ("turn", "action", "commitment")

Rows = dict[tuple[str, Any], dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class DifferenceCard:
    """Where a row is not what the log says. `text` names row, column and both values."""

    stream: str
    table: str
    key: str
    text: str


@dataclasses.dataclass(frozen=True)
class _Folded:
    """What one stream leads to: its rows, its wanted effects, and whether its snapshot is the fold's state."""

    rows: Rows
    wants: dict[str, Want]
    snapshot_differs: bool


def differences() -> Iterator[DifferenceCard]:
    """Every difference between the log and the rows, as they stand at one moment; stream after stream."""
    catalogue: set[tuple[str, Any]] = set()
    with consistent.reading():
        for stream, kind, _, _ in eventlog.streams():
            if kind in _OTHERS:
                continue
            folded = _fold(stream, kind)
            yield from _compare(stream, kind, folded)
            if kind != "run":
                catalogue.update(folded.rows)
        yield from _strangers(catalogue)
        for name in settings.COUNTERSIGN_REBUILDERS:
            rebuilder = import_string(f"{name}.differences")
            for text in rebuilder(_events_of_others()):
                yield DifferenceCard("", name.split(".", 1)[0], "", text)


def rebuild() -> int:
    """Make the rows what the log says; returns how many differences there were. One stream at a time, locked."""
    repaired = 0
    catalogue: set[tuple[str, Any]] = set()
    for stream, kind, _, _ in eventlog.streams():
        if kind in _OTHERS:
            continue
        with transaction.atomic():
            eventlog.lock(stream)
            folded = _fold(stream, kind)
            found = list(_compare(stream, kind, folded))
            if found:
                _repair(stream, kind, folded)
                repaired += len(found)
        if kind != "run":
            catalogue.update(folded.rows)
    for stranger in list(_strangers(catalogue)):
        model = projections.TABLES[stranger.table]
        model.objects.filter(pk=stranger.key).delete()
        repaired += 1
    for name in settings.COUNTERSIGN_REBUILDERS:
        repaired += len(import_string(f"{name}.differences")(_events_of_others()))
        try:
            repair = import_string(f"{name}.repair")
        except ImportError:
            continue
        repair(_events_of_others())
    return repaired


def _events_of_others() -> Iterator[eventlog.Stored]:
    for kind in _OTHERS:
        for stream, *_ in eventlog.streams(kind):
            yield from eventlog.walk(stream)


def _fold(stream: str, kind: str) -> _Folded:
    decider = kinds.find(kind)
    state = decider.initial(stream)
    snapshot = models.Snapshot.objects.filter(stream_id=stream, version=decider.version).first()
    differs = False
    rows: Rows = {}
    stored = eventlog.walk(stream)
    while batch := list(islice(stored, _BATCH)):
        before = state
        recorded = []
        for one in batch:
            event = e.Event(one.seq, one.at, one.actor, one.cause, one.body)
            state = decider.evolve(state, event)
            recorded.append(event)
            if snapshot is not None and snapshot.seq == one.seq:
                differs = decider.thaw(bytes(snapshot.state)) != state
        for put in projections.rows(stream, recorded, before, state):
            rows.setdefault((put.table, put.key), {}).update(put.columns)
    return _Folded(rows, decider.plan(state), differs or (snapshot is not None and snapshot.seq > state.seq))


def _compare(stream: str, kind: str, folded: _Folded) -> Iterator[DifferenceCard]:
    for table, of_table in groupby(sorted(folded.rows, key=str), key=lambda key: key[0]):
        keys = [key for _, key in of_table]
        model = projections.TABLES[table]
        for batch in _batches(keys):
            stored = {
                row["pk"]: row for row in model.objects.filter(pk__in=batch).values("pk", *_columns(model))
            }
            for key in batch:
                row = stored.get(model._meta.pk.to_python(key))
                if row is None:
                    yield DifferenceCard(stream, table, str(key), f"{table} {key}: the row is missing")
                    continue
                for column, value in _expected(model, folded.rows[table, key]).items():
                    if row[column] != value:
                        text = f"{table} {key}: {column} is {row[column]!r:.80}, the log says {value!r:.80}"
                        yield DifferenceCard(stream, table, str(key), text)
    if kind == "run":
        for table in _OF_RUN:
            for key in projections.TABLES[table].objects.filter(run_id=stream).values_list("pk", flat=True):
                if (table, key) not in folded.rows:
                    yield DifferenceCard(stream, table, key, f"{table} {key}: the row has no event")
        opened = {one["key"] for one in outbox.open_effects(stream) if one["state"] in {"wanted", "claimed"}}
        for key, want in folded.wants.items():
            if key not in opened:
                text = f"effect {want.kind} {want.subject}: the run wants it, and no worker will find it"
                yield DifferenceCard(stream, "effect", key, text)
    if folded.snapshot_differs:
        yield DifferenceCard(
            stream, "snapshot", stream, "snapshot: it is not the state that the log folds to"
        )


def _strangers(catalogue: set[tuple[str, Any]]) -> Iterator[DifferenceCard]:
    """Rows that belong to no stream."""
    for table in ("run", *_OF_RUN):
        model = projections.TABLES[table]
        column = "id" if table == "run" else "run_id"
        rows = sql.run(
            f'SELECT r.id::text FROM "{model._meta.db_table}" r LEFT JOIN "orchestrator_stream" s ON s.id=r.{column} '
            "AND s.kind='run' WHERE s.id IS NULL ORDER BY 1"
        )
        for (key,) in rows:
            yield DifferenceCard("", table, key, f"{table} {key}: the row has no event")
    for table, model in projections.TABLES.items():
        if table in {"run", *_OF_RUN}:
            continue
        for key in model.objects.order_by("pk").values_list("pk", flat=True):
            if (table, key) not in catalogue:
                yield DifferenceCard("", table, key, f"{table} {key}: the row has no event")


def _repair(stream: str, kind: str, folded: _Folded) -> None:
    for (table, key), columns in folded.rows.items():
        model = projections.TABLES[table]
        values = _expected(model, columns)
        if not model.objects.filter(pk=key).update(**values):
            model.objects.create(**{model._meta.pk.attname: key, **values})
    if kind == "run":
        for table in _OF_RUN:
            known = [key for of, key in folded.rows if of == table]
            projections.TABLES[table].objects.filter(run_id=stream).exclude(pk__in=known).delete()
        for want in folded.wants.values():
            outbox.want_again(stream, want)
    if folded.snapshot_differs:
        models.Snapshot.objects.filter(stream_id=stream).delete()
    transaction.on_commit(lambda: eventlog.forget(stream))


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if not field.primary_key]


def _expected(model: Any, columns: dict[str, Any]) -> dict[str, Any]:
    """A whole row as the database would give it back: what the events set, and the defaults of the rest."""
    found: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.primary_key:
            continue
        target = field.target_field if field.is_relation else field
        if field.column in columns:
            found[field.attname] = _as_stored(target, columns[field.column])
        else:
            found[field.attname] = field.db_default if field.has_db_default() else None
    return found


def _as_stored(field: Any, value: Any) -> Any:
    value = field.to_python(value)
    if isinstance(field, fields.DecimalField) and value is not None:
        return value.quantize(Decimal(1).scaleb(-field.decimal_places), ROUND_HALF_UP)
    return value


def _batches(keys: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(keys)
    while batch := list(islice(rest, _BATCH)):
        yield batch
