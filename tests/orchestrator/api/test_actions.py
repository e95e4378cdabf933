"""An agent elsewhere asks, waits, claims, acts and reports; and what it may not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from approvals.services import sign_offs
from orchestrator import eventlog, outbox
from orchestrator.services import external, removal, runs
from tests import callers
from tests.approvals.runs import request_of, status_of, types_of, work
from tests.callers import Api, problem_of
from tests.house.exact import exact_record

__all__ = ["exact_record"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exact_record")]


def approve(run: str, action: str, *people: Any) -> None:
    """Each in turn, until the quorum is there."""
    for person in people:
        request = request_of(run, action)
        if request.status != "pending":
            return
        sign_offs.sign_off(
            request=str(request.pk),
            by=person,
            verb="approve",
            seen_digest=request.digest,
            seen_version=request.version,
            now=timezone.now(),
        )


@pytest.fixture
def released(courier: Api, run: str, reviewer: Any, reviewer2: Any) -> dict[str, Any]:
    """A payment that enough people have approved."""
    action = courier.propose(run)
    work(run, ("assess",))
    approve(run, action["action"], reviewer, reviewer2)
    found: dict[str, Any] = courier.get(f"/runs/{run}/actions/a1").json()
    assert found["state"] == "released"
    return found


def test_a_payment_is_held_signed_claimed_and_reported(courier: Api, run: str, released: Any) -> None:
    address = f"/runs/{run}/actions/a1"
    claim = courier.post(f"{address}/claim", {"digest": released["digest"]})
    assert claim.status_code == 200, claim.content
    assert claim.json()["arguments"] == callers.PAYMENT
    assert dt.datetime.fromisoformat(claim.json()["execute_by"]) == request_of(run, "a1").execute_by
    done = courier.post(f"{address}/result", {"outcome": "executed", "result": {"paid": "yes"}})
    assert done.json()["state"] == "executed"
    ended = courier.post(f"/runs/{run}/finish", {"output": {"paid": 1}})
    assert ended.json()["state"] == "succeeded"
    assert types_of(run) == [
        "run.started",
        "action.proposed",
        "action.held",
        "action.released",
        "action.claimed",
        "action.executed",
        "run.succeeded",
    ]


def test_a_held_action_names_the_request_by_which_people_are_asked_and_its_page(
    courier: Api, run: str, reviewer: Any, reviewer2: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://countersign.example/here/"
    assert courier.propose(run)["request"] == ""
    work(run, ("assess",))
    asked = str(request_of(run, "a1").pk)
    for found in (
        courier.get(f"/runs/{run}/actions/a1").json(),
        courier.get(f"/runs/{run}/actions").json()["actions"][0],
    ):
        assert (found["state"], found["request"]) == ("held", asked)
        assert found["request_url"] == f"https://countersign.example/here/inbox/{asked}/"
    assert courier.get(f"/approval-requests/{asked}").json()["status"] == "pending"
    approve(run, "a1", reviewer, reviewer2)
    found = courier.get(f"/runs/{run}/actions/a1").json()
    assert (found["state"], found["request"]) == ("released", asked)


def test_people_read_what_an_agent_will_do_instead_and_what_is_too_long_of_it_is_refused(
    courier: Api, run: str
) -> None:
    body = {"tool": "door.pay", "arguments": callers.PAYMENT}
    answer = courier.post(f"/runs/{run}/actions", {**body, "otherwise": "x" * 1001})
    assert problem_of(answer) == (422, "invalid")
    assert "otherwise" in answer.content.decode()
    courier.propose(run, reason="It is due.", otherwise="I ask the buyer.")
    work(run, ("assess",))
    found = courier.get(f"/approval-requests/{request_of(run, 'a1').pk}").json()
    assert (found["stated_reason"], found["stated_otherwise"]) == ("It is due.", "I ask the buyer.")


def test_nothing_of_an_external_run_is_ever_executed_here(courier: Api, run: str, released: Any) -> None:
    assert work(run, ("execute",)) == 0
    courier.post(f"/runs/{run}/actions/a1/claim", {"digest": released["digest"]})
    assert outbox.open_effects(run) == [] or all(
        effect["state"] != "wanted" for effect in outbox.open_effects(run)
    )
    assert status_of(run) == "claimed"


def test_a_held_action_cannot_be_claimed(courier: Api, run: str) -> None:
    action = courier.propose(run)
    work(run, ("assess",))
    answer = courier.post(f"/runs/{run}/actions/a1/claim", {"digest": action["digest"]})
    assert problem_of(answer) == (409, "wrong_step")
    assert status_of(run) == "held"


def test_a_claim_is_made_once(courier: Api, run: str, released: Any) -> None:
    address, body = f"/runs/{run}/actions/a1/claim", {"digest": released["digest"]}
    assert courier.post(address, body).status_code == 200
    assert problem_of(courier.post(address, body)) == (409, "wrong_step")


def test_a_claim_repeated_under_its_key_gets_the_same_answer(courier: Api, run: str, released: Any) -> None:
    address, body = f"/runs/{run}/actions/a1/claim", {"digest": released["digest"]}
    first = courier.post(address, body, key="claim-1")
    again = courier.post(address, body, key="claim-1")
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert types_of(run).count("action.claimed") == 1


def test_a_claim_of_something_else_is_refused(courier: Api, run: str, released: Any) -> None:
    answer = courier.post(f"/runs/{run}/actions/a1/claim", {"digest": "0" * 64})
    assert problem_of(answer) == (412, "changed")
    assert status_of(run) == "released"


def test_an_approval_used_too_late_is_weighed_again(courier: Api, run: str, released: Any) -> None:
    request = request_of(run, "a1")
    type(request).objects.filter(pk=request.pk).update(
        execute_by=timezone.now() - dt.timedelta(milliseconds=1)
    )
    answer = courier.post(f"/runs/{run}/actions/a1/claim", {"digest": released["digest"]})
    assert problem_of(answer) == (409, "recalled")
    assert "not used within" in answer.json()["detail"]
    assert status_of(run) == "proposed"
    # The clock was moved behind the log's back; put it back, so that the record is exact.
    type(request).objects.filter(pk=request.pk).update(execute_by=request.execute_by)


def test_a_result_without_a_claim_is_refused(courier: Api, run: str, released: Any) -> None:
    answer = courier.post(f"/runs/{run}/actions/a1/result", {"outcome": "executed", "result": 1})
    assert problem_of(answer) == (409, "wrong_step")


def test_a_refused_action_says_why(courier: Api, run: str) -> None:
    action = courier.propose(run, "door.burn", {})
    assert action["state"] == "refused"
    assert "not declared" in action["explanation"]
    wrong = courier.propose(run, "door.pay", {"payee": 7})
    assert (wrong["state"], "schema" in wrong["explanation"]) == ("refused", True)


def test_a_tool_that_reads_needs_nobody_and_no_claim(courier: Api, run: str) -> None:
    action = courier.propose(run, "door.look", {"what": "rates"})
    assert (action["state"], action["executor"]) == ("allowed", "external")
    done = courier.post(f"/runs/{run}/actions/a1/result", {"outcome": "executed", "result": [1, 2]})
    assert done.json()["state"] == "executed"


def test_silence_after_a_claim_goes_to_a_named_person(
    courier: Api, run: str, released: Any, settings: Any, admin: Any
) -> None:
    courier.post(f"/runs/{run}/actions/a1/claim", {"digest": released["digest"]})
    by = eventlog.load(run, fresh=True).state.actions["a1"].execute_by
    due = eventlog.EPOCH + dt.timedelta(microseconds=by, seconds=settings.EXTERNAL_SILENCE_SECONDS)
    assert external.unconfirm_overdue(due - dt.timedelta(milliseconds=1)) == 0
    assert status_of(run) == "claimed"
    assert external.unconfirm_overdue(due) == 1
    found = courier.get(f"/runs/{run}/actions/a1").json()
    assert (found["state"], found["assigned_to"]) == ("unconfirmed", admin.username)
    late = courier.post(f"/runs/{run}/actions/a1/result", {"outcome": "executed", "result": 1})
    assert problem_of(late) == (409, "wrong_step")
    runs.confirm_action(
        run=run, action="a1", executed=True, text="The bank says so.", by=admin, now=timezone.now()
    )
    assert status_of(run) == "executed"


def test_an_agent_may_say_that_it_does_not_know(courier: Api, run: str, released: Any) -> None:
    courier.post(f"/runs/{run}/actions/a1/claim", {"digest": released["digest"]})
    answer = courier.post(f"/runs/{run}/actions/a1/result", {"outcome": "unknown"})
    assert answer.json()["state"] == "unconfirmed"


def test_an_operator_who_cancels_withdraws_what_waits(courier: Api, run: str, operator: Any) -> None:
    courier.propose(run)
    work(run, ("assess",))
    runs.cancel_run(run=run, reason="Stop it.", by=operator, now=timezone.now())
    assert request_of(run, "a1").status == "withdrawn"
    found = courier.get(f"/runs/{run}/actions/a1").json()
    assert found["state"] == "voided"
    assert problem_of(courier.post(f"/runs/{run}/actions", {"tool": "door.note"})) == (409, "run_is_over")


def test_a_paused_run_takes_no_proposal_and_no_claim(
    courier: Api, run: str, released: Any, operator: Any
) -> None:
    runs.pause_run(run=run, reason="Wait.", by=operator, now=timezone.now())
    assert problem_of(courier.post(f"/runs/{run}/actions", {"tool": "door.note"})) == (409, "paused")
    claim = courier.post(f"/runs/{run}/actions/a1/claim", {"digest": released["digest"]})
    assert claim.status_code == 409
    runs.resume_run(run=run, by=operator, now=timezone.now())
    claim = courier.post(f"/runs/{run}/actions/a1/claim", {"digest": released["digest"]})
    assert claim.status_code == 200


def test_a_proposal_sent_twice_under_one_key_is_one(courier: Api, run: str) -> None:
    body = {"tool": "door.note", "arguments": {"text": "a"}}
    first = courier.post(f"/runs/{run}/actions", body, key="p1")
    again = courier.post(f"/runs/{run}/actions", body, key="p1")
    assert first.json()["action"] == again.json()["action"] == "a1"
    other = courier.post(f"/runs/{run}/actions", {"tool": "door.look"}, key="p1")
    assert problem_of(other) == (422, "key_reused")
    assert types_of(run).count("action.proposed") == 1


def test_a_result_is_read_by_who_lost_the_answer(courier: Api, admin: Any, run: str, released: Any) -> None:
    address = f"/runs/{run}/actions/a1"
    courier.post(f"{address}/claim", {"digest": released["digest"]})
    assert courier.get(address).json()["result"] is None
    courier.post(f"{address}/result", {"outcome": "executed", "result": {"paid": ["yes", 1]}})
    another = Api(callers.agent_token(by=admin).secret)
    found = another.get(address).json()
    assert (found["result"], found["result_left_out"]) == ({"paid": ["yes", 1]}, "")
    assert found["result_bytes"] == len(b'{"paid":["yes",1]}')


def test_a_large_result_is_given_back_whole_up_to_what_one_call_may_bring(
    courier: Api, run: str, settings: Any
) -> None:
    courier.propose(run, "door.look", {"what": "all"})
    large = "é" * 20_000
    courier.post(f"/runs/{run}/actions/a1/result", {"outcome": "executed", "result": large})
    assert courier.get(f"/runs/{run}/actions/a1").json()["result"] == large
    settings.API_MOST_BYTES = 1000
    found = courier.get(f"/runs/{run}/actions/a1").json()
    assert (found["result"], found["result_bytes"]) == (None, 40_002)
    assert "40,002 bytes" in found["result_left_out"]


def test_a_result_that_was_erased_says_so(courier: Api, run: str, admin: Any) -> None:
    courier.propose(run, "door.look", {"what": "all"})
    courier.post(f"/runs/{run}/actions/a1/result", {"outcome": "executed", "result": "x" * 5000})
    digest = courier.get(f"/runs/{run}/actions/a1").json()["result_digest"]
    courier.post(f"/runs/{run}/finish", {})
    removal.erase_content(digest=digest, reason="A person asked.", by="user:admin", now=timezone.now())
    found = courier.get(f"/runs/{run}/actions/a1").json()
    assert (found["result"], found["result_digest"]) == (None, digest)
    assert "A person asked." in found["result_left_out"]


def test_a_failure_is_read_in_its_own_words(courier: Api, run: str) -> None:
    courier.propose(run, "door.look", {})
    courier.post(f"/runs/{run}/actions/a1/result", {"outcome": "failed", "text": "no line"})
    found = courier.get(f"/runs/{run}/actions/a1").json()
    assert (found["state"], found["explanation"], found["result"]) == ("failed", "no line", None)
