"""What a reviewer sends from the list, and the pages about reviewing: bulk answers, filters, statistics, canaries."""

from __future__ import annotations

import html
import json
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import ApprovalRequest, Canary, SavedFilter, SignOff, Snooze
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.approvals.views.test_step_up import proved

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def browser(person) -> Client:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(person)
    return client


def held(*amounts: str) -> list[ApprovalRequest]:
    run = runs.held_run(*[{**runs.PAYMENT, "amount": amount} for amount in amounts])
    return list(ApprovalRequest.objects.filter(run=run).order_by("action"))


def items(*found: ApprovalRequest) -> list[str]:
    return [f"{one.id}.{one.digest}.{one.version}" for one in found]


def words(answer) -> str:  # type: ignore[no-untyped-def]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def sent(request: ApprovalRequest, **more: str) -> dict[str, object]:
    return {"verb": "approve", "seen_digest": request.digest, "seen_version": request.version, **more}


# ---- a critical amount, typed once more ----
@pytest.mark.parametrize(("amount", "status"), [("", 422), ("10000.00", 422), ("100,000.00", 302)])
def test_a_critical_payment_is_approved_with_its_amount_typed_once_more_and_not_without(
    reviewer, amount, status
):
    (request,) = held("100000.00")
    client = browser(reviewer)
    proved(client, reviewer, 60)
    answer = client.post(reverse("approvals:sign_off", args=[request.id]), sent(request, amount=amount))

    assert answer.status_code == status
    assert SignOff.objects.exists() == (status == 302)
    if status == 422:
        assert "not the amount of this action" in words(answer)


def test_a_rejection_needs_no_amount(reviewer):
    (request,) = held("100000.00")
    browser(reviewer).post(
        reverse("approvals:sign_off", args=[request.id]), sent(request, verb="reject", reason="no")
    )
    request.refresh_from_db()
    assert request.status == "rejected"


def test_an_answer_tells_the_page_what_happened_so_that_it_can_go_on(reviewer):
    (request,) = held("1.00")
    answer = browser(reviewer).post(
        reverse("approvals:sign_off", args=[request.id]), sent(request), headers={"HX-Request": "true"}
    )
    told = json.loads(answer["HX-Trigger"])["inbox:answered"]
    assert told["request"] == str(request.id)
    assert told["text"] == "Approved. The action runs now."


# ---- several at once ----
def test_several_are_answered_and_each_says_what_became_of_it(reviewer, reviewer2):
    first, second = held("1.00", "2.00")
    reject(first, reviewer2)
    for headers in ({}, {"HX-Request": "true"}):
        answer = browser(reviewer).post(
            reverse("approvals:sign_off_many"),
            {"verb": "approve", "reason": "Checked.", "item": items(first, second)},
            headers=headers,
        )
        assert answer.status_code == 200
        assert "reviewer2 rejected this" in words(answer)
    assert SignOff.objects.filter(reviewer="reviewer", reason="Checked.").count() == 1


@pytest.mark.parametrize("twist", ["cut", "none", "high", "no reason"])
def test_what_cannot_be_answered_together_is_refused_and_nothing_is_decided(reviewer, twist):
    found = held("1.00", "20000.00") if twist == "high" else held("1.00")
    item = [] if twist == "none" else items(*found)
    if twist == "cut":
        item = [item[0][:-10]]
    reason = "" if twist == "no reason" else "x"
    answer = browser(reviewer).post(
        reverse("approvals:sign_off_many"), {"verb": "approve", "reason": reason, "item": item}
    )
    assert answer.status_code == 409
    assert not SignOff.objects.exists()


def test_only_what_may_be_answered_together_has_a_box(reviewer):
    held("1.00", "20000.00", "100000.00")
    page = browser(reviewer).get(reverse("approvals:inbox")).content.decode()
    assert page.count("data-select ") == 1
    page = browser(reviewer).get(reverse("approvals:inbox"), {"tab": "decided"}).content.decode()
    assert "data-select " not in page


# ---- put aside, filters ----
def test_a_case_is_put_aside_and_taken_back_on_its_page(reviewer):
    (request,) = held("1.00")
    client = browser(reviewer)
    client.post(reverse("approvals:snooze", args=[request.id]))
    assert Snooze.objects.get().person == "reviewer"
    page = words(client.get(reverse("approvals:case", args=[request.id])))
    assert "put aside by you" in page
    assert "Back to my list" in page
    assert "1 put aside" in words(client.get(reverse("approvals:inbox")))
    client.post(reverse("approvals:wake", args=[request.id]))
    assert not Snooze.objects.exists()


def test_a_filter_is_kept_as_the_address_reads_it_and_nothing_else_of_it(reviewer):
    client = browser(reviewer)
    query = "tab=mine&tier=low&least=500&next=//evil.example&after=xyz&q=%3Cb%3E"
    answer = client.post(reverse("approvals:keep_filter"), {"name": "Large", "query": query})
    kept = SavedFilter.objects.get()

    assert kept.query == "tab=mine&q=%3Cb%3E&tier=low&least=500"
    assert answer["Location"] == f"/inbox/?{kept.query}"
    page = client.get(answer["Location"])
    assert "Large" in words(page)
    client.post(reverse("approvals:drop_filter", args=[kept.pk]), {"query": query})
    assert not SavedFilter.objects.exists()


def test_a_filter_without_a_name_is_not_kept_and_says_so(reviewer):
    answer = browser(reviewer).post(
        reverse("approvals:keep_filter"), {"name": " ", "query": "tier=low"}, follow=True
    )
    assert "Give the filter a name" in words(answer)


# ---- statistics ----
def test_a_reviewer_sees_their_own_figures_and_an_administrator_everybodys(admin, reviewer, reviewer2):
    first, second = held("1.00", "2.00")
    opened = first.opened_at
    approve(first, reviewer, opened_at=opened)
    reject(second, reviewer2)
    address = reverse("approvals:statistics")

    own, all_of_it = words(browser(reviewer).get(address)), words(browser(admin).get(address, {"days": "7"}))

    assert "reviewer strict 1 100 %" in own
    assert "reviewer2" not in own
    assert "Expired" not in own
    assert "reviewer2 strict 1 0 % unknown unknown" in all_of_it
    assert "strict 2 2 0 0" in all_of_it


def test_figures_of_nobody_say_so(admin):
    assert "Nobody answered a request" in words(browser(admin).get(reverse("approvals:statistics")))


# ---- canaries ----
def test_an_administrator_plants_a_canary_from_a_request_and_sees_it_listed(admin):
    (like,) = held("1.00")
    client = browser(admin)
    assert "Pay 1.00 EUR to ACME GmbH" in words(client.get(reverse("approvals:canaries")))
    address = reverse("approvals:plant_canary", args=[like.id])
    assert '"payee": "ACME GmbH"' in words(client.get(address))
    form = {
        "arguments": json.dumps({**runs.PAYMENT, "payee": "Evil"}),
        "flaw": "Unknown payee.",
        "key": uuid.uuid4(),
    }

    answer = client.post(address, form, follow=True)

    assert "Planted." in words(answer)
    planted = Canary.objects.get()
    runs.work(str(planted.run), ("turn", "assess"))
    assert "Pay 82,000.00 EUR to Evil" in words(client.get(reverse("approvals:canaries")))
    page = words(client.get(reverse("approvals:case", args=[runs.request_of(str(planted.run)).id])))
    assert "This is a canary" in page


@pytest.mark.parametrize("arguments", ["{", "[]", '{"x": 1}'])
def test_a_canary_whose_call_cannot_be_is_shown_again_with_why(admin, arguments):
    (like,) = held("1.00")
    form = {"arguments": arguments, "flaw": "Unknown payee.", "key": uuid.uuid4()}
    answer = browser(admin).post(reverse("approvals:plant_canary", args=[like.id]), form)
    assert answer.status_code == 422
    assert not Canary.objects.exists()


def test_a_change_is_shown_by_what_its_fields_are_and_raw_second(reviewer):
    from approvals.services import edits

    (request,) = held("820.00")
    new = edits.edit(
        request=str(request.id),
        by=reviewer,
        tool="tests.pay",
        arguments={**runs.PAYMENT, "amount": "82.00"},
        seen_digest=request.digest,
        seen_version=1,
        reason="A zero too many.",
        now=timezone.now(),
    )
    page = words(browser(reviewer).get(reverse("approvals:case", args=[new])))
    assert "820.00 EUR 82.00 EUR 738.00 EUR less, 90 %" in page
    assert "Unchanged: 4 fields" in page
    assert page.index("738.00 EUR less") < page.index("Raw JSON, before and after")
