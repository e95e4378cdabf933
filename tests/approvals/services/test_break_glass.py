"""Breaking the glass: two people, each with a reason, within an hour, and every administrator is told."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from approvals.domain import break_glass as rules
from approvals.domain import happenings, quorum
from approvals.queries import requests
from approvals.queries.broken_glass import broken_glass
from approvals.services import break_glass, sign_offs
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.approvals.rows import move_deadline
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def chiefs(admin: Any, django_user_model: Any) -> list[Any]:
    """Three administrators who are no part of the action (the fourth, `admin`, answers for its agent)."""
    found = []
    for name in ("chief1", "chief2", "chief3"):
        person = django_user_model.objects.create(username=name)
        person.groups.add(Group.objects.get(name="admin"))
        found.append(person)
    return found


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def call(request: Any, by: Any, reason: str = "the bank closes", **changes: Any) -> str:
    called = [one.person for one in requests.load(request.id).calls][-1:]
    seen = {
        "seen_digest": request.digest,
        "seen_version": request.version,
        "seen_call": "".join(called),
        **changes,
    }
    return break_glass.call(request=str(request.id), by=by, reason=reason, now=timezone.now(), **seen).status


def test_two_people_release_what_the_quorum_would_have_to_and_both_answer_for_it(chiefs):
    run = runs.held_run()
    request = runs.request_of(run)

    assert (call(request, chiefs[0]), runs.status_of(run)) == ("pending", "held")
    assert (call(request, chiefs[1], "so does the supplier"), runs.status_of(run)) == ("approved", "released")

    released = runs.facts_of(run, "action.released")
    assert [(one["who"], one["role"], one["reason"]) for one in released["sign_offs"]] == [
        ("chief1", "break-glass", "the bank closes"),
        ("chief2", "break-glass", "so does the supplier"),
    ]
    request.refresh_from_db()
    assert (request.is_break_glass, request.decided_by) == (True, "chief2")
    fact = runs.facts_of(request.id, "breakglass.called")
    assert fact["people"] == ["admin", "chief1", "chief2", "chief3"]
    assert [one.pk for one in broken_glass(timezone.now())] == [request.pk]
    runs.work(run)
    assert runs.status_of(run) == "executed"
    assert_record_is_exact()


def test_one_person_alone_releases_nothing_however_often(chiefs):
    request = runs.request_of(runs.held_run())
    call(request, chiefs[0])

    with pytest.raises(rules.NotAlone):
        call(request, chiefs[0])

    assert runs.status_of(request.run) == "held"


def test_who_is_part_of_the_action_or_may_not_never_breaks_the_glass(admin, operator, reviewer):
    request = runs.request_of(runs.held_run())

    with pytest.raises(quorum.SelfSignOff, match="admin is accountable for the agent"):
        call(request, admin)
    for person in (operator, reviewer):
        with pytest.raises(rules.MayNotBreak):
            call(request, person)


def test_who_means_to_call_a_second_person_releases_nothing_when_somebody_called_meanwhile(chiefs):
    request = runs.request_of(runs.held_run())
    call(request, chiefs[0])

    with pytest.raises(break_glass.CalledMeanwhile, match="chief1 called while you wrote: the bank closes"):
        call(request, chiefs[1], seen_call="")

    assert runs.status_of(request.run) == "held"
    assert call(request, chiefs[1]) == "approved"


def test_a_reason_and_what_was_seen_are_needed(chiefs):
    request = runs.request_of(runs.held_run())

    with pytest.raises(sign_offs.ReasonMissing):
        call(request, chiefs[0], "  ")
    with pytest.raises(sign_offs.Changed):
        call(request, chiefs[0], seen_digest="0" * 64)


def test_what_was_released_past_the_quorum_is_used_within_the_first_callers_hour(chiefs):
    request = runs.request_of(runs.held_run({**runs.PAYMENT, "amount": "10.00"}))
    call(request, chiefs[0])
    call(request, chiefs[1])
    request.refresh_from_db()
    (first, _) = request.calls

    assert request.execute_by <= dt.datetime.fromisoformat(first["until"])
    move_deadline(request, execute_by=timezone.now())
    runs.work(str(request.run))
    request.refresh_from_db()
    assert (request.status, runs.paid) == ("lapsed", [])


def test_the_release_falls_with_either_person(chiefs):
    request = runs.request_of(runs.held_run())
    call(request, chiefs[0])
    call(request, chiefs[1])
    chiefs[0].groups.clear()

    runs.work(str(request.run))

    request.refresh_from_db()
    assert (request.status, request.reason) == (
        "stale",
        "chief1, who broke the glass for this, may no longer do so.",
    )
    assert runs.paid == []


def test_a_rejection_ends_it_for_the_second_caller_too(chiefs, reviewer):
    request = runs.request_of(runs.held_run())
    call(request, chiefs[0])
    reject(request, reviewer)

    with pytest.raises(sign_offs.Decided, match="reviewer rejected this"):
        call(request, chiefs[1])


def test_a_call_changes_nothing_for_the_quorum(chiefs, reviewer):
    request = runs.request_of(runs.held_run())
    call(request, chiefs[0])

    assert approve(request, reviewer).status == "approved"


@pytest.mark.parametrize(
    ("person", "calls", "minutes", "completes"),
    [
        ("ann", [], 0, False),
        ("ben", ["ann"], 59.9, True),
        ("ben", ["ann"], 60, False),
        ("ann", ["ann"], 60, False),
        ("ben", ["ann", "cleo"], 59.9, True),
    ],
)
def test_a_call_waits_for_the_second_person_for_one_hour(person, calls, minutes, completes):
    given = [
        happenings.Call(
            person=name, reason="r", at=NOW, until=NOW + rules.LASTS, seen_digest="d", seen_version=1
        )
        for name in calls
    ]
    found = rules.check(
        person, may=True, excluded=(), editors=(), calls=given, at=NOW + dt.timedelta(minutes=minutes)
    )
    assert (found is not None) is completes


def test_who_changed_it_does_not_break_the_glass_for_it():
    with pytest.raises(quorum.SelfSignOff, match="ann changed this action"):
        rules.check("ann", may=True, excluded=(), editors=("ann",), calls=(), at=NOW)
