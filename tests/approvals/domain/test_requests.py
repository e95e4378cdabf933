"""The lifecycle table, row by row, and that there is no other row."""

from __future__ import annotations

import datetime as dt
from itertools import product
from typing import get_args

import pytest

from approvals.domain import requests
from approvals.domain.terms import STRICT

LEGAL = {
    ("pending", "approve", "approved"),
    ("pending", "reject", "rejected"),
    ("pending", "expire", "expired"),
    ("pending", "withdraw", "withdrawn"),
    ("pending", "supersede", "superseded"),
    ("approved", "revoke", "revoked"),
    ("approved", "stale", "stale"),
    ("approved", "lapse", "lapsed"),
    ("approved", "withdraw", "withdrawn"),
}


@pytest.mark.parametrize(("state", "step"), list(product(requests.STATES, get_args(requests.Step))))
def test_each_step_is_legal_exactly_where_the_ruling_says(state, step):
    after = {target for source, taken, target in LEGAL if (source, taken) == (state, step)}

    assert requests.may(state, step) == bool(after)
    if after:
        assert {requests.step(state, step)} == after
    else:
        with pytest.raises(requests.NotPossible):
            requests.step(state, step)


def test_only_a_sign_off_approves():
    assert [taken for (_, taken), state in requests.TRANSITIONS.items() if state == "approved"] == ["approve"]


def test_every_state_has_words():
    assert set(requests.WORDS) == set(requests.STATES) == set(get_args(requests.State))


@pytest.mark.parametrize(
    ("tier", "decide", "execute"),
    [("critical", 15, 5), ("high", 240, 15), ("medium", 1440, 60), ("low", 4320, 240)],
)
def test_a_tier_has_two_clocks_in_minutes(tier, decide, execute):
    opened = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
    clocks = STRICT.clocks[tier]

    assert requests.decide_by(opened, clocks) - opened == dt.timedelta(minutes=decide)
    assert requests.execute_by(opened, clocks) - opened == dt.timedelta(minutes=execute)
