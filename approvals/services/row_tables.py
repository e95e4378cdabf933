"""Tables beside what the log says they hold: compared, and repaired, in one way whatever they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from django.db import connection, transaction

Row = dict[str, Any]
Rows = Mapping[tuple[Any, ...], Row]
MOST_SHOWN = 80


class StoredEvent(Protocol):
    """An event as the log keeps it; only its type and payload are read."""

    @property
    def type(self) -> str: ...
    @property
    def payload(self) -> str: ...


@dataclass(frozen=True)
class Table:
    """One table that follows from events. `keys` name a row; `beside` are columns that no event sets.

    A primary key that is no key is the database's own number and is no part of the comparison.
    """

    name: str
    model: Any
    keys: tuple[str, ...] = ("id",)
    beside: tuple[str, ...] = ()

    def stored(self) -> dict[tuple[Any, ...], Row]:
        """The rows as they stand."""
        columns = [
            field.attname
            for field in self.model._meta.concrete_fields
            if field.attname not in self.beside and (not field.primary_key or field.attname in self.keys)
        ]
        return {
            tuple(row[key] for key in self.keys): dict(row) for row in self.model.objects.values(*columns)
        }

    def row(self, key: tuple[Any, ...]) -> Any:
        """The one row of a key, to be changed or deleted."""
        return self.model.objects.filter(**dict(zip(self.keys, key, strict=True)))


def differences(expected: Sequence[tuple[Table, Rows]]) -> list[str]:
    """Where the tables differ from what the log says, one sentence each; empty when they are exact."""
    found: list[str] = []
    for table, wanted in expected:
        stored = table.stored()
        for key in sorted(wanted.keys() | stored.keys(), key=str):
            named = f"{table.name} {' '.join(map(str, key))}"
            want, have = wanted.get(key), stored.get(key)
            if want is None:
                found.append(f"{named}: the row has no event")
            elif have is None:
                found.append(f"{named}: the row is missing")
            else:
                found += [
                    f"{named}: {column} is {_short(have[column])}, the log says {_short(value)}"
                    for column, value in want.items()
                    if have[column] != value
                ]
    return found


def repair(expected: Sequence[tuple[Table, Rows]]) -> None:
    """Make the tables what the log says, in one transaction.

    Tables that point at others come after them. The guards of the database are told that the log, not a person, is
    changing the rows.
    """
    with transaction.atomic():
        _unguard(True)
        stored = {table: table.stored() for table, _ in expected}
        for table, wanted in reversed(expected):
            for key in stored[table].keys() - wanted.keys():
                table.row(key).delete()
        for table, wanted in expected:
            for key, columns in wanted.items():
                have = stored[table].get(key)
                if have is None:
                    table.model.objects.create(**columns)
                elif have != columns:
                    table.row(key).update(**columns)
        _unguard(False)


def _unguard(is_off: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('countersign.rebuilding', %s, true)", ["on" if is_off else "off"])


def _short(value: Any) -> str:
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
