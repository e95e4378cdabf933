"""Prices: known ones as decimal text, unknown ones as None."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrator.adapters.model_pricing import cost_of


def test_a_known_model_has_a_price_in_decimal_text():
    cost = cost_of("openai:gpt-4o", "", 1_000_000, 0)
    assert cost is not None
    assert Decimal(cost) > 0
    assert "e" not in cost.lower()


@pytest.mark.parametrize(
    ("reference", "base_url"),
    [
        ("openai:a-model-of-tomorrow", ""),
        ("nobody:gpt-4o", ""),
        ("local:llama3", "http://127.0.0.1:11434/v1"),
        ("local:gpt-4o", "http://127.0.0.1:8000/v1"),
    ],
)
def test_an_unknown_price_is_none_and_never_zero(reference, base_url):
    assert cost_of(reference, base_url, 100, 100) is None
