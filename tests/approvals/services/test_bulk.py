"""One answer to several requests: together only where little is at stake, each judged by itself, nothing left behind."""

from __future__ import annotations

import pytest
from django.utils import timezone

from approvals.models import ApprovalRequest, SignOff, StandingGrant
from approvals.services import bulk, sign_offs
from tests.approvals import runs
from tests.approvals.answers import approve, reject

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def requests(*amounts: str) -> list[ApprovalRequest]:
    run = runs.held_run(*[{**runs.PAYMENT, "amount": amount} for amount in amounts])
    return list(ApprovalRequest.objects.filter(run=run).order_by("action"))


def selected(*found: ApprovalRequest) -> list[bulk.Selected]:
    return [bulk.Selected(str(one.id), one.digest, one.version) for one in found]


def answer(person, chosen, verb="approve", reason="All match their orders."):  # type: ignore[no-untyped-def]
    return bulk.sign_off_many(selected=chosen, by=person, verb=verb, reason=reason, now=timezone.now())


def test_each_is_answered_by_itself_with_the_one_reason_and_nothing_is_granted(reviewer):
    found = requests("1.00", "2.00", "3.00")
    outcomes = answer(reviewer, selected(*found))

    assert [one.is_applied for one in outcomes] == [True] * 3
    assert set(SignOff.objects.values_list("reason", flat=True)) == {"All match their orders."}
    assert {one.action: runs.status_of(str(one.run), one.action) for one in found} == dict.fromkeys(
        ("a1", "a2", "a3"), "released"
    )
    assert not StandingGrant.objects.exists()


def test_what_somebody_decided_first_is_skipped_and_they_are_named(reviewer, reviewer2):
    first, second = requests("1.00", "2.00")
    chosen = selected(first, second)
    reject(first, reviewer2)

    outcomes = answer(reviewer, chosen)

    assert [one.is_applied for one in outcomes] == [False, True]
    assert "reviewer2 rejected this" in outcomes[0].said
    assert "wrong IBAN" in outcomes[0].said


def test_what_is_no_longer_what_was_selected_is_skipped(reviewer):
    first, second = requests("1.00", "2.00")
    stale = bulk.Selected(str(first.id), "0" * 64, first.version)

    outcomes = answer(reviewer, [stale, *selected(second)])

    assert [one.is_applied for one in outcomes] == [False, True]
    assert runs.status_of(str(first.run)) == "held"


def test_whoever_may_not_decide_decides_none(operator):
    outcomes = answer(operator, selected(*requests("1.00", "2.00")))
    assert [one.is_applied for one in outcomes] == [False, False]
    assert not SignOff.objects.exists()


def test_the_same_answer_given_before_counts_once(reviewer):
    (first,) = requests("1.00")
    approve(first, reviewer)
    (outcome,) = answer(reviewer, selected(first))
    assert (outcome.is_applied, SignOff.objects.count()) == (False, 1)


def test_high_and_critical_ones_are_never_among_them(reviewer):
    low, high = requests("1.00", "10000.00")
    with pytest.raises(bulk.NotTogether, match="one by one"):
        answer(reviewer, selected(low, high))
    assert not SignOff.objects.exists()


def test_two_tools_are_never_answered_together(reviewer):
    (pay,) = requests("1.00")
    run = runs.start()
    runs.propose(run, {"text": "hello"}, tool="tests.held_note")
    runs.work(run, ("assess",))
    with pytest.raises(bulk.NotTogether, match="one tool"):
        answer(reviewer, selected(pay, runs.request_of(run)))
    assert not SignOff.objects.exists()


@pytest.mark.parametrize("twist", ["none", "twice", "unknown", "too_many"])
def test_a_selection_that_cannot_be_is_refused_whole(reviewer, twist):
    (one,) = selected(*requests("1.00"))
    other = one._replace(request="00000000-0000-7000-8000-000000000001")
    chosen = {"none": [], "twice": [one, one], "unknown": [one, other], "too_many": [one] * 101}[twist]
    with pytest.raises(bulk.NotTogether):
        answer(reviewer, chosen)
    assert not SignOff.objects.exists()


def test_one_reason_is_needed_for_either_answer(reviewer):
    chosen = selected(*requests("1.00"))
    for verb in ("approve", "reject"):
        with pytest.raises(sign_offs.ReasonMissing):
            answer(reviewer, chosen, verb=verb, reason=" ")
