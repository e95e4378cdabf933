"""A time-out never approves: the request expires, the agent reads why, the run goes on."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import transaction
from django.utils import timezone

from approvals.services import deadlines, sign_offs
from orchestrator.services import release
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


def settled_behind_its_back() -> str:
    """A run whose action was refused past its request, as no service of this app does."""
    run = runs.held_run()
    request = runs.request_of(run)
    with transaction.atomic():
        release.lock(run=run)
        release.refuse(
            run=run,
            action=request.action,
            source="budget",
            reason="nothing is left",
            request="",
            digest=request.digest,
            policy="strict",
            policy_revision=1,
            sign_offs=[],
            by="system",
            now=timezone.now(),
        )
    return run


def test_a_request_that_nobody_can_answer_any_more_is_withdrawn_when_somebody_tries(reviewer):
    run = settled_behind_its_back()
    request = runs.request_of(run)

    with pytest.raises(
        sign_offs.Decided, match=r"withdrawn just now: The action no longer waits: it is refused\."
    ):
        sign_offs.sign_off(
            request=str(request.id),
            by=reviewer,
            verb="approve",
            seen_digest=request.digest,
            seen_version=1,
            now=timezone.now(),
        )

    assert runs.request_of(run).status == "withdrawn"


def test_a_request_that_nobody_can_answer_any_more_is_withdrawn_when_its_time_is_over():
    run = settled_behind_its_back()
    move_deadline(runs.request_of(run), decide_by=timezone.now())

    assert deadlines.expire_due(timezone.now()) == 0

    assert runs.request_of(run).status == "withdrawn"


def test_a_second_sweep_finds_nothing_left():
    move_deadline(runs.request_of(runs.held_run()), decide_by=timezone.now())
    deadlines.expire_due(timezone.now())

    assert deadlines.expire_due(timezone.now()) == 0
