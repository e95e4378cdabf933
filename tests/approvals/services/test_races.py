"""People at the same moment: one winner, everybody else told by whom, and never half a decision."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from approvals.models import ApprovalRequest, SignOff
from approvals.queries.people import SIGN_OFF
from approvals.services import deadlines, rebuild, sign_offs
from config.models import User
from config.roles import ensure_roles
from orchestrator import engine, eventlog
from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.services import runs as run_service
from tests.approvals import runs
from tests.approvals.rows import move_deadline

pytestmark = pytest.mark.django_db(transaction=True)

REVIEWERS = 8
# Eight reviewers on each; `make soak` asks for 500, and for 10,000 decisions in all.
REQUESTS = int(os.environ.get("COUNTERSIGN_RACES", "0")) // REVIEWERS or 60


@pytest.fixture
def people() -> list[User]:
    ensure_roles()
    group = Group.objects.get(name="reviewer")
    found = []
    for number in range(REVIEWERS):
        person = User.objects.create(username=f"r{number}")
        person.groups.add(group)
        found.append(person)
    User.objects.create(username="operator")
    User.objects.create(username="admin")
    assert found[0].has_perm(SIGN_OFF)
    runs.paid.clear()
    return found


def together(*jobs: Callable[[], Any]) -> list[Any]:
    """Do all of them at the same moment; returns what each gave or raised."""
    barrier = threading.Barrier(len(jobs))

    def one(job: Callable[[], Any]) -> Any:
        try:
            barrier.wait()
            return job()
        except errors.CountersignError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(one, jobs))


def answer(request: ApprovalRequest, person: User, verb: str) -> sign_offs.Answered:
    return sign_offs.sign_off(
        request=str(request.id),
        by=person,
        verb=verb,
        seen_digest=request.digest,
        seen_version=1,
        reason="" if verb == "approve" else f"{person} says no",
        now=timezone.now(),
    )


def approval_events() -> list[eventlog.Stored]:
    return [
        event
        for stream, *_ in eventlog.streams("approval")
        for event in eventlog.events_after(stream, 0, 10_000)
    ]


def test_of_eight_people_on_each_request_exactly_one_decides(people):
    payments = [{**runs.PAYMENT, "payee": f"payee {number}", "amount": "1.00"} for number in range(REQUESTS)]
    run = runs.held_run(*payments)
    requests = {request.action: request for request in ApprovalRequest.objects.filter(run=run)}
    assert len(requests) == REQUESTS
    verbs = itertools.cycle(["approve", "reject", "approve"])
    asked = {(action, person): next(verbs) for action in requests for person in people}

    line = threading.Barrier(REVIEWERS)

    def answer_all(person: User) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for action, request in requests.items():
            line.wait()  # all eight press the button on the same request
            try:
                found[action] = answer(request, person, asked[action, person])
            except errors.CountersignError as error:
                found[action] = error
        return found

    answers = together(*(lambda p=person: answer_all(p) for person in people))

    statuses = runs.statuses_of(run)
    for action, request in requests.items():
        request.refresh_from_db()
        given = {person.username: answers[number][action] for number, person in enumerate(people)}
        winners = [name for name, got in given.items() if isinstance(got, sign_offs.Answered)]
        assert winners == [request.decided_by]
        for name, got in given.items():
            if name != request.decided_by:
                assert isinstance(got, sign_offs.Decided)
                assert got.message.startswith(f"{request.decided_by} {request.status} this")
        winner = next(person for person in people if person.username == request.decided_by)
        expected = {"approve": ("approved", "released"), "reject": ("rejected", "refused")}[
            asked[action, winner]
        ]
        assert (request.status, statuses[action]) == expected
    assert Counter(SignOff.objects.values_list("request", flat=True)).most_common(1)[0][1] == 1
    assert rebuild.differences(approval_events()) == []


def test_a_sign_off_does_not_lose_to_a_busy_run(people):
    payments = [{**runs.PAYMENT, "payee": f"payee {number}", "amount": "1.00"} for number in range(40)]
    run = runs.held_run(*payments)
    stop = threading.Event()

    def busy() -> int:
        written = 0
        while not stop.is_set():
            pause = c.PauseRun(actor="system", at=runs.now(), reason="busy")
            resume = c.ResumeRun(actor="system", at=runs.now())
            for command in (pause, resume):
                with contextlib.suppress(errors.Refused):  # another thread paused or resumed it first
                    engine.submit(run, command)
                    written += 1
        return written

    def sign_all() -> list[sign_offs.Answered]:
        try:
            return [
                answer(request, people[number % REVIEWERS], "approve")
                for number, request in enumerate(ApprovalRequest.objects.filter(run=run))
            ]
        finally:
            stop.set()

    *written, answered = together(busy, busy, busy, busy, sign_all)

    assert [one.status for one in answered] == ["approved"] * 40
    assert {runs.status_of(run, f"a{number}") for number in range(1, 41)} == {"released"}
    assert sum(written) > 0


@pytest.mark.parametrize("turn", range(10))
def test_of_a_cancel_and_a_sign_off_at_the_same_moment_both_sides_agree_who_was_first(people, turn):
    run = runs.held_run()
    request = runs.request_of(run)
    operator = User.objects.get(username="operator")

    answered, cancelled = together(
        lambda: answer(request, people[0], "approve"),
        lambda: run_service.cancel_run(run=run, reason="stop", by=operator, now=timezone.now()),
    )

    assert cancelled is None
    request.refresh_from_db()
    assert request.status == "withdrawn"
    assert runs.status_of(run) == "voided"
    types = runs.types_of(str(request.id))
    if isinstance(answered, sign_offs.Answered):
        assert types == ["request.opened", "request.signed", "request.withdrawn"]
        assert "action.released" in runs.types_of(run)
    else:
        assert isinstance(answered, sign_offs.Decided)
        assert types == ["request.opened", "request.withdrawn"]
        assert "action.released" not in runs.types_of(run)
    runs.work(run)
    assert runs.paid == []


@pytest.mark.parametrize("turn", range(10))
def test_of_a_time_out_and_a_sign_off_at_the_same_moment_one_wins(people, turn):
    run = runs.held_run()
    request = runs.request_of(run)
    move_deadline(request, decide_by=timezone.now() + dt.timedelta(milliseconds=4 * turn))

    def tick() -> int:
        while ApprovalRequest.objects.filter(pk=request.pk, status="pending").exists():
            if deadlines.expire_due(timezone.now()):
                return 1
        return 0

    answered, expired = together(lambda: answer(request, people[0], "approve"), tick)

    request.refresh_from_db()
    if isinstance(answered, sign_offs.Answered):
        assert (request.status, expired, runs.status_of(run)) == ("approved", 0, "released")
    else:
        assert isinstance(answered, sign_offs.TooLate | sign_offs.Decided)
        assert (request.status, expired, runs.status_of(run)) == ("expired", 1, "refused")


def test_two_tickers_expire_each_request_once(people):
    run = runs.held_run(*[{**runs.PAYMENT, "payee": f"payee {number}"} for number in range(10)])
    for request in ApprovalRequest.objects.filter(run=run):
        move_deadline(request, decide_by=timezone.now())

    found = together(*[lambda: deadlines.expire_due(timezone.now())] * 3)

    assert sum(found) == 10
    assert Counter(runs.types_of(run))["action.refused"] == 10


def test_two_people_who_complete_a_quorum_of_two_at_once_release_once(people):
    from msgspec.structs import replace

    from approvals.domain import terms
    from approvals.services import policies

    four_eyes = replace(terms.STRICT, levels=(terms.Level(name="reviewers", group="reviewer", need=2),))
    policies.publish_policy(policy=four_eyes, by=None, now=timezone.now())
    run = runs.held_run()
    request = runs.request_of(run)

    found = together(*(lambda p=person: answer(request, p, "approve") for person in people[:4]))

    answered = [one for one in found if isinstance(one, sign_offs.Answered)]
    assert sorted(one.status for one in answered) == ["approved", "pending"]
    assert all(isinstance(one, sign_offs.Decided) for one in found if one not in answered)
    assert Counter(runs.types_of(run))["action.released"] == 1
