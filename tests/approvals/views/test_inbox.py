"""The list: what waits for whom, in which order, and what it says when it is empty."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import ApprovalRequest
from approvals.queries import inbox as queries
from approvals.services import sign_offs
from tests.approvals import runs
from tests.approvals.rows import move_deadline

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def browser(person) -> Client:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(person)
    return client


def listed(person, **asked: object) -> list[str]:  # type: ignore[no-untyped-def]
    return [
        row.sentence.split(" to ")[1].split(" (")[0] for row in queries.inbox(person=person, **asked).rows
    ]  # type: ignore[arg-type]


def payments(**amounts: str) -> str:
    return runs.held_run(
        *[{**runs.PAYMENT, "payee": payee, "amount": amount} for payee, amount in amounts.items()]
    )


def reject(request: ApprovalRequest, by) -> None:  # type: ignore[no-untyped-def]
    sign_offs.sign_off(
        request=str(request.id),
        by=by,
        verb="reject",
        reason="no",
        seen_digest=request.digest,
        seen_version=1,
        now=timezone.now(),
    )


def test_the_most_urgent_stands_first_then_the_one_with_least_time(reviewer):
    run = payments(later="10000.00", small="5.00", soon="20000.00", critical="100000.00")
    names = {
        request.sentence.split(" to ")[1].split(" (")[0]: request
        for request in ApprovalRequest.objects.filter(run=run)
    }
    move_deadline(names["soon"], decide_by=timezone.now() + dt.timedelta(minutes=5))
    move_deadline(names["small"], decide_by=timezone.now() + dt.timedelta(minutes=1))

    assert listed(reviewer) == ["critical", "soon", "later", "small"]


def test_a_thousand_low_requests_do_not_hide_a_critical_one(reviewer):
    payments(**{f"p{number}": "1.00" for number in range(120)}, critical="100000.00")

    assert listed(reviewer)[0] == "critical"
    assert listed(reviewer, tab="all")[0] == "critical"


def test_tabs_split_what_waits_for_me_for_others_and_what_is_decided(reviewer, reviewer2, operator):
    mine = payments(waits="1.00", done="2.00")
    started_by_me = runs.held_run({**runs.PAYMENT, "payee": "own"}, by="reviewer")
    assert started_by_me
    reject(ApprovalRequest.objects.get(run=mine, sentence__contains="done"), reviewer2)

    assert listed(reviewer) == ["waits"]
    assert listed(reviewer, tab="waiting") == ["own"]
    assert listed(reviewer, tab="decided") == ["done"]
    assert sorted(listed(reviewer, tab="all")[:2]) == ["own", "waits"]
    assert listed(reviewer, tab="all")[2] == "done"
    assert listed(operator) == []
    assert queries.waiting_for(reviewer) == 1


def test_the_next_case_is_the_most_urgent_other_one(reviewer):
    run = payments(first="100000.00", second="1.00")
    first, second = (
        ApprovalRequest.objects.get(run=run, sentence__contains=name) for name in ("first", "second")
    )

    assert queries.next_for(reviewer) == str(first.id)
    assert queries.next_for(reviewer, after=str(first.id)) == str(second.id)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"words": "ACME"}, ["ACME"]),
        ({"words": "acme treasurer"}, ["ACME"]),
        ({"words": "acme nobody"}, []),
        ({"words": "%"}, []),
        ({"tier": "critical"}, ["Umbrella"]),
        ({"words": "umbrella", "tier": "medium"}, []),
    ],
    ids=str,
)
def test_the_filter_finds_by_words_and_by_what_is_at_stake(reviewer, asked, expected):
    payments(ACME="1.00", Umbrella="100000.00")

    assert listed(reviewer, **asked) == expected


def test_pages_hold_fifty_and_a_page_beyond_the_last_is_the_last(reviewer):
    payments(**{f"p{number:03}": "1.00" for number in range(53)})

    assert len(listed(reviewer)) == 50
    assert len(listed(reviewer, page=2)) == 3
    assert len(listed(reviewer, page=99)) == 3
    assert len(listed(reviewer, page="x")) == 50


# ---- the page ----
def test_an_empty_inbox_says_so(reviewer):
    page = browser(reviewer).get(reverse("approvals:inbox")).content.decode()

    assert "Nothing waits for you" in page


def test_the_address_names_the_view(reviewer):
    payments(ACME="1.00", Umbrella="100000.00")

    page = browser(reviewer).get(reverse("approvals:inbox"), {"tab": "all", "q": "umbrella"}).content.decode()

    assert "Umbrella" in page
    assert "ACME" not in page
    assert 'value="umbrella"' in page
    assert re.search(r'class="tab" href="/inbox/\?tab=all&amp;q=umbrella" aria-current="page"', page)


@pytest.mark.parametrize(
    "query", ["?tab=nonsense", "?tier=nonsense", "?page=-1", "?q=" + "x" * 500, "?q=%00"]
)
def test_a_strange_address_still_shows_a_page(reviewer, query):
    assert browser(reviewer).get(reverse("approvals:inbox") + query).status_code == 200


def test_the_rows_ask_for_themselves_and_get_nothing_while_nothing_changed(reviewer, reviewer2):
    run = payments(ACME="1.00")
    client = browser(reviewer)
    page = client.get(reverse("approvals:inbox")).content.decode()
    poll = html.unescape(re.search(r'hx-get="(/inbox/rows/[^"]+)"', page).group(1))  # type: ignore[union-attr]

    assert client.get(poll).status_code == 204

    reject(runs.request_of(run), reviewer2)
    changed = client.get(poll)
    assert changed.status_code == 200
    assert "ACME" not in changed.content.decode()


def test_everybody_else_sees_requests_but_waits_for_none(operator):
    payments(ACME="1.00")

    page = browser(operator).get(reverse("approvals:inbox")).content.decode()

    assert "ACME" in page  # the tab All is where people without sign-off begin
