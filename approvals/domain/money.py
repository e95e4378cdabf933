"""Money as policies compare it: decimal text and an ISO 4217 currency, read exactly or not at all.

It reads amounts; it never rounds, converts between currencies or guesses a missing one.
"""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from orchestrator.domain import errors

# Minor units by currency (ISO 4217). What is not listed here is not a currency we know.
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON "
    "RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD "
    "TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}

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
