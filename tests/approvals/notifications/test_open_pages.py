"""What an open page shows closes when it asks nothing any more: decided, answered by this person, or ended otherwise."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import terms
from approvals.models import ApprovalRequest, Notice
from approvals.services import deadlines, policies
from approvals.services.notifications import open_pages
from orchestrator import dispatch
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.approvals.notifications.reading import gather, tell
from tests.approvals.rows import move_deadline

pytestmark = pytest.mark.django_db(transaction=True)
People = dict[str, Any]


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose pages were told that there is something to ask for, in order."""
    found: list[str] = []
    monkeypatch.setattr(dispatch, "_people_listeners", [found.extend])
    return found


@pytest.fixture
def place(people: People) -> str:
    """Where a page of the reviewer stands that was opened before anything happened."""
    return news("").cursor


def news(after: str, person: str = "reviewer") -> open_pages.News:
    return open_pages.news(person=person, after=after, now=timezone.now())


def test_pages_are_told_at_once_when_something_is_to_be_shown_and_when_it_was_decided(
    people: People, place: str, nudged: list[str]
) -> None:
    request = runs.request_of(runs.held_run())
    tell()
    assert nudged == ["reviewer", "reviewer2"]
    shown = news(place)
    assert [(one.tag, one.requests, one.closes) for one in shown.shown] == [
        (str(request.pk), (str(request.pk),), False)
    ]
    assert shown.ended == ()

    nudged.clear()
    reject(request, people["reviewer2"], "wrong IBAN")
    gather()
    # Before anybody is told how it ended: a window or quiet hours may hold that up.
    assert nudged == ["reviewer", "reviewer2"]
    assert news(shown.cursor).ended == (str(request.pk),)
    assert news(shown.cursor, "operator").ended == ()


def test_how_it_ended_is_said_only_to_who_was_not_asked_here(people: People, place: str) -> None:
    request = runs.request_of(runs.held_run())
    mine = news("", "operator").cursor
    tell()
    reject(request, people["reviewer2"], "wrong IBAN")
    tell()
    assert [one.title.split(":")[0] for one in news(place).shown] == ["Waits for you"]
    assert [(one.title.split(" by ")[0], one.closes) for one in news(mine, "operator").shown] == [
        ("Rejected", True)
    ]


def test_one_notification_of_several_names_each_so_that_it_closes_with_the_last(
    people: People, place: str
) -> None:
    payments = [{**runs.PAYMENT, "payee": f"P{number}"} for number in range(3)]
    runs.held_run(*payments)
    gather()
    Notice.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
    tell()
    (bundle,) = news(place).shown
    assert len(bundle.requests) == 3
    first, *rest = [ApprovalRequest.objects.get(pk=key) for key in bundle.requests]
    reject(first, people["reviewer2"], "no")
    assert news(place).ended == (str(first.pk),)
    for one in rest:
        reject(one, people["reviewer2"], "no")
    assert set(news(place).ended) == set(bundle.requests)


def test_ones_own_answer_closes_ones_own_although_the_quorum_waits_for_another(
    people: People, place: str, reviewer3: Any
) -> None:
    four_eyes = (terms.Level(name="reviewers", group="reviewer", need=2),)
    strict = replace(terms.STRICT, levels=four_eyes)
    policies.publish_policy(policy=strict, by=None, now=timezone.now())
    request = runs.request_of(runs.held_run())
    tell()
    assert approve(request, people["reviewer"]).status == "pending"
    assert news(place).ended == (str(request.pk),)
    assert news(place, "reviewer2").ended == ()


def test_what_expired_closes_too_and_what_closed_long_ago_is_not_said_again(
    people: People, place: str
) -> None:
    request = runs.request_of(runs.held_run())
    tell()
    move_deadline(request, decide_by=timezone.now())
    deadlines.expire_due(timezone.now())
    assert news(place).ended == (str(request.pk),)
    later = timezone.now() + open_pages.OVERLAP * 2
    told = open_pages.news(person="reviewer", after=news(place).cursor, now=later)
    assert open_pages.news(person="reviewer", after=told.cursor, now=later).ended == ()
