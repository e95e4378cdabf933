"""Quorum in life: ordered levels, answers taken back, who is awaited, and quorums that nobody can reach."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import quorum, terms
from approvals.models import SignOff
from approvals.queries.inbox import waiting_for
from approvals.services import delegations, pick_ups, policies, retractions, sign_offs, silence
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.approvals.rows import move_deadline
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db

FINANCE_THEN_RISK = (
    terms.Level(name="finance", group="finance", need=1),
    terms.Level(name="risk", group="risk", need=1, order=1),
)
FOUR_EYES = (terms.Level(name="reviewers", group="reviewer", need=2),)


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2, reviewer3):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def ask_for(*levels: terms.Level) -> None:
    policies.publish_policy(policy=replace(terms.STRICT, levels=levels), by=None, now=timezone.now())


def join(person: Any, *groups: str) -> None:
    for name in groups:
        person.groups.add(Group.objects.get_or_create(name=name)[0])


def later(**length: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(**length)


def test_a_level_waits_for_the_one_before_and_says_for_whom(reviewer, reviewer2):
    ask_for(*FINANCE_THEN_RISK)
    join(reviewer, "finance")
    join(reviewer2, "risk")
    run = runs.held_run()
    request = runs.request_of(run)

    with pytest.raises(quorum.NotOpenYet, match=r"finance \(0 of 1\) comes first\. Awaited: reviewer\."):
        approve(request, reviewer2)
    assert approve(request, reviewer).status == "pending"
    assert approve(request, reviewer2).status == "approved"
    assert [one.role for one in SignOff.objects.order_by("number")] == ["finance", "risk"]
    runs.work(run)
    assert runs.status_of(run) == "executed"
    assert_record_is_exact()


def test_one_person_in_both_groups_fills_one_level(reviewer, reviewer2):
    ask_for(*FINANCE_THEN_RISK)
    join(reviewer, "finance", "risk")
    join(reviewer2, "risk")
    request = runs.request_of(runs.held_run())
    approve(request, reviewer)

    with pytest.raises(sign_offs.Decided, match="You approved this"):
        reject(request, reviewer)
    assert approve(request, reviewer).repeated

    assert approve(request, reviewer2).status == "approved"


def test_an_approval_that_nobody_needs_is_refused_and_leaves_no_trace(reviewer, reviewer2):
    ask_for(replace(FINANCE_THEN_RISK[0]), replace(FINANCE_THEN_RISK[1], order=0))
    join(reviewer, "finance")
    join(reviewer2, "finance")
    request = runs.request_of(runs.held_run())
    approve(request, reviewer)

    with pytest.raises(quorum.NotEligible, match="It waits for risk"):
        approve(request, reviewer2)

    assert SignOff.objects.count() == 1


def test_a_sign_off_taken_back_counts_no_more_and_may_be_given_anew(reviewer, reviewer2):
    ask_for(*FOUR_EYES)
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)

    retractions.retract(request=str(request.id), by=reviewer, reason="misread it", now=timezone.now())

    assert approve(request, reviewer2).status == "pending"
    assert approve(request, reviewer).status == "approved"
    assert runs.types_of(str(request.id))[1:] == [
        "request.signed",
        "request.retracted",
        "request.signed",
        "request.signed",
    ]
    assert_record_is_exact()


def test_nothing_is_taken_back_after_the_quorum_or_by_who_gave_nothing(reviewer, reviewer2):
    request = runs.request_of(runs.held_run())
    with pytest.raises(retractions.NothingToRetract):
        retractions.retract(request=str(request.id), by=reviewer2, now=timezone.now())
    approve(request, reviewer)

    with pytest.raises(sign_offs.Decided, match="reviewer approved this"):
        retractions.retract(request=str(request.id), by=reviewer, now=timezone.now())


def test_a_quorum_that_nobody_can_reach_goes_up_at_once(reviewer, reviewer2, reviewer3):
    ask_for(*FOUR_EYES)
    for person in (reviewer2, reviewer3):
        type(person).objects.filter(pk=person.pk).update(is_active=False)

    request = runs.request_of(runs.held_run())

    assert request.fault.startswith("Not enough people can approve this: reviewers cannot be filled")
    assert request.escalated_at is not None
    assert runs.types_of(str(request.id)) == ["request.opened", "request.escalated"]
    assert request.status == "pending"
    assert_record_is_exact()


def test_who_is_part_of_the_action_or_on_leave_is_not_counted_on(reviewer, reviewer2, reviewer3):
    ask_for(*FOUR_EYES)
    delegations.set_delegation(
        person="reviewer2", is_leave=True, until=later(days=2), by=reviewer2, now=timezone.now()
    )

    assert runs.request_of(runs.held_run(by="operator")).fault == ""
    assert runs.request_of(runs.held_run(by="reviewer")).fault != ""


# ---- silence ----
def test_half_of_the_time_reminds_whom_it_waits_for_once(reviewer, reviewer2, reviewer3):
    delegations.set_delegation(
        person="reviewer3", is_leave=True, until=later(days=2), by=reviewer3, now=timezone.now()
    )
    request = runs.request_of(runs.held_run())
    assert request.remind_at - request.opened_at == dt.timedelta(hours=2)
    assert silence.speak_up(timezone.now()) == 0
    move_deadline(request, remind_at=timezone.now())

    assert [silence.speak_up(timezone.now()) for _ in range(2)] == [1, 0]

    assert runs.facts_of(str(request.id), "request.reminded")["people"] == ["reviewer", "reviewer2"]
    request.refresh_from_db()
    assert (request.status, request.version) == ("pending", 1)


def test_four_fifths_of_the_time_go_up_to_the_administrators_once_and_approve_nothing(reviewer):
    request = runs.request_of(runs.held_run())
    assert request.escalate_at - request.opened_at == dt.timedelta(hours=3, minutes=12)
    move_deadline(request, escalate_at=timezone.now())

    assert [silence.speak_up(timezone.now()) for _ in range(2)] == [1, 0]

    fact = runs.facts_of(str(request.id), "request.escalated")
    assert fact["people"] == ["admin"]
    assert fact["reason"].startswith("Nobody has decided, and")
    assert runs.status_of(request.run) == "held"
    assert approve(request, reviewer).status == "approved"


def test_what_was_decided_reminds_nobody(reviewer):
    request = runs.request_of(runs.held_run())
    approve(request, reviewer)
    move_deadline(request, remind_at=timezone.now(), escalate_at=timezone.now())

    assert silence.speak_up(timezone.now()) == 0


# ---- delegation ----
def test_a_delegate_decides_for_another_and_both_names_stand(reviewer, reviewer2):
    ask_for(terms.Level(name="finance", group="finance", need=1))
    join(reviewer, "finance")
    request = runs.request_of(runs.held_run())
    with pytest.raises(quorum.NotEligible, match="waits for the group finance"):
        approve(request, reviewer2)
    delegations.set_delegation(
        person="reviewer", delegate="reviewer2", until=later(days=3), by=reviewer, now=timezone.now()
    )

    assert waiting_for(reviewer2) == 1

    assert approve(request, reviewer2).status == "approved"

    given = SignOff.objects.get()
    assert (given.reviewer, given.acting_for) == ("reviewer2", "reviewer")
    released = runs.facts_of(request.run, "action.released")
    assert released["sign_offs"][0]["who"] == "reviewer2 for reviewer"
    runs.work(str(request.run))
    assert runs.status_of(str(request.run)) == "executed"
    assert_record_is_exact()


def test_a_delegate_and_whom_they_decide_for_count_once(reviewer, reviewer2, reviewer3):
    ask_for(terms.Level(name="finance", group="finance", need=2))
    join(reviewer, "finance")
    join(reviewer3, "finance")
    delegations.set_delegation(
        person="reviewer", delegate="reviewer2", until=later(days=3), by=reviewer, now=timezone.now()
    )
    request = runs.request_of(runs.held_run())
    assert approve(request, reviewer2).status == "pending"

    with pytest.raises(quorum.NotEligible, match="reviewer has been counted with the answer of reviewer2"):
        approve(request, reviewer)

    assert approve(request, reviewer3).status == "approved"


@pytest.mark.parametrize("starter", ["reviewer", "reviewer2"])
def test_a_delegation_launders_no_exclusion(starter, reviewer, reviewer2):
    ask_for(terms.Level(name="finance", group="finance", need=1))
    join(reviewer, "finance")
    request = runs.request_of(runs.held_run(by=starter))
    delegations.set_delegation(
        person="reviewer", delegate="reviewer2", until=later(days=3), by=reviewer, now=timezone.now()
    )

    with pytest.raises(quorum.SelfSignOff, match=f"{starter} started the run"):
        approve(request, reviewer2)


def test_a_delegation_that_stood_when_the_request_opened_is_stored_as_an_exclusion(reviewer, reviewer2):
    delegations.set_delegation(
        person="reviewer", delegate="reviewer2", until=later(days=3), by=reviewer, now=timezone.now()
    )
    request = runs.request_of(runs.held_run(by="reviewer"))

    with pytest.raises(quorum.SelfSignOff, match="reviewer2 decides for reviewer, who started the run"):
        approve(request, reviewer2)


def test_who_was_asked_by_a_person_who_is_part_of_it_still_decides_for_another(
    reviewer, reviewer2, reviewer3
):
    """Whom one of them would decide for first makes no difference: it waits for the delegate, so they may answer."""
    ask_for(terms.Level(name="finance", group="finance", need=1))
    join(reviewer, "finance")
    request = runs.request_of(runs.held_run(by="reviewer3"))
    for person in (reviewer3, reviewer):
        delegations.set_delegation(
            person=person.username, delegate="reviewer2", until=later(days=3), by=person, now=timezone.now()
        )
    assert waiting_for(reviewer2) == 1

    assert approve(request, reviewer2).status == "approved"

    given = SignOff.objects.get()
    assert (given.reviewer, given.acting_for) == ("reviewer2", "reviewer")


def test_a_quorum_that_can_be_reached_only_through_a_delegate_does_not_go_up(reviewer, reviewer2, reviewer3):
    """The one of finance who decides for the only one of risk is needed there; a colleague takes finance."""
    ask_for(*FINANCE_THEN_RISK)
    join(reviewer, "finance")
    join(reviewer2, "finance")
    join(reviewer3, "risk")
    delegations.set_delegation(
        person="reviewer3",
        delegate="reviewer",
        is_leave=True,
        until=later(days=3),
        by=reviewer3,
        now=timezone.now(),
    )

    request = runs.request_of(runs.held_run())

    assert (request.fault, request.escalated_at) == ("", None)
    approve(request, reviewer2)
    assert approve(request, reviewer).status == "approved"
    runs.work(str(request.run))
    assert runs.status_of(str(request.run)) == "executed"


def test_a_delegation_that_ended_gives_nothing(reviewer, reviewer2):
    ask_for(terms.Level(name="finance", group="finance", need=1))
    join(reviewer, "finance")
    made = delegations.set_delegation(
        person="reviewer", delegate="reviewer2", until=later(days=3), by=reviewer, now=timezone.now()
    )
    request = runs.request_of(runs.held_run())
    delegations.end_delegation(delegation=made.id, by=reviewer, now=timezone.now())

    with pytest.raises(quorum.NotEligible):
        approve(request, reviewer2)
    assert runs.types_of(made.id) == ["delegation.set", "delegation.ended"]
    assert_record_is_exact()


def test_only_oneself_or_an_administrator_delegates(operator, admin, reviewer, reviewer2):
    asked = {"person": "reviewer", "delegate": "reviewer2", "until": later(days=1), "now": timezone.now()}
    with pytest.raises(delegations.NotYours):
        delegations.set_delegation(**asked, by=reviewer2)

    with pytest.raises(delegations.delegations.BadDelegation, match="Say why"):
        delegations.set_delegation(**asked, by=admin)
    made = delegations.set_delegation(**asked, reason="in hospital", by=admin)

    with pytest.raises(delegations.NotYours):
        delegations.end_delegation(delegation=made.id, by=operator, now=timezone.now())


@pytest.mark.parametrize("delegate", ["operator", "nobody"])
def test_who_does_not_decide_stands_in_for_nobody(delegate, reviewer):
    with pytest.raises(delegations.delegations.BadDelegation, match="does not decide requests"):
        delegations.set_delegation(
            person="reviewer", delegate=delegate, until=later(days=1), by=reviewer, now=timezone.now()
        )


# ---- picking up ----
def test_a_case_is_picked_up_by_one_and_decided_by_another_all_the_same(reviewer, reviewer2):
    run = runs.held_run()
    request = runs.request_of(run)
    until = pick_ups.pick_up(request=str(request.id), by=reviewer, now=timezone.now())
    assert dt.timedelta(minutes=4) < until - timezone.now() <= dt.timedelta(minutes=5)

    with pytest.raises(pick_ups.PickedUp, match="reviewer picked this up"):
        pick_ups.pick_up(request=str(request.id), by=reviewer2, now=timezone.now())

    assert approve(request, reviewer2).status == "approved"
    with pytest.raises(pick_ups.NotWaiting):
        pick_ups.pick_up(request=str(request.id), by=reviewer, now=timezone.now())


def test_a_pick_up_ends_by_time_by_leaving_and_by_the_next(reviewer, reviewer2):
    first, second = (runs.request_of(runs.held_run()) for _ in range(2))
    pick_ups.pick_up(request=str(first.id), by=reviewer, now=timezone.now())
    pick_ups.pick_up(request=str(second.id), by=reviewer, now=timezone.now())
    pick_ups.pick_up(request=str(first.id), by=reviewer2, now=timezone.now())
    pick_ups.PickUp.objects.filter(person="reviewer").update(until=timezone.now())
    pick_ups.pick_up(request=str(second.id), by=reviewer2, now=timezone.now())
    pick_ups.let_go(person="reviewer2", request=str(second.id))

    assert not pick_ups.PickUp.objects.exists()
    assert_record_is_exact()
