"""What a person changed, as a reviewer reads it: money with its difference, dates with the days between, recipients
and accounts marked as such. What the type of a field is follows from the action itself, never from its name.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from approvals.domain import money
from approvals.domain.opened import Change

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


class Difference(NamedTuple):
    """One field: how it was and is, what it is, and a word about the change. `kind` is the change's own."""

    label: str
    before: str
    after: str
    kind: str
    what: str
    note: str


def read(
    changes: Iterable[Change], *, amount: str | None, currency: str | None, target: str
) -> tuple[Difference, ...]:
    """The changes of a call whose amount, currency and target are now these. Money first, then recipients."""
    given = tuple(changes)
    was = next((one.before for one in given if currency and one.after == currency), currency)
    found = [_read(one, given, amount, currency, was, target) for one in given]
    order = ("money", "recipient", "account", "date", "")
    return tuple(sorted(found, key=lambda one: order.index(one.what)))


def _read(
    one: Change,
    given: tuple[Change, ...],
    amount: str | None,
    currency: str | None,
    was: str | None,
    target: str,
) -> Difference:
    before, after = money.plain_value(one.before), money.plain_value(one.after)
    is_amount = amount is not None and one.after == amount and sum(x.after == amount for x in given) == 1
    if is_amount and before is not None and after is not None and currency in money.MINOR_UNITS:
        shown = money.shown(before, was or ""), money.shown(after, currency or "")
        note = (
            _money_note(before, after, currency or "") if was == currency else "the currency changed as well"
        )
        return Difference(one.label, *shown, one.kind, "money", note)
    if target and one.after == target:
        return Difference(one.label, one.before, one.after, one.kind, "recipient", "somebody else")
    if _is_iban(one.before) and _is_iban(one.after):
        shown = _grouped(one.before), _grouped(one.after)
        return Difference(one.label, *shown, one.kind, "account", "another account")
    days = _day(one.before), _day(one.after)
    if days[0] and days[1]:
        return Difference(one.label, one.before, one.after, one.kind, "date", _days_note(days[0], days[1]))
    return Difference(one.label, one.before, one.after, one.kind, "", "")


def _money_note(before: Decimal, after: Decimal, currency: str) -> str:
    apart = money.shown(abs(after - before), currency)
    share = f", {abs(after - before) * 100 / before:.0f} %" if before else ""
    return f"{apart} {'more' if after > before else 'less'}{share}"


def _days_note(before: dt.date, after: dt.date) -> str:
    days = abs((after - before).days)
    return f"{days} day{'' if days == 1 else 's'} {'later' if after > before else 'earlier'}"


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _is_iban(text: str) -> bool:
    return bool(_IBAN.fullmatch(text.replace(" ", "")))


def _grouped(text: str) -> str:
    compact = text.replace(" ", "")
    return " ".join(compact[at : at + 4] for at in range(0, len(compact), 4))
