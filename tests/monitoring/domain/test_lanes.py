"""What is open, as the lanes draw it and as their summary says it."""

from __future__ import annotations

import pytest

from monitoring.domain import lanes
from orchestrator.queries import OpenWork

TURN, HELD = OpenWork(30, "treasurer", "running"), OpenWork(12, "payer", "held")


@pytest.mark.parametrize(
    ("out", "is_over", "is_past", "words"),
    [
        ((), True, False, "40 events. The run is over; nothing is open."),
        ((), False, False, "40 events. No agent is at work, and nothing waits for a person."),
        ((TURN,), False, False, "40 events. At work: treasurer (since event 30)."),
        ((HELD,), False, False, "40 events. 1 action of payer waits for a person."),
        ((HELD, HELD), False, True, "40 events up to here. 2 actions of payer wait for a person."),
        (
            (TURN, HELD),
            False,
            False,
            "40 events. At work: treasurer (since event 30). 1 action of payer waits for a person.",
        ),
    ],
)
def test_the_summary_says_what_the_picture_shows(
    out: tuple[OpenWork, ...], is_over: bool, is_past: bool, words: str
) -> None:
    assert lanes.summary(head=40, out=out, is_over=is_over, is_past=is_past) == words


def test_many_at_work_are_counted_and_long_names_are_bounded() -> None:
    out = [OpenWork(seq, f"agent {seq} " + "x" * 200, "running") for seq in range(1, 10)]
    said = lanes.summary(head=40, out=out, is_over=False, is_past=False)
    assert said.endswith("and 3 more.")
    assert len(said) < 900


def test_the_picture_is_told_what_is_open_since_when() -> None:
    assert lanes.open_ends((TURN, HELD)) == [
        {"seq": 30, "lane": "treasurer", "state": "running"},
        {"seq": 12, "lane": "payer", "state": "held"},
    ]
