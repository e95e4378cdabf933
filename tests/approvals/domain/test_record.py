"""The facts of a request fold into its row, survive the log, and never step outside the lifecycle table."""

from __future__ import annotations

from functools import reduce

import msgspec
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
    *facts.happened(),
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


def half_signed() -> record.Signed:
    return facts.signed(outcome="pending", execute_by=None)


def test_who_took_an_answer_back_may_answer_again_and_both_stay_on_record():
    request = fold(facts.opened(), half_signed(), facts.retracted(), facts.rejected())

    assert request is not None
    assert [(one.number, one.verb, one.retracted_at) for one in request.sign_offs] == [
        (1, "approve", facts.after(minutes=6)),
        (2, "reject", None),
    ]
    assert [one.verb for one in request.standing] == ["reject"]
    assert request.status == "rejected"


@pytest.mark.parametrize(
    "history", [[facts.signed()], [facts.rejected()], [facts.closed(record.Expired)], []]
)
def test_nothing_is_taken_back_once_it_is_decided_or_was_never_given(history):
    before = fold(facts.opened(), *history)

    assert record.evolve(before, facts.retracted()) == before


def test_a_question_is_answered_once_and_decides_nothing():
    asked, answered = facts.happened()[3:5]
    late = msgspec.structs.replace(answered, text="something else")

    request = fold(facts.opened(), asked, answered, late)

    assert request is not None
    (question,) = request.questions
    assert (question.text, question.answer, question.could) == (
        "Why this IBAN?",
        "It is on the invoice.",
        True,
    )
    assert (request.status, request.version) == ("pending", 1)


def test_the_second_call_breaks_the_glass_and_a_later_one_changes_nothing():
    first, second = facts.called("ann"), facts.called("ben", releases=True, execute_by=facts.after(hours=1))

    one = fold(facts.opened(), first)
    both = fold(facts.opened(), first, second)

    assert one is not None
    assert both is not None
    assert (one.status, one.is_break_glass) == ("pending", False)
    assert (both.status, both.decided_by, both.is_break_glass) == ("approved", "ben", True)
    assert record.evolve(both, first) == both
    assert fold(facts.opened(), facts.rejected(), first) == fold(facts.opened(), facts.rejected())


def test_a_fault_stays_known_and_the_first_reminder_counts():
    reminded, alarmed = facts.happened()[1:3]
    later = msgspec.structs.replace(reminded, at=facts.after(hours=3))

    request = fold(facts.opened(), reminded, later, alarmed)

    assert request is not None
    assert (request.reminded_at, request.escalated_at) == (reminded.at, alarmed.at)
    assert request.fault == "Nobody can."


@pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: fact.TYPE)
def test_a_fact_survives_the_log(fact):
    assert record.decode(fact.TYPE, record.encode(fact)) == fact


def test_an_unknown_type_is_not_guessed_at():
    assert record.decode("request.dreamt", b"{}") is None


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
