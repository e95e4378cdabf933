"""Words that a row cannot hold or that mean something else to another reader: nothing breaks and nothing gets stuck."""

from __future__ import annotations

from typing import Any

import pytest

from tests import callers
from tests.approvals.runs import request_of, types_of, work
from tests.callers import Api, problem_of
from tests.house.exact import exact_record

__all__ = ["exact_record"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exact_record")]
NUL = "a\0b"


@pytest.mark.parametrize("policy", ["strict", "balanced"])
@pytest.mark.parametrize("field", ["payee", "currency", "amount"])
def test_a_call_with_a_nul_in_it_is_weighed_like_any_other(
    courier: Api, admin: Any, reviewer: Any, policy: str, field: str
) -> None:
    courier = Api(callers.agent_token(by=admin, policy=policy).secret)
    run = courier.start(title=NUL)
    asked = {"payee": "ACME", "amount": "5.00", "currency": "EUR", field: NUL}
    action = courier.propose(
        run, arguments=asked, reason=NUL, call_id=NUL, evidence=[{"source": NUL, "quote": NUL}]
    )
    assert work(run, ("assess",)) == 1
    found = courier.get(f"/runs/{run}/actions/{action['action']}").json()
    assert found["state"] in ("held", "refused")
    if found["state"] == "held":
        person = Api(callers.person_token(reviewer).secret)
        held = request_of(run)
        seen = {"seen_digest": held.digest, "seen_version": held.version}
        answer = person.post(
            f"/approval-requests/{held.pk}/sign-offs", {"verb": "reject", "reason": NUL, **seen}
        )
        assert (answer.status_code, answer.json().get("status")) == (200, "rejected")
        assert "a\ufffdb" in courier.get(f"/runs/{run}/actions/a1").json()["explanation"]


@pytest.mark.parametrize(
    ("path", "body", "state"),
    [
        ("/cancel", {"reason": NUL}, "cancelled"),
        ("/finish", {"succeeded": False, "reason": NUL}, "failed"),
        ("/finish", {"output": {NUL: NUL}}, "succeeded"),
    ],
)
def test_a_run_that_ends_with_a_nul_takes_its_requests_with_it(
    courier: Api, run: str, path: str, body: dict[str, Any], state: str
) -> None:
    courier.propose(run)
    work(run, ("assess",))
    assert courier.post(f"/runs/{run}{path}", body).json()["state"] == state
    assert request_of(run).status == "withdrawn"


@pytest.mark.parametrize("outcome", ["executed", "failed"])
def test_an_outcome_with_a_nul_is_recorded(courier: Api, run: str, outcome: str) -> None:
    courier.propose(run, "door.look", {"what": NUL})
    said = {"outcome": outcome, "result": {NUL: NUL}, "text": NUL}
    assert courier.post(f"/runs/{run}/actions/a1/result", said).json()["state"] == outcome


@pytest.mark.parametrize(
    "spelled", [str.upper, lambda run: run.replace("-", ""), "{{{}}}".format, "urn:uuid:{}".format]
)
def test_a_run_has_one_name(courier: Api, run: str, spelled: Any) -> None:
    address = f"/runs/{spelled(run)}"
    assert problem_of(courier.get(address)) == (404, "not_found")
    assert problem_of(courier.post(f"{address}/actions", {"tool": "door.note"})) == (404, "not_found")
    assert problem_of(courier.post(f"{address}/cancel", {"reason": "No."})) == (404, "not_found")
    assert types_of(run) == ["run.started"]


def test_a_request_spelled_otherwise_is_the_same_request(courier: Api, run: str, reviewer: Any) -> None:
    courier.propose(run)
    work(run, ("assess",))
    held = request_of(run)
    body = {"verb": "reject", "seen_digest": held.digest, "seen_version": held.version, "reason": "No."}
    person = Api(callers.person_token(reviewer).secret)
    answer = person.post(f"/approval-requests/{str(held.pk).upper()}/sign-offs", body)
    assert answer.json()["request"] == str(held.pk)


@pytest.mark.parametrize(
    "cursor",
    ["x", "2026-01-01_7", "2026-01-01T00:00:00_{run}", "0001-01-01T00:00:00+14:00_{run}",
     "2026-01-01T00:00:00Z%00_{run}", "9999-12-31T23:59:59-23:00_{run}"],
)  # fmt: skip
def test_a_cursor_that_was_never_given_is_refused(courier: Api, run: str, cursor: str) -> None:
    shown = cursor.format(run=run).replace("+", "%2B")
    for path in ("/runs", "/approval-requests"):
        assert problem_of(courier.get(f"{path}?cursor={shown}")) == (422, "no_such_cursor")
