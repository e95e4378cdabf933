"""The life of an approval request: which states exist, which step leads where. Nothing else may change one.

Execution is not here: it belongs to the action. A time-out never approves, which is why no step leads from
`expired` anywhere.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from approvals.domain.terms import Clocks
from orchestrator.domain import errors

State = Literal[
    "pending", "approved", "rejected", "expired", "withdrawn", "superseded", "revoked", "stale", "lapsed"
]
Step = Literal["approve", "reject", "expire", "withdraw", "supersede", "revoke", "stale", "lapse"]

STATES: tuple[State, ...] = (
    "pending",
    "approved",
    "rejected",
    "expired",
    "withdrawn",
    "superseded",
    "revoked",
    "stale",
    "lapsed",
)

TRANSITIONS: dict[tuple[State, Step], State] = {
    ("pending", "approve"): "approved",  # the quorum is complete
    ("pending", "reject"): "rejected",  # one eligible person said no
    ("pending", "expire"): "expired",  # nobody decided in time
    ("pending", "withdraw"): "withdrawn",  # the run ended, or no longer asks
    ("pending", "supersede"): "superseded",  # a new revision took its place
    ("approved", "revoke"): "revoked",  # a person took it back before it was used
    ("approved", "stale"): "stale",  # what it was approved under has changed
    ("approved", "lapse"): "lapsed",  # not used in time
    ("approved", "withdraw"): "withdrawn",  # the run ended before it was used
}

OPEN: tuple[State, ...] = ("pending",)
WORDS: dict[State, str] = {
    "pending": "waiting for a decision",
    "approved": "approved",
    "rejected": "rejected",
    "expired": "expired before anybody decided",
    "withdrawn": "withdrawn",
    "superseded": "replaced by a new revision",
    "revoked": "revoked after it was approved",
    "stale": "no longer valid, because what it rests on has changed",
    "lapsed": "not used in time",
}


class NotPossible(errors.Refused):
    """This request cannot change in this way any more; reload to see where it stands."""


def step(state: State, taken: Step) -> State:
    """The state after a step. Raises NotPossible when the table has no such row."""
    try:
        return TRANSITIONS[state, taken]
    except KeyError:
        raise NotPossible(f"The request is {WORDS[state]}, so it cannot {taken}.", state=state) from None


def may(state: State, taken: Step) -> bool:
    return (state, taken) in TRANSITIONS


def decide_by(opened_at: dt.datetime, clocks: Clocks) -> dt.datetime:
    """Until when people may decide."""
    return opened_at + dt.timedelta(seconds=clocks.decide_by)


def execute_by(approved_at: dt.datetime, clocks: Clocks) -> dt.datetime:
    """Until when the executor may take an action approved at that time."""
    return approved_at + dt.timedelta(seconds=clocks.execute_by)


def remind_at(opened_at: dt.datetime, decide_by: dt.datetime) -> dt.datetime:
    """When half of the time to decide is over."""
    return opened_at + (decide_by - opened_at) / 2


def escalate_at(opened_at: dt.datetime, decide_by: dt.datetime, clocks: Clocks) -> dt.datetime:
    """When silence goes up: after the time that the policy gives, or four fifths of the time to decide.

    Never at or after the end, when it would be of no use to anybody.
    """
    after = dt.timedelta(seconds=clocks.escalate_after)
    if after and opened_at + after < decide_by:
        return opened_at + after
    return opened_at + (decide_by - opened_at) * 0.8
