"""Sign-offs from people's own programs, and requests as callers see them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import ApprovalRequest
from approvals.services import sign_offs
from tests import callers
from tests.approvals.runs import held_run, request_of, status_of, work
from tests.callers import Api, problem_of
from tests.house.exact import exact_record

__all__ = ["exact_record"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exact_record")]


@pytest.fixture
def request_(operator: Any, admin: Any, reviewer: Any, reviewer2: Any) -> ApprovalRequest:
    return request_of(held_run(by=operator.username))


def answer(request: ApprovalRequest, verb: str = "approve", **changed: Any) -> dict[str, Any]:
    return {"verb": verb, "seen_digest": request.digest, "seen_version": request.version, **changed}


def test_a_person_signs_off_in_their_own_name(
    request_: ApprovalRequest, reviewer: Any, reviewer2: Any
) -> None:
    address = f"/approval-requests/{request_.pk}"
    one, two = Api(callers.person_token(reviewer).secret), Api(callers.person_token(reviewer2).secret)
    assert one.post(f"{address}/sign-offs", answer(request_)).status_code == 200
    again = one.post(f"{address}/sign-offs", answer(request_))
    assert again.json()["repeated"] is True
    shown = two.get(address).json()
    assert [given["who"] for given in shown["sign_offs"]] == ["reviewer"]
    assert shown["arguments"]["payee"] == "ACME GmbH"
    if shown["status"] == "pending":
        two.post(f"{address}/sign-offs", answer(request_))
    assert two.get(address).json()["status"] == "approved"
    assert status_of(str(request_.run)) == "released"


def test_who_comes_second_is_told_who_was_first(
    request_: ApprovalRequest, reviewer: Any, reviewer2: Any
) -> None:
    address = f"/approval-requests/{request_.pk}/sign-offs"
    Api(callers.person_token(reviewer).secret).post(
        address, answer(request_, "reject", reason="Wrong payee.")
    )
    late = Api(callers.person_token(reviewer2).secret).post(address, answer(request_))
    assert problem_of(late) == (409, "decided")
    assert (late.json()["by"], late.json()["state"], late.json()["reason"]) == (
        "reviewer",
        "rejected",
        "Wrong payee.",
    )


@pytest.mark.parametrize("changed", [{"seen_digest": "0" * 64}, {"seen_version": 9}])
def test_an_answer_to_something_else_is_refused(
    request_: ApprovalRequest, reviewer: Any, changed: dict[str, Any]
) -> None:
    sent = Api(callers.person_token(reviewer).secret).post(
        f"/approval-requests/{request_.pk}/sign-offs", answer(request_, **changed)
    )
    assert problem_of(sent) == (412, "changed")


def test_an_answer_after_the_time_is_over_approves_nothing(request_: ApprovalRequest, reviewer: Any) -> None:
    moved = ApprovalRequest.objects.filter(pk=request_.pk)
    moved.update(decide_by=timezone.now() - dt.timedelta(milliseconds=1))
    sent = Api(callers.person_token(reviewer).secret).post(
        f"/approval-requests/{request_.pk}/sign-offs", answer(request_)
    )
    moved.update(decide_by=request_.decide_by)
    assert problem_of(sent) == (410, "expired")


def test_a_rejection_needs_a_reason(request_: ApprovalRequest, reviewer: Any) -> None:
    sent = Api(callers.person_token(reviewer).secret).post(
        f"/approval-requests/{request_.pk}/sign-offs", answer(request_, "reject")
    )
    assert problem_of(sent) == (422, "reason_missing")


@pytest.mark.parametrize(
    ("who", "code"), [("operator", "self"), ("admin", "self")], ids=["started the run", "owns the agent"]
)
def test_who_is_part_of_it_does_not_approve_it(
    request_: ApprovalRequest, who: str, code: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(who)
    sent = Api(callers.person_token(person).secret).post(
        f"/approval-requests/{request_.pk}/sign-offs", answer(request_)
    )
    assert problem_of(sent) == (403, code)


def test_a_token_of_an_agent_never_signs_off(request_: ApprovalRequest, admin: Any) -> None:
    callers.publish_agent(owner=admin.username)
    agent = Api(callers.agent_token(by=admin).secret)
    sent = agent.post(f"/approval-requests/{request_.pk}/sign-offs", answer(request_))
    assert problem_of(sent) == (403, "scope")


def test_a_critical_request_is_approved_on_its_page_only(
    request_: ApprovalRequest, reviewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from approvals.services import outside

    load = outside.requests.load
    critical = load(str(request_.pk))
    import msgspec

    critical = msgspec.structs.replace(
        critical, opened=msgspec.structs.replace(critical.opened, tier="critical")
    )
    monkeypatch.setattr(outside.requests, "load", lambda request: critical)
    sent = Api(callers.person_token(reviewer).secret).post(
        f"/approval-requests/{request_.pk}/sign-offs", answer(request_)
    )
    assert problem_of(sent) == (403, "step_up")


def test_policies_are_read(admin: Any, reviewer: Any) -> None:
    callers.publish_agent(owner=admin.username)
    api = Api(callers.person_token(reviewer).secret)
    assert "strict" in [policy["slug"] for policy in api.get("/policies").json()["policies"]]
    assert api.get("/policies/strict").json()["slug"] == "strict"
    assert problem_of(api.get("/policies/none"))[0] == 404


def test_a_reviewer_sees_the_case_of_an_external_run(client: Client, reviewer: Any, admin: Any) -> None:
    callers.publish_agent(owner=admin.username)
    courier = Api(callers.agent_token(by=admin).secret)
    run = courier.start()
    courier.propose(run)
    work(run, ("assess",))
    client.force_login(reviewer)
    shown = client.get(reverse("approvals:case", args=[request_of(run).pk])).content.decode()
    assert "of stage" not in shown
    assert "asked by courier revision 1" in shown


def test_what_an_agent_elsewhere_does_itself_is_not_said_to_run_here(
    client: Client, reviewer: Any, reviewer2: Any, admin: Any
) -> None:
    callers.publish_agent(owner=admin.username)
    courier = Api(callers.agent_token(by=admin).secret)
    run = courier.start()
    courier.propose(run)
    work(run, ("assess",))
    held = request_of(run)
    client.force_login(reviewer2)
    address = reverse("approvals:case", args=[held.pk])
    while "Approve: courier may pay 82,000.00 EUR" not in client.get(address).content.decode():
        signed = sign_off(held, reviewer)  # the levels ask for more than one
        assert (signed.status, signed.repeated) == ("pending", False)
    assert "its agent may do it within" in client.get(address).content.decode()
    assert sign_off(held, reviewer2).follows == "Its agent may claim and do it now."


def sign_off(request: ApprovalRequest, by: Any) -> sign_offs.Answered:
    seen = {"seen_digest": request.digest, "seen_version": request.version}
    return sign_offs.sign_off(request=str(request.pk), by=by, verb="approve", now=timezone.now(), **seen)
