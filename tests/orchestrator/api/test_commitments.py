"""What an agent elsewhere commits itself to: made, read, settled by itself alone, and violated when time is over."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from orchestrator.services import commitments, removal
from tests import callers
from tests.approvals.runs import types_of
from tests.callers import Api, problem_of
from tests.house.exact import exact_record

__all__ = ["exact_record"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exact_record")]
MADE = {
    "creditor": "treasurer",
    "antecedent": "it is signed",
    "consequent": "pays it",
    "premises": ["invoice 7 is due", "\0 <b>"],
}
GROUNDS = [{"source": "bank.csv", "line": 7, "quote": "82000.00"}]


def in_hours(hours: float) -> str:
    return (timezone.now() + dt.timedelta(hours=hours)).isoformat()


@pytest.fixture
def made(courier: Api, run: str) -> str:
    """The address of a commitment that is due in an hour."""
    answer = courier.post(f"/runs/{run}/commitments", {**MADE, "due": in_hours(1)})
    assert answer.status_code == 201, answer.content
    assert answer.json()["state"] == "created"
    return f"/runs/{run}/commitments/{answer.json()['commitment']}"


def test_it_is_read_as_it_was_made(courier: Api, run: str, made: str) -> None:
    found = courier.get(made).json()
    assert (found["debtor"], found["creditor"], found["consequent"]) == ("courier", "treasurer", "pays it")
    assert found["premises"] == MADE["premises"]
    assert (found["state"], found["settled_seq"], found["grounds"]) == ("created", None, [])
    assert dt.datetime.fromisoformat(found["due_at"]) == dt.datetime.fromisoformat(found["due"])


def test_who_made_it_says_that_it_is_done_and_on_what_grounds(courier: Api, run: str, made: str) -> None:
    done = courier.post(f"{made}/discharge", {"text": "Paid \0 today.", "evidence": GROUNDS})
    assert (done.status_code, done.json()["state"]) == (200, "discharged")
    found = courier.get(made).json()
    assert (found["text"], found["settled_seq"]) == ("Paid \ufffd today.", 3)
    assert found["grounds"] == GROUNDS
    assert problem_of(courier.post(f"{made}/cancel", {"reason": "No."})) == (409, "commitment_is_settled")
    assert types_of(run)[-2:] == ["commitment.created", "commitment.discharged"]


def test_who_made_it_takes_it_back_with_a_reason(courier: Api, made: str) -> None:
    assert problem_of(courier.post(f"{made}/cancel", {"reason": " "})) == (422, "reason_missing")
    taken = courier.post(f"{made}/cancel", {"reason": "Somebody else paid."}).json()
    assert (taken["state"], taken["text"]) == ("cancelled", "Somebody else paid.")


def test_it_is_settled_after_its_run_has_ended_too(courier: Api, run: str, made: str) -> None:
    courier.post(f"/runs/{run}/finish", {})
    assert courier.post(f"{made}/discharge", {}).json()["state"] == "discharged"
    assert problem_of(courier.post(f"/runs/{run}/commitments", MADE)) == (409, "run_is_over")


def test_nobody_else_touches_or_reads_it(courier: Api, admin: Any, reviewer: Any, made: str) -> None:
    callers.publish_agent("rival", owner=admin.username)
    rival = Api(callers.agent_token("rival", by=admin).secret)
    person = Api(callers.person_token(reviewer).secret)
    for path, body in (("/discharge", {}), ("/cancel", {"reason": "Mine now."})):
        assert problem_of(rival.post(made + path, body)) == (404, "not_found")
        assert problem_of(person.post(made + path, body)) == (403, "scope")
    assert problem_of(rival.get(made)) == (404, "not_found")
    assert person.get(made).json()["state"] == "created"


def test_the_clock_violates_what_was_not_settled_in_time(courier: Api, run: str, made: str) -> None:
    due = dt.datetime.fromisoformat(courier.get(made).json()["due_at"])
    assert commitments.violate_overdue(due) == 0
    assert courier.get(made).json()["state"] == "created"
    assert commitments.violate_overdue(due + dt.timedelta(milliseconds=1)) == 1
    assert commitments.violate_overdue(due + dt.timedelta(hours=1)) == 0
    assert courier.get(made).json()["state"] == "violated"
    assert problem_of(courier.post(f"{made}/discharge", {})) == (409, "commitment_is_settled")
    assert types_of(run).count("commitment.violated") == 1


@pytest.mark.parametrize("due", ["Friday", "2026-12-01T17:00:00", "2001-01-01T00:00:00Z"])
def test_a_time_that_is_none_is_refused_with_what_to_do(courier: Api, run: str, due: str) -> None:
    answer = courier.post(f"/runs/{run}/commitments", {**MADE, "due": due})
    assert problem_of(answer) == (422, "invalid")
    assert "`due`" in answer.json()["detail"]


def test_they_are_listed_by_cursor_and_state(courier: Api, run: str) -> None:
    for number in range(3):
        courier.post(f"/runs/{run}/commitments", {**MADE, "consequent": f"pays {number}"})
    courier.post(f"/runs/{run}/commitments/c3/cancel", {"reason": "No."})
    first = courier.get(f"/runs/{run}/commitments?limit=2").json()
    rest = courier.get(f"/runs/{run}/commitments?limit=2&after={first['next']}").json()
    listed = [one["consequent"] for one in [*first["commitments"], *rest["commitments"]]]
    assert (listed, rest["next"]) == (["pays 0", "pays 1", "pays 2"], 0)
    standing = courier.get(f"/runs/{run}/commitments?state=created").json()["commitments"]
    assert [one["commitment"] for one in standing] == ["c2", "c4"]


def test_one_sent_twice_under_one_key_is_one(courier: Api, run: str, made: str) -> None:
    body = {**MADE, "due": in_hours(2)}
    first = courier.post(f"/runs/{run}/commitments", body, key="c")
    assert courier.post(f"/runs/{run}/commitments", body, key="c").json() == first.json()
    done = [courier.post(f"{made}/discharge", {}, key="d") for _ in range(2)]
    assert [answer.status_code for answer in done] == [200, 200]
    assert types_of(run).count("commitment.discharged") == 1


def test_retention_keeps_a_run_that_is_bound_in_time(courier: Api, run: str, made: str) -> None:
    courier.post(f"/runs/{run}/finish", {})
    later = timezone.now() + dt.timedelta(minutes=1)
    assert (run in removal.ended_runs(later), run in removal.open_runs()) == (False, True)
    courier.post(f"{made}/discharge", {})
    assert (run in removal.ended_runs(later), run in removal.open_runs()) == (True, False)
