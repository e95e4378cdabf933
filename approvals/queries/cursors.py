"""Paging by cursor: a page begins after a row, named by the values that it is ordered by."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import uuid
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

Phase = tuple[QuerySet[Any], tuple[str, ...]]


def page(phases: Sequence[Phase], cursor: str, size: int) -> tuple[list[Any], str]:
    """The rows after the cursor and the cursor of the page after them, empty when there is none.

    Each phase is a set with its order, whose last field is unique; a phase begins where the one before it ends.
    """
    at, values = _read(cursor, phases)
    found: list[Any] = []
    for place in range(at, len(phases)):
        rows, order = phases[place]
        if place == at and values:
            rows = rows.filter(_beyond(order, values))
        missing = size + 1 - len(found)
        found += [(place, row) for row in rows.defer("opened").order_by(*order)[:missing]]
        if len(found) > size:
            break
    rows_here = found[:size]
    if len(found) <= size:
        return [row for _, row in rows_here], ""
    place, last = rows_here[-1]
    return [row for _, row in rows_here], _written(
        place, [getattr(last, _name(one)) for one in phases[place][1]]
    )


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows that stand after one with these values."""
    beyond, same = Q(pk__in=[]), Q()
    for one, value in zip(order, values, strict=True):
        compared = "lt" if one.startswith("-") else "gt"
        beyond |= same & Q(**{f"{_name(one)}__{compared}": value})
        same &= Q(**{_name(one): value})
    return beyond


def _name(field: str) -> str:
    return field.removeprefix("-")


def _written(place: int, values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, dt.datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([place, *plain], default=str).encode()).decode().rstrip("=")


def _read(cursor: str, phases: Sequence[Phase]) -> tuple[int, list[Any]]:
    """What a cursor says; the beginning when it cannot be read or was written for another order."""
    try:
        given = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place, *values = given
        order = phases[place][1] if isinstance(place, int) and 0 <= place < len(phases) else ()
        if len(order) != len(values) or not order:
            return 0, []
        return place, [_typed(_name(name), value) for name, value in zip(order, values, strict=True)]
    except (ValueError, TypeError, binascii.Error, ValidationError):
        return 0, []


def _typed(name: str, value: Any) -> Any:
    if name == "id":
        return uuid.UUID(str(value))
    if name.endswith(("_at", "_by")):
        moment = dt.datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError(name)
        return moment
    number = int(value)
    if abs(number) > 100:
        raise ValueError(name)
    return number
