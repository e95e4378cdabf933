"""What a change reads like: money with its difference, dates with their days, recipients and accounts by name."""

from __future__ import annotations

import pytest

from approvals.domain import differences
from approvals.domain.opened import Change

IBAN, OTHER = "DE89370400440532013000", "FR7630006000011234567890189"


def change(label: str, before: str, after: str, kind: str = "changed") -> Change:
    return Change(label=label, before=before, after=after, kind=kind)


@pytest.mark.parametrize(
    ("given", "what", "before", "after", "note"),
    [
        (("amount", "820.00", "82.00"), "money", "820.00 EUR", "82.00 EUR", "738.00 EUR less, 90 %"),
        (("amount", "41.00", "82.00"), "money", "41.00 EUR", "82.00 EUR", "41.00 EUR more, 100 %"),
        (("amount", "much", "82.00"), "", "much", "82.00", ""),
        (("payee", "ACME", "Umbrella"), "recipient", "ACME", "Umbrella", "somebody else"),
        (
            ("iban", IBAN, OTHER),
            "account",
            "DE89 3704 0044 0532 0130 00",
            "FR76 3000 6000 0112 3456 7890 189",
            "another account",
        ),
        (("due", "2026-11-30", "2026-12-02"), "date", "2026-11-30", "2026-12-02", "2 days later"),
        (("due", "2026-12-01", "2026-11-30"), "date", "2026-12-01", "2026-11-30", "1 day earlier"),
        (("due", "2026-13-01", "2026-11-30"), "", "2026-13-01", "2026-11-30", ""),
        (("note", "a", "b"), "", "a", "b", ""),
    ],
    ids=str,
)
def test_a_change_is_read_by_what_the_field_is(given, what, before, after, note) -> None:
    (found,) = differences.read([change(*given)], amount="82.00", currency="EUR", target="Umbrella")
    assert (found.what, found.before, found.after, found.note) == (what, before, after, note)


def test_an_amount_in_another_currency_is_not_counted_as_a_difference() -> None:
    given = [change("currency", "USD", "EUR"), change("amount", "820.00", "82.00")]
    found = differences.read(given, amount="82.00", currency="EUR", target="")
    assert (found[0].before, found[0].after) == ("820.00 USD", "82.00 EUR")
    assert found[0].note == "the currency changed as well"


def test_two_fields_that_could_be_the_amount_are_left_as_text() -> None:
    given = [change("count", "1", "82.00"), change("amount", "820.00", "82.00")]
    assert {one.what for one in differences.read(given, amount="82.00", currency="EUR", target="")} == {""}
