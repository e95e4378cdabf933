"""Totals are reserved: of two assessments at the same moment only one fits into what is left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest
from django.utils import timezone

from approvals.domain import terms
from approvals.domain.facts import FactType, Provider
from approvals.domain.providers import BOOK
from approvals.services import policies
from orchestrator.domain.specs import Scope, ToolSpec
from tests.approvals import runs
from tests.approvals.services.test_races import people, together

__all__ = ["people"]

pytestmark = pytest.mark.django_db(transaction=True)
replace = msgspec.structs.replace

# An amount is moved, but by a tool that no floor holds: what decides is the policy's total alone.
SEND: ToolSpec = replace(runs.PAY, category="outward")


def _slow(_: object) -> dict[str, object]:
    time.sleep(0.3)
    return {"slow.is_over": True}


@pytest.fixture
def slow_facts() -> Iterator[None]:
    """A fact that takes its time after the total was read, so that both would read the same total."""
    BOOK.join(Provider("slow", (FactType("slow.is_over", "boolean", "it took a while"),), _slow))
    yield
    BOOK.leave("slow")


@pytest.mark.parametrize("account", ["agent_24h", "target_24h", "all_today"])
def test_two_assessments_at_once_never_both_fit_under_a_total(people, slow_facts, account):
    capped = terms.Policy(
        slug="capped",
        rules=(
            terms.Rule(id="total", title="Total", when=f"totals.{account} > 10000", then="hold"),
            terms.Rule(id="rest", title="Rest", when="slow.is_over", then="allow"),
        ),
    )
    policies.publish_policy(policy=capped, by=None, now=timezone.now())
    agent = replace(runs.AGENT, scope=Scope(tools=("tests.pay",), categories=("outward",)))
    spec = replace(runs.SPEC, policy="capped", agents={"treasurer": agent}, tools={"tests.pay": SEND})
    two = [runs.start(spec=spec) for _ in range(2)]
    for run in two:
        runs.propose(run, {**runs.PAYMENT, "amount": "60.00"})

    together(*(lambda run=run: runs.work(run, ("assess",)) for run in two))

    assert Counter(runs.status_of(run) for run in two) == {"allowed": 1, "held": 1}


def test_what_is_refused_frees_what_it_had_reserved(people):
    capped = terms.Policy(
        slug="capped",
        rules=(terms.Rule(id="total", title="Total", when="totals.all_24h > 10000", then="refuse"),
               terms.Rule(id="rest", title="Rest", when="true", then="hold")),
    )  # fmt: skip
    policies.publish_policy(policy=capped, by=None, now=timezone.now())
    agent = replace(runs.AGENT, scope=Scope(tools=("tests.pay",), categories=("outward",)))
    spec = replace(runs.SPEC, policy="capped", agents={"treasurer": agent}, tools={"tests.pay": SEND})

    # A refused action reserves nothing; a held one does, in its own currency only.
    for amount, currency, status in [
        ("150.00", "EUR", "refused"),
        ("60.00", "EUR", "held"),
        ("60.00", "EUR", "refused"),
        ("60.00", "USD", "held"),
        ("40.00", "EUR", "held"),
    ]:
        run = runs.held_run({**runs.PAYMENT, "amount": amount, "currency": currency}, spec=spec)
        assert runs.status_of(run) == status
