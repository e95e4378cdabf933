"""What the system checked, in sentences with their numbers."""

from __future__ import annotations

import pytest

from approvals.domain import checks, terms
from orchestrator.domain.specs import Limit, Scope

SCOPE = Scope(
    tools=("payments.pay",),
    resources=("other:*", "invoice:*"),
    limits=(
        Limit(currency="EUR", per_action="100000", rolling="200000", window_hours=12),
        Limit(currency="USD", per_action="5"),
        Limit(currency="EUR", per_action="1", tool="payments.refund"),
    ),
)


def found(**changes: object) -> dict[str, str]:
    facts = terms.Facts(
        **{
            "agent": "treasurer",
            "tool": "payments.pay",
            "category": "financial",
            "scope": SCOPE,
            "target": "invoice:4711",
            "amount": "82000",
            "currency": "EUR",
            "rolling": {"EUR": "1000.50"},
            **changes,
        }
    )
    return {check.label: check.found for check in checks.of(facts)}


def test_every_limit_that_applies_is_shown_with_what_is_used_of_it():
    assert found() == {
        "Tool": "payments.pay is in the scope of treasurer.",
        "Target": "It matches the scope's pattern invoice:*.",
        "Limit for one action": "82,000.00 EUR of 100,000.00 EUR that the scope allows.",
        "Total of 12 hours": "83,000.50 EUR of 200,000.00 EUR with this action.",
    }


@pytest.mark.parametrize(
    "unreadable", [{"amount": "8e4"}, {"amount": None}, {"currency": "XXX"}, {"currency": None}], ids=str
)
def test_money_that_cannot_be_read_is_compared_with_nothing(unreadable):
    assert set(found(**unreadable)) == {"Tool", "Target"}


def test_a_broken_total_leaves_no_half_truth():
    assert found(rolling={"EUR": "many"}) == {}
