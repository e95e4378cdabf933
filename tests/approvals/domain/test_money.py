"""Money is read exactly or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain import money


def test_a_sum_that_a_column_padded_is_shown_without_its_empty_decimals():
    assert money.shown(Decimal("91711.5200000000"), "EUR") == "91,711.52 EUR"
    assert money.shown(Decimal("100000000"), "EUR") == "100,000,000.00 EUR"
    assert money.shown(Decimal("1.005"), "EUR") == "1.005 EUR"


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "shown"),
    [
        ("82000.00", "EUR", 8_200_000, "82,000.00 EUR"),
        ("82000", "EUR", 8_200_000, "82,000.00 EUR"),
        ("82000.5", "EUR", 8_200_050, "82,000.50 EUR"),
        ("82000", "JPY", 82_000, "82,000 JPY"),
        ("1.234", "KWD", 1_234, "1.234 KWD"),
        ("0.01", "EUR", 1, "0.01 EUR"),
    ],
)
def test_readable_money_is_exact(amount, currency, minor, shown):
    read = money.read(amount, currency)

    assert (read.minor, str(read)) == (minor, shown)


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        (None, "EUR", "no amount"),
        ("1", None, "no currency"),
        ("1,000.00", "EUR", "plain decimal"),
        ("1e3", "EUR", "plain decimal"),
        ("１００", "EUR", "plain decimal"),
        ("1", "EURO", "ISO 4217"),
        ("0.00", "EUR", "above zero"),
        ("1.001", "EUR", "3 decimals, EUR has 2"),
    ],
)
def test_unreadable_money_says_what_is_wrong(amount, currency, why):
    with pytest.raises(money.Unreadable, match=why):
        money.read(amount, currency)


@given(st.integers(1, 10**14), st.sampled_from(sorted(money.MINOR_UNITS)))
def test_money_of_any_currency_survives_reading_and_showing(minor, currency):
    units = money.MINOR_UNITS[currency]
    text = f"{Decimal(minor).scaleb(-units):f}"

    read = money.read(text, currency)

    assert read.minor == minor
    assert money.read(str(read).removesuffix(f" {currency}").replace(",", ""), currency) == read
