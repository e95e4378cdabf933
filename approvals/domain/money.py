"""Money as policies compare it: decimal text and an ISO 4217 currency, read exactly or not at all.

It reads amounts; it never rounds, converts between currencies or guesses a missing one.
"""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from orchestrator.domain import currencies, errors

MINOR_UNITS = currencies.MINOR_UNITS
_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?")


class Unreadable(errors.Refused):
    """This amount cannot be read exactly. Give decimal text such as 82000.00 and an ISO 4217 currency."""


class Money(msgspec.Struct, frozen=True):
    """An exact, positive amount. `minor` is the same amount in minor units (cents)."""

    amount: Decimal
    currency: str

    @property
    def minor(self) -> int:
        return int(self.amount.scaleb(MINOR_UNITS[self.currency]))

    def __str__(self) -> str:
        return shown(self.amount, self.currency)


def read(amount: str | None, currency: str | None) -> Money:
    """The money that two texts mean. Raises Unreadable, whose message says what is wrong with them."""
    if not amount:
        raise Unreadable("no amount is given")
    if not currency:
        raise Unreadable("no currency is given")
    value = plain_value(amount)
    if value is None:
        raise Unreadable("the amount is not plain decimal text")
    if currency not in MINOR_UNITS:
        raise Unreadable("the currency is not one of ISO 4217")
    if value <= 0:
        raise Unreadable("the amount is not above zero")
    decimals = len(amount.partition(".")[2])
    if decimals > MINOR_UNITS[currency]:
        raise Unreadable(f"the amount has {decimals} decimals, {currency} has {MINOR_UNITS[currency]}")
    return Money(value, currency)


def plain_value(amount: str | None) -> Decimal | None:
    """The number that plain decimal text means, with however many decimals; None when it is not plain."""
    return Decimal(amount) if amount is not None and _AMOUNT.fullmatch(amount) else None


def shown(amount: Decimal, currency: str) -> str:
    """Money as a person reads it: "82,000.00 EUR". More decimals than its currency has are kept."""
    exponent = amount.normalize().as_tuple().exponent
    own = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{amount:,.{max(own, MINOR_UNITS.get(currency, 0))}f} {currency}"
