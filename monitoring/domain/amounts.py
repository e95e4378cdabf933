"""Costs, amounts and counts in words. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation


def cost_words(cost: Decimal | None, *, unpriced: int = 0, tokens: int = 0) -> str:
    """What something cost: "1.24 USD", "unknown", "none". A partial sum says that it is one."""
    if cost is None or (unpriced and not cost):
        return "unknown"
    if not cost and not tokens:
        return "none"
    known = usd(cost)
    if unpriced:
        return f"at least {known}, {unpriced:,} call{'' if unpriced == 1 else 's'} of unknown price"
    return known


def usd(cost: Decimal) -> str:
    """US dollars: cents, and as many decimals as a small amount needs to be seen."""
    places = Decimal("0.01") if cost >= 1 or not cost else Decimal("0.0001")
    shown = cost.quantize(places)
    return f"{shown:,f} USD" if shown or not cost else "less than 0.0001 USD"


def count_words(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def money_words(amount: str, currency: str) -> str:
    """Decimal text with grouped thousands and its currency; what is no number is shown as it is."""
    if not amount:
        return ""
    try:
        value = Decimal(amount)
        shown = f"{value:,f}" if value.is_finite() and value.adjusted() < 40 else amount
    except InvalidOperation:
        shown = amount
    return f"{shown} {currency}".strip()
