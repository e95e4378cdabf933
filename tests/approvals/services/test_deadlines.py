"""A time-out never approves: the request expires, the agent reads why, the run goes on."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from approvals.services import deadlines, sign_offs
from tests.approvals import runs
from tests.approvals.rows import move_deadline

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def test_what_nobody_decided_in_time_expires_and_the_agent_goes_on():
    run = runs.held_run()
    request = runs.request_of(run)
    move_deadline(request, decide_by=timezone.now())

    assert deadlines.expire_due(timezone.now()) == 1

    request.refresh_from_db()
    state = runs.state_of(run)
    assert (request.status, request.reason) == ("expired", "Nobody decided within 4 hours.")
    assert (runs.status_of(run), runs.paid) == ("refused", [])
    assert (state.settled[0].state, state.settled[0].text) == ("refused", "Nobody decided within 4 hours.")
    assert [turn.number for turn in state.turns.values()] == [2]
    assert runs.types_of(str(request.id)) == ["request.opened", "request.expired"]


def test_what_still_has_time_is_left_alone():
    run = runs.held_run()
    move_deadline(runs.request_of(run), decide_by=timezone.now() + dt.timedelta(minutes=1))

    assert deadlines.expire_due(timezone.now()) == 0
    assert deadlines.expire_due(timezone.now() + dt.timedelta(days=1)) == 0

    assert runs.status_of(run) == "held"


def test_what_expired_is_told_to_the_reviewer_who_comes_late(reviewer):
    request = runs.request_of(runs.held_run())
    move_deadline(request, decide_by=timezone.now())
    deadlines.expire_due(timezone.now())

    with pytest.raises(sign_offs.Decided, match="expired before anybody decided just now: Nobody decided"):
        sign_offs.sign_off(
            request=str(request.id),
            by=reviewer,
            verb="approve",
            seen_digest=request.digest,
            seen_version=1,
            now=timezone.now(),
        )


def test_a_second_sweep_finds_nothing_left():
    move_deadline(runs.request_of(runs.held_run()), decide_by=timezone.now())
    deadlines.expire_due(timezone.now())

    assert deadlines.expire_due(timezone.now()) == 0
