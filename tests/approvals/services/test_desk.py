"""A reviewer's own desk: what they put aside comes back before its time is over, and only they miss it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from approvals.models import SavedFilter, Snooze
from approvals.queries import desk as queries
from approvals.queries import inbox
from approvals.services import desk
from tests.approvals import runs
from tests.approvals.answers import reject
from tests.approvals.rows import move_deadline

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def held(amount: str = "1.00"):  # type: ignore[no-untyped-def]
    return runs.request_of(runs.held_run({**runs.PAYMENT, "amount": amount}))


def test_what_is_put_aside_leaves_this_persons_list_alone_and_comes_back(reviewer, reviewer2):
    request = held()
    until = desk.snooze(request=str(request.id), by=reviewer, now=timezone.now())

    assert inbox.waiting_for(reviewer) == 0
    assert inbox.waiting_for(reviewer2) == 1
    found = inbox.inbox(person=reviewer)
    assert (found.rows, found.snoozed) == ((), 1)
    aside = inbox.inbox(person=reviewer, asked=inbox.Asked(snoozed=True))
    assert [row.id for row in aside.rows] == [request.id]
    assert dt.timedelta(minutes=59) < until - timezone.now() <= dt.timedelta(hours=1)
    Snooze.objects.update(until=timezone.now())
    assert inbox.waiting_for(reviewer) == 1


def test_it_is_never_put_aside_past_its_deadline(reviewer):
    request = held()
    now = timezone.now()
    move_deadline(request, decide_by=now + dt.timedelta(minutes=8))
    # The case's own deadline is frozen in what it was opened with; the list looks at the row's.
    desk.snooze(request=str(request.id), by=reviewer, now=now)
    assert inbox.waiting_for(reviewer) == 1

    Snooze.objects.update(until=now + dt.timedelta(minutes=6))
    assert inbox.waiting_for(reviewer) == 0


def test_a_quarter_of_the_time_is_kept_for_deciding(reviewer):
    request = held()
    opened = request.opened_at
    left = dt.timedelta(minutes=40)
    now = request.decide_by - left
    assert now > opened
    until = desk.snooze(request=str(request.id), by=reviewer, now=now)
    assert until == now + dt.timedelta(minutes=30)


@pytest.mark.parametrize("why", ["critical", "decided", "nearly over"])
def test_what_may_not_be_put_aside_says_why(reviewer, reviewer2, why):
    request = held("100000.00" if why == "critical" else "1.00")
    if why == "decided":
        reject(request, reviewer2)
    now = request.decide_by - dt.timedelta(seconds=50) if why == "nearly over" else timezone.now()
    with pytest.raises(desk.NotSnoozed):
        desk.snooze(request=str(request.id), by=reviewer, now=now)
    assert not Snooze.objects.exists()


def test_it_is_taken_back_when_one_wants_it(reviewer):
    request = held()
    desk.snooze(request=str(request.id), by=reviewer, now=timezone.now())
    desk.wake(request=str(request.id), by=reviewer)
    assert inbox.waiting_for(reviewer) == 1


def test_filters_are_a_persons_own_and_a_name_is_kept_once(reviewer, reviewer2):
    desk.keep_filter(name="Large", query="least=500", by=reviewer)
    desk.keep_filter(name="Large", query="least=900", by=reviewer)
    (mine,) = queries.filters_of(reviewer)

    assert (mine.name, mine.query) == ("Large", "least=900")
    desk.drop_filter(filter=mine.id, by=reviewer2)
    assert SavedFilter.objects.count() == 1
    desk.drop_filter(filter=mine.id, by=reviewer)
    assert queries.filters_of(reviewer) == ()


@pytest.mark.parametrize("name", [" ", "x" * 61])
def test_a_filter_needs_a_name(reviewer, name):
    with pytest.raises(desk.FilterNotKept):
        desk.keep_filter(name=name, query="", by=reviewer)


def test_a_person_keeps_twenty_filters(reviewer):
    for number in range(20):
        desk.keep_filter(name=str(number), query="", by=reviewer)
    with pytest.raises(desk.FilterNotKept):
        desk.keep_filter(name="one more", query="", by=reviewer)
    desk.keep_filter(name="3", query="tier=low", by=reviewer)
