"""Fragments of the one statement that appends: text per shape, scalar parameters, prepared.

A fragment never fences: each selects FROM `s`, the single UPDATE (or INSERT) of the stream's row. Parts of one
statement do not undo each other, so whatever does not hang on `s` would survive a lost race.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from psycopg.types.numeric import Int8Dumper


class Fragment(NamedTuple):
    """`key` is what the text depends on, `values` its parameters, `render(first)` its CTEs numbered from there."""

    key: Hashable
    values: Sequence[Any]
    render: Callable[[int], str]


@functools.cache
def column_types(model: type[models.Model]) -> dict[str, str]:
    """PostgreSQL types by column name, for explicit casts of parameters."""
    return {
        field.column: str(field.db_type(connection)) for field in model._meta.concrete_fields if field.column
    }


def values_rows(types: Sequence[str], rows: int, first: int) -> str:
    """`($1::t,$2::u),($3::t,$4::u)` for so many rows, numbered from `first`."""
    width = len(types)
    return ",".join(
        "(" + ",".join(f"${first + row * width + at}::{kind}" for at, kind in enumerate(types)) + ")"
        for row in range(rows)
    )


_cursors: weakref.WeakKeyDictionary[Any, psycopg.RawCursor[Any]] = weakref.WeakKeyDictionary()


def cursor(django: Any = connection) -> psycopg.RawCursor[Any]:
    """A raw cursor on Django's own connection: alone it commits by itself, inside `atomic()` it joins.

    Integers are always sent as int8: a type that followed their size would prepare the same text again and again.
    """
    raw = django.connection
    if raw is None or raw.closed:
        django.ensure_connection()
        raw = django.connection
    found = _cursors.get(raw)
    if found is None or found.closed:
        found = psycopg.RawCursor(raw)
        found.adapters.register_dumper(int, Int8Dumper)
        raw.prepared_max = 1000
        _cursors[raw] = found
    return found


def run(text: str, values: Sequence[Any] = (), *, prepare: bool | None = True) -> list[tuple[Any, ...]]:
    """Execute on Django's connection with `$1` parameters; returns the rows. Errors are Django's."""
    django = connections[DEFAULT_DB_ALIAS]  # looked up once: Django's proxy does so for every attribute
    with django.wrap_database_errors:
        current = cursor(django)
        current.execute(text, values, prepare=prepare)
        # Not `description`, which makes an object for each column only to say that there are some.
        result = current.pgresult
        return current.fetchall() if result is not None and result.nfields else []
