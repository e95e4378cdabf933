"""Fragments of the one statement that appends: text per shape, scalar parameters, prepared.

A fragment never fences: each selects FROM `s`, the single UPDATE (or INSERT) of the stream's row. Parts of one
statement do not undo each other, so whatever does not hang on `s` would survive a lost race.
"""

from __future__ import annotations

import functools
import json
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.types.numeric import Int8Dumper

Row = TypeVar("Row", bound=models.Model)


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


def rows_of(model: type[Row], condition: str, values: Sequence[Any]) -> list[Row]:
    """Rows of one table as its model's instances. `condition` is what follows FROM, a text of this program's own.

    For what is read again and again: the ORM builds each statement anew, which takes longer than the answer.
    """
    columns, names, documents = _columns_of(model)
    found = []
    for row in run(f'SELECT {columns} FROM "{model._meta.db_table}" {condition}', values):
        read = list(row)
        for at in documents:
            read[at] = None if read[at] is None else json.loads(read[at])
        found.append(model.from_db(DEFAULT_DB_ALIAS, names, read))
    return found


@functools.cache
def _columns_of(model: type[models.Model]) -> tuple[str, list[str], list[int]]:
    """The columns of a table, their names in Python, and the places of those that hold JSON."""
    fields = model._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    documents = [at for at, field in enumerate(fields) if isinstance(field, models.JSONField)]
    return columns, [field.attname for field in fields], documents


def values_rows(types: Sequence[str], rows: int, first: int) -> str:
    """`($1::t,$2::u),($3::t,$4::u)` for so many rows, numbered from `first`."""
    width = len(types)
    return ",".join(
        "(" + ",".join(f"${first + row * width + at}::{kind}" for at, kind in enumerate(types)) + ")"
        for row in range(rows)
    )


_MOST_PREPARED = 1000


class _Prepared:
    """The statements that one connection has prepared, and how it writes values and reads rows.

    Integers are always sent as int8: a type that followed their size would prepare the same text again and again.
    """

    __slots__ = ("connection", "cursor", "names", "pgconn", "transformer")

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.cursor = psycopg.RawCursor(raw)
        self.cursor.adapters.register_dumper(int, Int8Dumper)
        # Its own prepared statements it drops after a rollback, with ours: it is to have none.
        raw.prepare_threshold = None
        self.connection = raw
        self.pgconn = raw.pgconn
        self.transformer = Transformer(self.cursor)
        self.names: dict[tuple[str, tuple[int, ...]], bytes] = {}

    def run(self, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """One round trip in libpq itself, which gives the interpreter's lock away once: under many threads the
        cursor, which does so at every turn of its own loop, costs a tenth of a step more."""
        # It takes None for NULL as well; its type does not say so.
        given = cast("Sequence[bytes]", self.transformer.dump_sequence(values, [PyFormat.AUTO] * len(values)))
        known = (text, self.transformer.types or ())
        name = self.names.get(known)
        if name is None:
            if len(self.names) >= _MOST_PREPARED:
                return self.run_by_cursor(text, values)
            name = b"countersign_%d" % len(self.names)
            self._checked(self.pgconn.prepare(name, text.encode(), known[1]))
            self.names[known] = name
        result = self._checked(self.pgconn.exec_prepared(name, given, self.transformer.formats))
        if not result.nfields:
            return []
        self.transformer.set_pgresult(result)
        return self.transformer.load_rows(0, result.ntuples, tuple)

    def run_by_cursor(self, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """By psycopg's cursor, which opens the transaction where one is due, and prepares nothing."""
        self.cursor.execute(text, values)
        # Not `description`, which makes an object for each column only to say that there are some.
        result = self.cursor.pgresult
        return self.cursor.fetchall() if result is not None and result.nfields else []

    @property
    def opens_a_transaction(self) -> bool:
        """Whether psycopg would send BEGIN before the next statement."""
        return self.pgconn.transaction_status == TransactionStatus.IDLE and not self.connection.autocommit

    def _checked(self, result: PGresult) -> PGresult:
        if result.status == ExecStatus.TUPLES_OK or result.status == ExecStatus.COMMAND_OK:
            return result
        error = psycopg.errors.error_from_result(result)
        if self.pgconn.status == ConnStatus.BAD and not isinstance(error, psycopg.OperationalError):
            # What libpq itself says of a lost connection has no code to tell its class by.
            raise psycopg.OperationalError(str(error))
        raise error


_known: weakref.WeakKeyDictionary[Any, _Prepared] = weakref.WeakKeyDictionary()


def run(text: str, values: Sequence[Any] = (), *, prepare: bool = True) -> list[tuple[Any, ...]]:
    """Execute on Django's own connection with `$1` parameters; returns the rows. Errors are Django's.

    Alone it commits by itself, inside `atomic()` it joins. `prepare=False` is for texts that rarely come again.
    """
    django = connections[DEFAULT_DB_ALIAS]  # looked up once: Django's proxy does so for every attribute
    with django.wrap_database_errors:
        raw = django.connection
        if raw is None or raw.closed:
            django.ensure_connection()
            raw = django.connection
        found = _known.get(raw)
        if found is None:
            found = _known[raw] = _Prepared(raw)
        if not prepare or found.opens_a_transaction:
            return found.run_by_cursor(text, values)
        return found.run(text, values)
