"""Costs and amounts in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from monitoring.domain.amounts import cost_words, count_words, money_words


@pytest.mark.parametrize(
    ("cost", "unpriced", "tokens", "words"),
    [
        (Decimal(0), 0, 0, "none"),
        (Decimal(0), 0, 12, "0.00 USD"),
        (Decimal(0), 2, 12, "unknown"),
        (None, 0, 12, "unknown"),
        (Decimal("1.234567"), 0, 12, "1.23 USD"),
        (Decimal("0.00421"), 0, 12, "0.0042 USD"),
        (Decimal("0.00000421"), 0, 12, "less than 0.0001 USD"),
        (Decimal("1234.5"), 1, 12, "at least 1,234.50 USD, 1 call of unknown price"),
    ],
)
def test_a_cost_is_never_shown_as_more_certain_than_it_is(
    cost: Decimal | None, unpriced: int, tokens: int, words: str
) -> None:
    assert cost_words(cost, unpriced=unpriced, tokens=tokens) == words


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("82000.00", "EUR", "82,000.00 EUR"),
        ("", "EUR", ""),
        ("-1.5", "", "-1.5"),
        ("much", "EUR", "much EUR"),
        ("NaN", "EUR", "NaN EUR"),
        ("1E+99", "EUR", "1E+99 EUR"),
    ],
)
def test_an_amount_is_grouped_and_what_is_no_number_stays(amount: str, currency: str, words: str) -> None:
    assert money_words(amount, currency) == words


def test_one_is_not_many() -> None:
    assert (count_words(1, "action"), count_words(1200, "action")) == ("1 action", "1,200 actions")
