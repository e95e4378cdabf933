"""External runs: started once, seen by their own agent alone, ended by it; what it states is on the record."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrator import eventlog
from orchestrator.services import catalogue
from tests import callers
from tests.approvals.runs import request_of, work
from tests.callers import Api, problem_of
from tests.house.exact import exact_record

__all__ = ["exact_record"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exact_record")]


@pytest.fixture
def rival(courier: Api, admin: Any) -> Api:
    callers.publish_agent("rival", owner=admin.username)
    return Api(callers.agent_token("rival", by=admin).secret)


def test_a_run_pins_the_revision_of_the_token(courier: Api, admin: Any) -> None:
    narrower = msgspec.structs.replace(callers.SCOPE, tools=("door.look",))
    callers.publish_agent(owner=admin.username, scope=narrower)
    run = courier.start()
    spec = eventlog.load(run).state.spec
    assert (spec.agents["courier"].revision, spec.pattern, spec.stages) == (1, "external", ())
    assert sorted(spec.tools) == ["door.look", "door.note", "door.pay"]
    assert eventlog.events_after(run, 0)[0].actor == "agent:courier@1"


def test_the_same_key_is_the_same_run(courier: Api) -> None:
    first = courier.post("/runs", {"title": "One"}, key="k")
    again = courier.post("/runs", {"title": "One"}, key="k")
    assert first.json()["id"] == again.json()["id"]
    assert problem_of(courier.post("/runs", {"title": "Two"}, key="k")) == (422, "key_reused")


def test_the_key_of_another_agent_is_another_run(courier: Api, rival: Api) -> None:
    first = courier.post("/runs", {}, key="k").json()["id"]
    assert rival.post("/runs", {}, key="k").json()["id"] != first


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/runs/{run}", None),
        ("GET", "/runs/{run}/events", None),
        ("GET", "/runs/{run}/actions", None),
        ("GET", "/runs/{run}/actions/a1", None),
        ("POST", "/runs/{run}/actions", {"tool": "door.note"}),
        ("POST", "/runs/{run}/actions/a1/claim", {"digest": "0" * 64}),
        ("POST", "/runs/{run}/actions/a1/result", {"outcome": "executed"}),
        ("POST", "/runs/{run}/finish", {}),
        ("POST", "/runs/{run}/cancel", {"reason": "mine now"}),
        ("POST", "/runs/{run}/assertions", {"assertions": [{"subject": "a", "predicate": "b"}]}),
        ("POST", "/runs/{run}/commitments", {"creditor": "a", "consequent": "b"}),
        ("GET", "/approval-requests/{request}", None),
    ],
)
def test_an_agent_sees_and_touches_only_its_own(
    courier: Api, rival: Api, run: str, method: str, path: str, body: Any
) -> None:
    courier.propose(run)
    work(run, ("assess",))
    request = str(request_of(run, "a1").pk)
    head = eventlog.load(run, fresh=True).head
    answer = rival.send(method, path.format(run=run, request=request), body)
    assert problem_of(answer) == (404, "not_found")
    assert rival.get("/runs").json()["runs"] == []
    assert rival.get("/approval-requests").json()["requests"] == []
    assert eventlog.load(run, fresh=True).head == head
    if method == "GET":
        assert courier.send(method, path.format(run=run, request=request)).status_code == 200


def test_a_run_of_ours_is_not_reported_to_from_outside(courier: Api) -> None:
    from tests.approvals import runs as ours

    run = ours.start()
    assert problem_of(courier.get(f"/runs/{run}")) == (404, "not_found")
    assert problem_of(courier.post(f"/runs/{run}/actions", {"tool": "tests.pay"})) == (404, "not_found")


def test_a_run_ends_only_when_no_claim_is_open(courier: Api, run: str) -> None:
    note = courier.propose(run, "door.look", {})
    courier.post(f"/runs/{run}/actions/a1/claim", {"digest": note["digest"]})
    assert problem_of(courier.post(f"/runs/{run}/finish")) == (409, "still_claimed")
    courier.post(f"/runs/{run}/actions/a1/result", {"outcome": "failed", "text": "no line"})
    assert courier.post(f"/runs/{run}/finish").json()["state"] == "succeeded"


def test_a_run_that_ends_withdraws_what_waits(courier: Api, run: str) -> None:
    courier.propose(run)
    work(run, ("assess",))
    ended = courier.post(f"/runs/{run}/finish", {"succeeded": False, "reason": "Nobody answered."})
    assert (ended.json()["state"], ended.json()["reason"]) == ("failed", "Nobody answered.")
    assert request_of(run, "a1").status == "withdrawn"


def test_an_agent_may_cancel_its_own_run(courier: Api, run: str) -> None:
    assert courier.post(f"/runs/{run}/cancel", {"reason": "Not needed."}).json()["state"] == "cancelled"
    assert problem_of(courier.post(f"/runs/{run}/finish")) == (409, "run_is_over")


def test_what_an_agent_states_is_on_the_record_under_its_name(courier: Api, run: str) -> None:
    said = {
        "assertions": [
            {
                "subject": "invoice 7",
                "predicate": "is due",
                "value": {"on": "2026-12-01"},
                "evidence": [{"source": "invoice.xml", "line": 7, "quote": "2026-12-01"}],
            }
        ]
    }
    assert courier.post(f"/runs/{run}/assertions", said).status_code == 201
    made = courier.post(
        f"/runs/{run}/commitments",
        {"creditor": "treasurer", "antecedent": "it is signed", "consequent": "pays it"},
    )
    assert made.json()["commitment"] == "c3"
    events = courier.get(f"/runs/{run}/events?after=1").json()["events"]
    assert [(event["type"], event["actor"]) for event in events] == [
        ("belief.asserted", "agent:courier@1"),
        ("commitment.created", "agent:courier@1"),
    ]
    assert events[1]["payload"]["consequent"] == "pays it"


def test_events_are_read_by_cursor(courier: Api, run: str) -> None:
    for text in "abc":
        courier.propose(run, "door.note", {"text": text})
    first = courier.get(f"/runs/{run}/events?limit=2").json()
    assert ([event["seq"] for event in first["events"]], first["next"]) == ([1, 2], 2)
    rest = courier.get(f"/runs/{run}/events?after=2&type=action.proposed").json()
    assert [event["seq"] for event in rest["events"]] == [3, 4]
    assert courier.get(f"/runs/{run}/events?after=4").json() == {"events": [], "next": 4}


def test_runs_are_paged_by_cursor(courier: Api) -> None:
    made = [courier.start(title=f"Run {number}") for number in range(3)]
    first = courier.get("/runs?limit=2").json()
    rest = courier.get(f"/runs?limit=2&cursor={first['next'].replace('+', '%2B')}").json()
    assert [run["id"] for run in [*first["runs"], *rest["runs"]]] == made[::-1]
    assert rest["next"] == ""


def test_a_retired_agent_starts_and_asks_for_nothing(courier: Api, run: str) -> None:
    from django.utils import timezone

    catalogue.retire_agent(slug="courier", reason="Gone.", by="admin", now=timezone.now())
    assert problem_of(courier.post("/runs", {})) == (403, "agent_retired")
    assert problem_of(courier.post(f"/runs/{run}/actions", {"tool": "door.note"})) == (403, "agent_retired")
