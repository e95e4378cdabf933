"""Pages of what programs list, the newest first: a page begins after the row that its cursor names."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet

from orchestrator.domain import errors

_YEARS = range(2000, 9000)


class NoSuchCursor(errors.Refused):
    """This cursor is none that was given. Begin without one, and pass on what `next` says, as it is."""

    status = 422


def newest(
    found: QuerySet[Any], moment: str, *, cursor: str, limit: int, key: Callable[[str], Any] = uuid.UUID
) -> tuple[list[Any], str]:
    """Rows by the time in the column `moment`, and the cursor of the page after them or "". Raises NoSuchCursor.

    `key` reads the id of a row as a cursor gives it, or raises ValueError.
    """
    if cursor:
        at, last = _place(cursor, key)
        # The first bound is where the walk along the index begins; the second only parts what is of one moment.
        found = found.filter(Q(**{f"{moment}__lte": at}), Q(**{f"{moment}__lt": at}) | Q(id__lt=last))
    rows = list(found.order_by(f"-{moment}", "-id")[: limit + 1])
    more = _cursor(getattr(rows[limit - 1], moment), rows[limit - 1].id) if len(rows) > limit else ""
    return rows[:limit], more


def _cursor(at: dt.datetime, row: object) -> str:
    """Without a character that an address would have to escape."""
    return f"{at.astimezone(dt.UTC).replace(tzinfo=None).isoformat()}Z_{row}"


def _place(cursor: str, key: Callable[[str], Any]) -> tuple[dt.datetime, Any]:
    moment, _, last = cursor.partition("_")
    try:
        at, row = dt.datetime.fromisoformat(moment), key(last)
    except ValueError:
        raise NoSuchCursor() from None
    if at.tzinfo is None or at.year not in _YEARS or not cursor.isprintable():
        raise NoSuchCursor()
    return at, row
