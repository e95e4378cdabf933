"""What an approval asks of a person besides the click."""

from __future__ import annotations

import pytest

from approvals.domain import deliberate


@pytest.mark.parametrize(
    ("tier", "about_a_person", "amount", "currency", "asks"),
    [
        ("critical", False, "100000.00", "EUR", "amount"),
        ("critical", False, "much", "EUR", "reason"),
        ("critical", False, None, None, "reason"),
        ("high", False, "82000.00", "EUR", ""),
        ("medium", True, None, None, "reason"),
        ("low", False, None, None, ""),
    ],
)
def test_what_is_asked_for_follows_from_what_is_at_stake(
    tier, about_a_person, amount, currency, asks
) -> None:
    assert deliberate.asked_for(tier, about_a_person, amount, currency) == asks


@pytest.mark.parametrize("typed", ["100000.00", "100,000.00", "100 000", " 100000 "])
def test_the_same_amount_in_other_digits_is_the_amount(typed) -> None:
    assert deliberate.missing("amount", amount="100000.00", typed=typed, reason="") == ""


@pytest.mark.parametrize("typed", ["", "10000.00", "1000000", "100000.01", "yes", "-100000", "1e5"])
def test_another_amount_is_refused(typed) -> None:
    assert "not the amount" in deliberate.missing("amount", amount="100000.00", typed=typed, reason="checked")


def test_a_reason_is_asked_for_where_there_is_no_amount() -> None:
    assert deliberate.missing("reason", amount=None, typed="", reason=" ")
    assert not deliberate.missing("reason", amount=None, typed="", reason="The person agreed.")
    assert not deliberate.missing("", amount=None, typed="", reason="")
