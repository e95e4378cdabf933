"""The facts of a request fold into its row, survive the log, and never step outside the lifecycle table."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain import record, requests
from tests.approvals.domain import facts

EVERY_FACT = [
    facts.opened(),
    facts.signed(),
    facts.signed(outcome="pending", execute_by=None),
    facts.rejected("reviewer2"),
    *(facts.closed(kind) for kind in record.STEPS),
]


def fold(*found: record.Fact) -> record.Request | None:
    return reduce(record.evolve, found, None)


@pytest.mark.parametrize(
    ("history", "status", "version"),
    [
        ([facts.opened()], "pending", 1),
        ([facts.opened(), facts.signed(outcome="pending", execute_by=None)], "pending", 1),
        ([facts.opened(), facts.signed()], "approved", 2),
        ([facts.opened(), facts.rejected()], "rejected", 2),
        ([facts.opened(), facts.closed(record.Expired)], "expired", 2),
        ([facts.opened(), facts.closed(record.Withdrawn)], "withdrawn", 2),
        ([facts.opened(), facts.closed(record.Superseded)], "superseded", 2),
        ([facts.opened(), facts.signed(), facts.closed(record.Lapsed)], "lapsed", 3),
        ([facts.opened(), facts.signed(), facts.closed(record.Staled)], "stale", 3),
        ([facts.opened(), facts.signed(), facts.closed(record.Revoked)], "revoked", 3),
        ([facts.opened(), facts.signed(), facts.closed(record.Withdrawn)], "withdrawn", 3),
        # what the table does not allow changes nothing
        ([facts.opened(), facts.opened(digest="e" * 64)], "pending", 1),
        ([facts.opened(), facts.closed(record.Lapsed)], "pending", 1),
        ([facts.opened(), facts.closed(record.Expired), facts.signed()], "expired", 2),
        ([facts.opened(), facts.rejected(), facts.signed("reviewer2")], "rejected", 2),
        ([facts.opened(), facts.signed(), facts.closed(record.Expired)], "approved", 2),
    ],
)
def test_a_history_ends_where_the_table_says(history, status, version):
    request = fold(*history)

    assert request is not None
    assert (request.status, request.version) == (status, version)


def test_nothing_is_known_of_a_request_that_was_never_opened():
    assert fold(facts.signed(), facts.closed(record.Expired)) is None


def test_the_decision_stays_known_when_the_approval_lapses():
    request = fold(facts.opened(), facts.signed(), facts.closed(record.Lapsed))

    assert request is not None
    assert (request.decided_by, request.decided_at) == ("reviewer", facts.after(minutes=5))
    assert request.changed_at == facts.after(minutes=9)


def test_a_person_signs_once():
    request = fold(
        facts.opened(),
        facts.signed(outcome="pending", execute_by=None),
        facts.rejected(),
    )

    assert request is not None
    assert [(given.reviewer, given.verb) for given in request.sign_offs] == [("reviewer", "approve")]
    assert request.status == "pending"


@pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: fact.TYPE)
def test_a_fact_survives_the_log(fact):
    assert record.decode(fact.TYPE, record.encode(fact)) == fact


def test_an_unknown_type_is_not_guessed_at():
    assert record.decode("request.asked", b"{}") is None


@given(st.lists(st.sampled_from(EVERY_FACT), max_size=12))
def test_no_history_leaves_the_lifecycle_table(history):
    request = None
    for fact in history:
        before, request = request, record.evolve(request, fact)
        if before is None or request is None or request.status == before.status:
            continue
        assert any(
            (source, target) == (before.status, request.status)
            for (source, _), target in requests.TRANSITIONS.items()
        )
        assert request.version == before.version + 1
