"""What goes round psycopg's cursor still behaves like one: transactions, errors, lost connections, NULL."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, connections, transaction

from orchestrator import sql

pytestmark = pytest.mark.django_db(transaction=True)

_MOMENT = dt.datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "Zürich 🜁 '\"\\"),
        ("text", ""),
        ("int8", 1),
        ("int8", -(2**63)),
        ("int8", None),
        ("text", None),
        ("timestamptz", _MOMENT),
        ("bytea", b"\x00\xff'"),
        ("bytea", b""),
        ("uuid", uuid.UUID(int=7)),
        ("bool", True),
        ("float8", 0.1),
        ("text[]", ["a", "b,c", '"']),
        ("int8[]", [1, 2]),
    ],
)
def test_a_value_comes_back_as_it_went(kind: str, value: Any) -> None:
    assert sql.run(f"SELECT $1::{kind}", [value]) == [(value,)]


def test_a_small_and_a_large_number_are_the_same_statement() -> None:
    for number in (1, 70_000, 2**40):
        assert sql.run("SELECT $1::int8 + 0 AS kept", [number]) == [(number,)]
    prepared = sql.run("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%AS kept'")
    assert prepared == [(1,)]


def test_a_statement_takes_thousands_of_values() -> None:
    rows = ",".join(f"(${at}::int8)" for at in range(1, 5001))
    assert sql.run(f"SELECT sum(n)::int8 FROM (VALUES {rows}) AS v(n)", [1] * 5000) == [(5000,)]


def test_what_was_prepared_survives_a_rollback() -> None:
    text = "SELECT $1::text AS survives"
    sql.run(text, ["before"])
    for _ in range(2):
        with transaction.atomic():
            sql.run(text, ["opens the transaction"])
            sql.run(text, ["inside"])
            transaction.set_rollback(True)
    assert sql.run(text, ["after"]) == [("after",)]


def test_what_runs_inside_a_transaction_goes_with_it() -> None:
    sql.run("CREATE TEMPORARY TABLE told (word text PRIMARY KEY)", prepare=False)
    with transaction.atomic():
        sql.run("INSERT INTO told VALUES ($1::text)", ["first"])
        sql.run("INSERT INTO told VALUES ($1::text)", ["second"])
        transaction.set_rollback(True)
    assert sql.run("SELECT count(*) FROM told") == [(0,)]
    sql.run("INSERT INTO told VALUES ($1::text)", ["alone"])
    assert sql.run("SELECT word FROM told") == [("alone",)]


def test_errors_are_those_of_django_and_the_connection_goes_on() -> None:
    with pytest.raises(DataError):
        sql.run("SELECT 1 / $1::int8", [0])
    sql.run("CREATE TEMPORARY TABLE once (word text PRIMARY KEY)", prepare=False)
    sql.run("INSERT INTO once VALUES ($1::text)", ["one"])
    with pytest.raises(IntegrityError):
        sql.run("INSERT INTO once VALUES ($1::text)", ["one"])
    assert sql.run("SELECT 1") == [(1,)]


def test_a_lost_connection_is_an_operational_error_and_a_new_one_prepares_anew() -> None:
    text = "SELECT pg_backend_pid() + 0 * $1::int8"
    before = sql.run(text, [1])
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [before[0][0]])
    other.close()
    with pytest.raises(OperationalError):
        sql.run(text, [1])
    with pytest.raises(OperationalError):
        sql.run("SELECT 2 + $1::int8", [1])
    connection.close()
    assert sql.run(text, [1]) != before


def test_more_texts_than_are_kept_prepared_still_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_MOST_PREPARED", 0)
    connection.close()
    assert [sql.run(f"SELECT $1::int8 + {at}", [1]) for at in range(3)] == [[(1,)], [(2,)], [(3,)]]
