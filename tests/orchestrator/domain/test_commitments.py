"""The life of a commitment: who may move it from where, and what its time does to it."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain.decide import decide
from orchestrator.domain.rules import commitments, shared
from orchestrator.domain.state import RunState
from tests.orchestrator.domain.test_external import EMPTY, do, started

NOW = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z, in microseconds
DUE = "2023-11-14T23:13:21+01:00"  # a second later
DUE_AT = NOW + 1_000_000
MADE: dict[str, Any] = {"creditor": "treasurer", "consequent": "pays it"}


def made(state: RunState | None = None, **more: Any) -> RunState:
    command = c.MakeCommitment(actor="agent:courier@2", at=NOW, **MADE | more)
    found: RunState = decide(state or started(), command).state
    return found


def later(state: RunState, command: type[c.Command], at: int, **fields: Any) -> tuple[str, RunState]:
    decision = decide(state, command(actor="x", at=at, commitment="c2", **fields))
    return type(decision.events[0].body).TYPE, decision.state


def test_it_stands_until_it_is_settled() -> None:
    state = made(due=DUE)
    assert (state.commitments["c2"].debtor, state.commitments["c2"].due_at) == ("courier", DUE_AT)


@pytest.mark.parametrize(
    ("command", "at", "fields", "event"),
    [
        (c.DischargeCommitment, DUE_AT, {"text": "Paid.", "evidence": EMPTY}, "commitment.discharged"),
        (c.CancelCommitment, DUE_AT, {"reason": "Not needed."}, "commitment.cancelled"),
        (c.ViolateCommitment, DUE_AT + 1, {}, "commitment.violated"),
        (c.DischargeCommitment, DUE_AT + 1, {}, commitments.CommitmentIsOverdue),
        (c.CancelCommitment, DUE_AT + 1, {"reason": "Not needed."}, commitments.CommitmentIsOverdue),
        (c.ViolateCommitment, DUE_AT, {}, commitments.CommitmentIsNotDue),
        (c.CancelCommitment, NOW, {"reason": " "}, shared.ReasonMissing),
    ],
)
def test_its_debtor_settles_it_in_time_and_the_clock_afterwards(
    command: type[c.Command], at: int, fields: dict[str, Any], event: Any
) -> None:
    if isinstance(event, str):
        said, after = later(made(due=DUE), command, at, **fields)
        assert (said, after.commitments) == (event, {})
    else:
        with pytest.raises(event):
            later(made(due=DUE), command, at, **fields)


@pytest.mark.parametrize("first", [c.DischargeCommitment, c.ViolateCommitment])
@pytest.mark.parametrize(
    ("again", "fields"),
    [(c.DischargeCommitment, {}), (c.CancelCommitment, {"reason": "No."}), (c.ViolateCommitment, {})],
)
def test_it_is_settled_once(first: Any, again: Any, fields: dict[str, Any]) -> None:
    at = DUE_AT + 1 if first is c.ViolateCommitment else NOW
    _, settled = later(made(due=DUE), first, at)
    with pytest.raises(commitments.CommitmentIsSettled):
        later(settled, again, at, **fields)


def test_one_without_a_time_is_never_violated() -> None:
    with pytest.raises(commitments.CommitmentIsNotDue):
        later(made(), c.ViolateCommitment, NOW * 2)


def test_it_outlives_its_run() -> None:
    ended = do(made(due=DUE), c.FinishRun, succeeded=True)
    assert later(ended, c.DischargeCommitment, NOW)[0] == "commitment.discharged"
    assert later(ended, c.ViolateCommitment, DUE_AT + 1)[0] == "commitment.violated"


@pytest.mark.parametrize(
    ("due", "said"),
    [
        ("Friday", "must be a moment"),
        ("2023-11-14T23:13:21", "no offset"),
        ("2023-11-14T22:13:20Z", "in the past"),
        ("2034-11-14T22:13:20Z", "ten years"),
        ("9999-12-31T23:59:59-23:59", "ten years"),
        ("0001-01-01T00:00:00+23:59", "in the past"),
        ("2023-11-14T23:13:21+01:00\0", "must be a moment"),
    ],
)
def test_a_time_is_a_moment_that_is_still_to_come(due: str, said: str) -> None:
    with pytest.raises(commitments.NoMoment, match=said):
        made(due=due)


def test_so_many_may_stand_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitments, "MOST_OPEN", 1)
    state = made()
    with pytest.raises(commitments.TooManyCommitments):
        made(state)
    assert len(made(later(state, c.DischargeCommitment, NOW)[1]).commitments) == 1


def test_a_paused_run_makes_none_and_settles_those_that_stand() -> None:
    paused = do(made(), c.PauseRun, reason="Wait.")
    with pytest.raises(errors.Refused, match="paused"):
        made(paused)
    assert later(paused, c.DischargeCommitment, NOW)[0] == "commitment.discharged"
