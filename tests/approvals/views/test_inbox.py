"""The list: what waits for whom, in which order, and what it says when it is empty."""

from __future__ import annotations

import datetime as dt
import html
import itertools
import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import ApprovalRequest
from approvals.queries import inbox as queries
from approvals.services import pick_ups, sign_offs
from tests.approvals import runs
from tests.approvals.rows import move_deadline, unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def browser(person) -> Client:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(person)
    return client


def shown(person, tab: queries.Tab = "mine", **asked: object) -> queries.Inbox:  # type: ignore[no-untyped-def]
    return queries.inbox(person=person, tab=tab, asked=queries.Asked(**asked))  # type: ignore[arg-type]


def names(rows: object) -> list[str]:
    return [row.sentence.split(" to ")[1].split(" (")[0] for row in rows]  # type: ignore[attr-defined]


def listed(person, tab: queries.Tab = "mine", **asked: object) -> list[str]:  # type: ignore[no-untyped-def]
    return names(shown(person, tab, **asked).rows)


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
    found = {
        request.sentence.split(" to ")[1].split(" (")[0]: request
        for request in ApprovalRequest.objects.filter(run=run)
    }
    move_deadline(found["soon"], decide_by=timezone.now() + dt.timedelta(minutes=5))
    move_deadline(found["small"], decide_by=timezone.now() + dt.timedelta(minutes=1))

    assert listed(reviewer) == ["critical", "soon", "later", "small"]


def test_a_flood_of_low_requests_hides_no_critical_one_whatever_the_order_page_or_filter(reviewer):
    payments(**{f"p{number}": "1.00" for number in range(60)}, critical="100000.00")

    for tab, sort in itertools.product(("mine", "groups", "all"), queries.SORTS):
        first = shown(reviewer, tab, sort=sort)
        second = shown(reviewer, tab, sort=sort, after=first.next)
        filtered = shown(reviewer, tab, sort=sort, tier="medium")
        assert names(first.rows)[0] == "critical"
        assert (len(first.rows), len(second.rows)) == (50, 11)
        # Further pages, and filters that would leave it out, show it above the list.
        assert names(second.pinned) == names(filtered.pinned) == ["critical"]
        assert first.pinned == ()


def test_a_flood_through_one_payee_is_one_line_and_a_critical_one_stands_for_itself(reviewer):
    same = {**runs.PAYMENT, "payee": "Flood"}
    runs.held_run(
        *[{**same, "amount": f"{number}.00"} for number in range(1, 8)],
        {**same, "amount": "100000.00"},
        {**same, "amount": "100000.00", "note": "again"},
        {**runs.PAYMENT, "payee": "Other", "amount": "3.00"},
    )
    found = shown(reviewer)

    lines = [(row.tier, row.repeats) for row in found.rows]
    assert lines[:2] == [("critical", 0), ("critical", 0)]
    # Which of these has less time left depends on which was weighed first.
    assert sorted(lines[2:]) == [("medium", 0), ("medium", 6)]
    leader = next(row for row in found.rows if row.repeats)
    assert len(shown(reviewer, like=str(leader.id)).rows) == 7
    assert queries.waiting_for(reviewer) == 10


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


def test_pages_follow_each_other_without_gap_or_repeat_while_requests_come_in_between(reviewer):
    payments(**{f"p{number:03}": "1.00" for number in range(53)})
    first = shown(reviewer)
    payments(**{f"new{number}": "1.00" for number in range(3)})
    second = shown(reviewer, after=first.next)

    assert (len(first.rows), len(second.rows), second.next) == (50, 6, "")
    assert not {row.id for row in first.rows} & {row.id for row in second.rows}
    assert set(names([*first.rows, *second.rows])) >= {f"p{number:03}" for number in range(53)}


def test_all_goes_on_from_what_waits_to_what_is_decided(reviewer, reviewer2):
    run = payments(**{f"p{number:03}": "1.00" for number in range(52)})
    for request in ApprovalRequest.objects.filter(run=run, sentence__contains="p00"):
        reject(request, reviewer2)
    first = shown(reviewer, "all")
    second = shown(reviewer, "all", after=first.next)

    assert [row.status for row in first.rows] == ["pending"] * 42 + ["rejected"] * 8
    assert [row.status for row in second.rows] == ["rejected"] * 2


@pytest.mark.parametrize("cursor", ["x", "e30", "WzBd", "WzAsImEiLCJiIiwiYyIsImQiXQ", "WzksMV0", "A" * 400])
def test_a_cursor_that_cannot_be_read_is_the_first_page(reviewer, cursor):
    payments(ACME="1.00")

    assert listed(reviewer, after=cursor) == ["ACME"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"tool": "tests.pay"}, 2),
        ({"tool": "tests.other"}, 0),
        ({"agent": "treasurer"}, 2),
        ({"least": Decimal("500")}, 1),
        ({"most": Decimal("500")}, 1),
        ({"older": dt.timedelta(hours=1)}, 0),
        ({"older": dt.timedelta(0)}, 2),
    ],
    ids=str,
)
def test_the_filter_finds_by_tool_agent_amount_and_age(reviewer, asked, expected):
    payments(ACME="1.00", Umbrella="900.00")

    assert len(listed(reviewer, **asked)) == expected


def test_what_may_be_decided_now_is_mine_and_what_is_not_open_yet_waits_on_others(reviewer, reviewer2):
    payments(ACME="1.00")
    request = ApprovalRequest.objects.get()
    with unguarded():
        ApprovalRequest.objects.filter(pk=request.pk).update(open_groups=["finance"])

    assert listed(reviewer) == []
    assert listed(reviewer, "waiting") == ["ACME"]
    assert listed(reviewer, "groups") == ["ACME"]
    pick_ups.pick_up(request=str(request.pk), by=reviewer, now=timezone.now())
    assert listed(reviewer) == ["ACME"]


def test_a_list_takes_as_many_questions_to_the_database_however_long_it_is(
    reviewer, django_assert_max_num_queries
):
    payments(**{f"p{number}": "1.00" for number in range(40)})
    with django_assert_max_num_queries(20):
        shown(reviewer)


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


def test_a_target_of_any_length_is_held_listed_and_counted_with_its_repeats(reviewer):
    # What cannot be seen is written out in the column, eight characters for one: more than an index entry holds.
    long = {**runs.PAYMENT, "payee": "\u202e" * 500}
    for _ in range(2):
        runs.held_run(long)
    found = queries.inbox(person=reviewer)
    assert [row.repeats for row in found.rows] == [1]
