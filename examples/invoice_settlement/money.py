"""Amounts: decimal text with an ISO 4217 currency, never a float.

Owns which currencies exist and how many decimals each has. Knows nothing of invoices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal

# Digits before the point stop at 15 and after it at 10, so that no text can make arithmetic slow or inexact.
_PLAIN = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,10})?")
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)

# ISO 4217 active currencies by number of decimals; everything in TWO has two.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_TWO = """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
    CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR
    IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
    STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG"""

_DECIMALS = {
    code: digits
    for digits, codes in ((0, _NONE), (2, _TWO), (3, _THREE), (4, _FOUR))
    for code in codes.split()
}


def decimals(currency: str) -> int | None:
    """How many decimals amounts in this currency have, or None when ISO 4217 has no such currency."""
    return _DECIMALS.get(currency)


def parse(text: str) -> Decimal | None:
    """The number that plain decimal text states; None for anything else (exponents, commas, spaces, NaN)."""
    text = text.strip()
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def parse_with_comma(text: str) -> Decimal | None:
    """Like `parse`, for tables written with a decimal comma ("12,50")."""
    return parse(text.replace(",", ".")) if text.count(",") == 1 and "." not in text else parse(text)


def places(number: Decimal) -> int:
    """How many decimals a number needs; zeros at the end do not count."""
    exponent = number.normalize(_EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def fits(number: Decimal, currency: str) -> bool:
    """Whether the currency has enough decimals for this amount."""
    digits = decimals(currency)
    return digits is not None and places(number) <= digits


def rounded(number: Decimal, currency: str) -> Decimal:
    """The amount at the currency's own precision, halves away from zero."""
    return number.quantize(unit(currency), context=_EXACT)


def to_places(number: Decimal, digits: int) -> Decimal:
    """The number with at most this many decimals, halves away from zero."""
    return number.quantize(Decimal(1).scaleb(-digits), context=_EXACT)


def unit(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 for EUR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-(decimals(currency) or 0))


def text(number: Decimal, currency: str) -> str:
    """Decimal text with exactly the currency's decimals, such as "82000.00"."""
    return format(rounded(number, currency), "f")


def plain(number: Decimal) -> str:
    """Decimal text of a quantity or a unit price, without zeros at the end: "12.5", "3", "0"."""
    shortest = format(number.normalize(_EXACT), "f")
    return "0" if shortest in {"-0", "0"} else shortest


def shown(number: Decimal | str, currency: str) -> str:
    """For sentences that people read: "82,000.00 EUR"."""
    amount = rounded(Decimal(number), currency)
    return f"{amount:,f} {currency}"


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    result = Decimal(0)
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return result


def times(left: Decimal, right: Decimal) -> Decimal:
    """The exact product (60 digits)."""
    return _EXACT.multiply(left, right)


def per(left: Decimal, right: Decimal) -> Decimal:
    """The quotient to 60 digits; `right` must not be zero."""
    return _EXACT.divide(left, right)
