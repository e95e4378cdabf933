"""Silence goes up: to the groups that a rule names, who may then decide as well; it opens no door to anybody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import quorum, terms
from approvals.domain.terms import Clocks, Level, Rule
from approvals.models import ApprovalRequest, SignOff
from approvals.queries.inbox import waiting_for
from approvals.services import edits, policies, silence
from tests.approvals import runs
from tests.approvals.answers import approve
from tests.approvals.rows import move_deadline
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db

FINANCE = (Level(name="finance", group="finance", need=1),)
THEN_RISK = (*FINANCE, Level(name="risk", group="risk", need=1, order=1))


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2, reviewer3):  # type: ignore[no-untyped-def]
    runs.paid.clear()
    join(reviewer, "finance")
    join(reviewer2, "heads")
    join(reviewer3, "heads")


def join(person: Any, *groups: str) -> None:
    for name in groups:
        person.groups.add(Group.objects.get_or_create(name=name)[0])


def held(*, levels: tuple[Level, ...] = FINANCE, by: str = "operator", **changes: Any) -> str:
    """A held payment under a rule that sends silence up to the heads."""
    asked: dict[str, Any] = {"levels": levels, "escalate_to": ("heads",), **changes}
    rule = Rule(id="payments", title="Payments", when="money.moves", then="hold", **asked)
    policies.publish_policy(policy=replace(terms.STRICT, rules=(rule,)), by=None, now=timezone.now())
    return runs.held_run(by=by)


def go_up(request: ApprovalRequest) -> None:
    due = request.escalate_at
    move_deadline(request, escalate_at=timezone.now())
    silence.speak_up(timezone.now())
    move_deadline(request, escalate_at=due)


def test_before_it_went_up_the_group_decides_nothing_and_afterwards_it_does(reviewer2):
    run = held()
    request = runs.request_of(run)
    assert waiting_for(reviewer2) == 0
    with pytest.raises(quorum.NotEligible, match="waits for the group finance"):
        approve(request, reviewer2)

    go_up(request)

    request.refresh_from_db()
    assert runs.facts_of(request.id, "request.escalated")["people"] == ["reviewer2", "reviewer3"]
    assert (request.status, request.open_groups, waiting_for(reviewer2)) == (
        "pending",
        ["finance", "heads"],
        1,
    )
    assert approve(request, reviewer2).status == "approved"
    assert SignOff.objects.get().role == "finance"
    runs.work(run)
    assert runs.status_of(run) == "executed"
    assert_record_is_exact()


def test_who_is_part_of_the_action_gains_nothing_by_it(reviewer2):
    request = runs.request_of(held(by="reviewer2"))
    go_up(request)

    assert runs.facts_of(request.id, "request.escalated")["people"] == ["reviewer3"]
    with pytest.raises(quorum.SelfSignOff, match="reviewer2 started the run"):
        approve(request, reviewer2)
    assert waiting_for(reviewer2) == 0


def test_one_head_fills_one_level_and_two_fill_both(reviewer2, reviewer3):
    request = runs.request_of(held(levels=THEN_RISK))
    join(reviewer2, "risk")
    go_up(request)

    assert approve(request, reviewer2).status == "pending"
    assert approve(request, reviewer2).repeated
    assert approve(request, reviewer3).status == "approved"
    assert [one.role for one in SignOff.objects.order_by("number")] == ["finance", "risk"]


@pytest.mark.parametrize("gone", ["left the group", "deactivated"])
def test_an_approval_falls_when_its_head_is_one_no_more_before_the_claim(gone, reviewer2):
    run = held()
    request = runs.request_of(run)
    go_up(request)
    approve(request, reviewer2)
    if gone == "deactivated":
        reviewer2.is_active = False
        reviewer2.save()
    else:
        reviewer2.groups.remove(Group.objects.get(name="heads"))

    runs.work(run)

    request.refresh_from_db()
    assert (request.status, runs.paid) == ("stale", [])
    assert runs.request_of(run).open_groups == ["finance"]  # the new request has not gone up


@pytest.mark.parametrize("heads", ["none named", "all are away"])
def test_it_falls_back_to_the_administrators_who_are_told_and_decide_nothing(
    heads, admin, reviewer2, reviewer3
):
    request = runs.request_of(held(**({"escalate_to": ()} if heads == "none named" else {})))
    if heads == "all are away":
        for person in (reviewer2, reviewer3):
            person.is_active = False
            person.save()

    go_up(request)

    assert runs.facts_of(request.id, "request.escalated")["people"] == ["admin"]
    with pytest.raises((quorum.SelfSignOff, quorum.NotEligible)):
        approve(request, admin)


def test_a_quorum_out_of_reach_goes_up_at_once_and_is_no_fault_when_those_above_can_fill_it(
    reviewer, reviewer2
):
    reviewer.groups.remove(Group.objects.get(name="finance"))
    request = runs.request_of(held())

    assert request.fault == ""
    assert request.open_groups == ["finance", "heads"]
    told = runs.facts_of(request.id, "request.escalated")
    assert told["people"] == ["reviewer2", "reviewer3", "admin"]
    assert "finance cannot be filled" in told["reason"]
    assert approve(request, reviewer2).status == "approved"


def test_a_change_keeps_who_must_agree_and_where_silence_goes(reviewer, reviewer2):
    request = runs.request_of(held(clocks=Clocks(decide_by=600, execute_by=60, escalate_after=120)))

    edits.edit(
        request=str(request.id),
        by=reviewer,
        tool="tests.pay",
        arguments={**runs.PAYMENT, "amount": "1.00"},
        seen_digest=request.digest,
        seen_version=request.version,
        reason="a typing error",
        now=timezone.now(),
    )

    new = runs.request_of(str(request.run))
    assert new.levels == request.levels
    assert new.decide_by - new.opened_at == dt.timedelta(minutes=10)
    assert new.escalate_at - new.opened_at == dt.timedelta(minutes=2)
    go_up(new)
    new.refresh_from_db()
    assert approve(new, reviewer2).status == "approved"


@pytest.mark.parametrize(
    ("rule", "policy", "seconds"),
    [
        ({}, {}, 0.8 * terms.CLOCKS["high"].decide_by),
        ({"clocks": Clocks(decide_by=600, execute_by=60)}, {}, 480),
        ({"clocks": Clocks(decide_by=600, execute_by=60, escalate_after=90)}, {}, 90),
        ({}, {"escalate_after": 300}, 300),
        ({"clocks": Clocks(decide_by=600, execute_by=60, escalate_after=90)}, {"escalate_after": 300}, 90),
        # After the rule's shorter time to decide it would be of no use.
        ({"clocks": Clocks(decide_by=60, execute_by=60)}, {"escalate_after": 300}, 48),
    ],
)
def test_when_it_goes_up_is_the_shortest_time_that_a_rule_or_its_tier_gives(rule, policy, seconds):
    high = replace(terms.CLOCKS["high"], **policy)
    asked = Rule(id="payments", title="Payments", when="money.moves", then="hold", **rule)
    applied = replace(terms.STRICT, rules=(asked,), clocks={**terms.CLOCKS, "high": high})
    policies.publish_policy(policy=applied, by=None, now=timezone.now())

    request = runs.request_of(runs.held_run())

    assert (request.escalate_at - request.opened_at).total_seconds() == seconds


def test_a_rule_that_names_nobody_leaves_it_to_its_policy():
    rule = Rule(id="payments", title="Payments", when="money.moves", then="hold")
    policy = replace(terms.STRICT, rules=(rule,), escalate_to=("heads",))
    policies.publish_policy(policy=policy, by=None, now=timezone.now())
    request = runs.request_of(runs.held_run())

    go_up(request)

    assert runs.facts_of(request.id, "request.escalated")["people"] == ["reviewer2", "reviewer3"]
