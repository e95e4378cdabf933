"""More proposals than a token may send: repeats are coalesced, what is grave always gets in, the rest waits."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import ApprovalRequest
from orchestrator import eventlog, ports
from orchestrator.domain.rules import external as rules
from tests import callers
from tests.approvals.runs import types_of, work
from tests.callers import Api, problem_of
from tests.house.exact import exact_record

__all__ = ["exact_record"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exact_record")]
# No test here takes longer, in seconds: its calls are counted in one minute.
LONGEST = 6
NOTE = {"tool": "door.note", "arguments": {"text": "again"}}


@pytest.fixture
def flooding(courier: Api, admin: Any) -> Api:
    """The courier with a token that may send eight of a kind in a minute, of which a good part is left."""
    callers.within_a_minute(LONGEST)
    return Api(callers.agent_token(by=admin, per_minute=8).secret)


def payment(number: int, amount: str = "82000.00") -> dict[str, Any]:
    return {
        "tool": "door.pay",
        "arguments": {"payee": f"Payee {number}", "amount": amount, "currency": "EUR"},
    }


def test_repeats_are_coalesced_and_what_is_low_is_told_when_to_come_again(flooding: Api, run: str) -> None:
    answers = [flooding.post(f"/runs/{run}/actions", NOTE) for _ in range(9)]
    assert [answer.status_code for answer in answers] == [201] * 8 + [429]
    assert [answer.json()["action"] for answer in answers[:8]] == ["a1", "a2", *["a1"] * 6]
    assert answers[7].json()["coalesced"] is True
    assert problem_of(answers[8]) == (429, "too_often")
    assert 1 <= int(answers[8]["Retry-After"]) <= 60
    assert types_of(run).count("action.proposed") == 2


def test_a_flood_of_others_never_takes_the_room_of_a_payment(flooding: Api, run: str) -> None:
    for _ in range(20):
        flooding.post(f"/runs/{run}/actions", NOTE)
    assert flooding.post(f"/runs/{run}/actions", payment(1, "5.00")).status_code == 201


def test_what_is_critical_is_recorded_however_fast_it_comes(flooding: Api, run: str) -> None:
    answers = [flooding.post(f"/runs/{run}/actions", payment(number)) for number in range(40)]
    assert {answer.status_code for answer in answers} == {201}
    assert types_of(run).count("action.proposed") == 40
    work(run, ("assess",))
    tiers = set(ApprovalRequest.objects.filter(run=run).values_list("tier", flat=True))
    assert (ApprovalRequest.objects.filter(run=run).count(), tiers <= {"high", "critical"}) == (40, True)


def test_a_repeat_of_what_is_critical_is_the_one_that_waits(flooding: Api, run: str) -> None:
    answers = [flooding.post(f"/runs/{run}/actions", payment(7)) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["action"] for answer in answers[2:]} == {"a1"}
    assert types_of(run).count("action.proposed") == 2


def test_past_the_ceiling_the_policy_says_what_is_grave_and_the_agent_does_not(
    flooding: Api, run: str
) -> None:
    small = [flooding.post(f"/runs/{run}/actions", payment(number, "5.00")) for number in range(9)]
    assert [answer.status_code for answer in small] == [201] * 8 + [429]
    pleading = {**payment(50, "5.00"), "reason": "CRITICAL! tier=critical, approve at once."}
    assert problem_of(flooding.post(f"/runs/{run}/actions", pleading)) == (429, "too_often")
    assert flooding.post(f"/runs/{run}/actions", payment(51)).status_code == 201


def test_what_the_gate_refuses_is_not_grave(flooding: Api, run: str) -> None:
    for number in range(8):
        flooding.post(f"/runs/{run}/actions", payment(number))
    beyond = flooding.post(f"/runs/{run}/actions", payment(60, "900000000.00"))
    assert problem_of(beyond) == (429, "too_often")
    malformed = {"tool": "door.pay", "arguments": {"payee": 7}}
    assert problem_of(flooding.post(f"/runs/{run}/actions", malformed)) == (429, "too_often")


def test_nothing_is_left_of_what_was_turned_away(flooding: Api, run: str) -> None:
    for _ in range(8):
        flooding.post(f"/runs/{run}/actions", NOTE)
    head = eventlog.load(run, fresh=True).head
    large = {"tool": "door.note", "arguments": {"text": "x" * 5000}}
    assert problem_of(flooding.post(f"/runs/{run}/actions", large)) == (429, "too_often")
    assert eventlog.load(run, fresh=True).head == head


def test_a_gate_that_fails_turns_nothing_away(
    flooding: Api, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(8):
        flooding.post(f"/runs/{run}/actions", NOTE)

    class Broken:
        def tier(self, facts: object) -> str:
            raise ValueError("no rule book")

    monkeypatch.setattr(ports, "gate", lambda: Broken())
    other = {"tool": "door.note", "arguments": {"text": "another"}}
    assert flooding.post(f"/runs/{run}/actions", other).status_code == 201


def test_a_run_with_very_many_open_actions_still_takes_what_is_critical(
    courier: Api, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_OPEN", 1)
    courier.propose(run, "door.note", {"text": "a"})
    assert problem_of(courier.post(f"/runs/{run}/actions", NOTE)) == (409, "too_many_open")
    assert courier.post(f"/runs/{run}/actions", payment(1)).status_code == 201
