"""Revoking a granted approval: against the executor's claim exactly one wins, and the other is told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from approvals.domain import quorum
from approvals.services import revocations, sign_offs
from orchestrator import eventlog, outbox
from orchestrator.domain import errors
from orchestrator.services import perform, reports
from tests.approvals import runs
from tests.approvals.answers import approve
from tests.house.exact import assert_record_is_exact


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def revoke(request: Any, by: Any, reason: str = "wrong account") -> str:
    return revocations.revoke(request=str(request.id), by=by, reason=reason, now=timezone.now()).status


@pytest.mark.django_db
def test_a_revoked_approval_is_never_used_and_the_agent_reads_why(reviewer, reviewer2):
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)

    assert revoke(request, reviewer2) == "revoked"

    assert runs.work(run) == 0
    assert (runs.status_of(run), runs.paid) == ("refused", [])
    (settled,) = runs.state_of(run).settled
    assert settled.text == "reviewer2 revoked the approval: wrong account"
    request.refresh_from_db()
    assert (request.status, request.decided_by, request.reason) == ("revoked", "reviewer", "wrong account")
    assert_record_is_exact()


@pytest.mark.django_db
def test_what_was_taken_is_not_revoked_any_more(reviewer):
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)
    runs.work(run)

    with pytest.raises(revocations.AlreadyTaken, match="The executor was first: the action is executed"):
        revoke(request, reviewer)

    request.refresh_from_db()
    assert request.status == "approved"


@pytest.mark.django_db
def test_what_is_not_approved_has_nothing_to_revoke(reviewer):
    request = runs.request_of(runs.held_run())

    with pytest.raises(revocations.NotApproved, match="waiting for a decision"):
        revoke(request, reviewer)
    approve(request, reviewer)
    with pytest.raises(sign_offs.ReasonMissing):
        revoke(request, reviewer, " ")
    revoke(request, reviewer)
    with pytest.raises(revocations.NotApproved, match="revoked after it was approved"):
        revoke(request, reviewer)


@pytest.mark.django_db
def test_who_could_reject_may_revoke_and_nobody_else(operator, reviewer, django_user_model):
    request = runs.request_of(runs.held_run())
    approve(request, reviewer)
    stranger = django_user_model.objects.create(username="stranger")

    with pytest.raises(quorum.NotEligible):
        revoke(request, stranger)
    assert revoke(request, operator) == "revoked"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["revoke", "claim"])
def test_of_a_revoke_and_a_claim_the_one_that_holds_the_run_wins(first, reviewer):
    """Staged: the first one holds the run's stream while the second one is already waiting for it."""
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)
    (held,) = outbox.claim(run, "test", limit=10)
    waiting, go = threading.Event(), threading.Event()
    lock = eventlog.lock

    def claim() -> Any:
        return perform.perform(eventlog.load(run, fresh=True).state, held, outbox.Owner("test", 0))

    def second(job: Any) -> Any:
        waiting.wait(5)
        try:
            return job()
        except errors.CountersignError as error:
            return error
        finally:
            connection.close()

    def leader(job: Any) -> Any:
        def held_up(stream: str) -> int:
            found = lock(stream)
            if threading.current_thread() is leading and not go.is_set():
                waiting.set()
                until_somebody_waits()
                go.set()
            return found

        leading = threading.current_thread()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(eventlog, "lock", held_up)
            try:
                return job()
            except errors.CountersignError as error:
                return error
            finally:
                connection.close()

    jobs = [lambda: revoke(request, reviewer), claim]
    if first == "claim":
        jobs.reverse()
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(leader, jobs[0]), pool.submit(second, jobs[1])
        won, lost = one.result(20), other.result(20)

    request.refresh_from_db()
    if first == "revoke":
        assert (won, request.status, runs.status_of(run), runs.paid) == ("revoked", "revoked", "refused", [])
        assert lost is None or isinstance(lost, errors.CountersignError | reports.NoLongerWanted)
    else:
        assert isinstance(lost, revocations.AlreadyTaken)
        assert (request.status, runs.status_of(run), len(runs.paid)) == ("approved", "executed", 1)
    assert_record_is_exact()


def until_somebody_waits() -> None:
    """Returns when another session waits for a row that this one holds."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.005)")
    raise AssertionError("nobody waited")
