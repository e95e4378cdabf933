"""What else may be done on the case, as a browser sees it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import terms
from approvals.models import ApprovalRequest, Delegation, PickUp, SignOff
from approvals.services import policies
from tests.approvals import runs
from tests.approvals.answers import approve
from tests.approvals.views.test_case import HTMX, browser, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2, reviewer3):  # type: ignore[no-untyped-def]
    runs.paid.clear()


@pytest.fixture
def held() -> ApprovalRequest:
    return runs.request_of(runs.held_run())


def four_eyes() -> None:
    levels = (terms.Level(name="reviewers", group="reviewer", need=2),)
    policies.publish_policy(policy=replace(terms.STRICT, levels=levels), by=None, now=timezone.now())


def page(client: Client, request: ApprovalRequest) -> str:
    return words(client.get(reverse("approvals:case", args=[request.id])))


def post(client: Client, verb: str, request: ApprovalRequest, **form: object):  # type: ignore[no-untyped-def]
    return client.post(reverse(f"approvals:{verb}", args=[request.id]), form, headers=HTMX)


def test_an_approval_is_taken_back_on_the_page(reviewer):
    four_eyes()
    held = runs.request_of(runs.held_run())
    approve(held, reviewer)
    client = browser(reviewer)
    assert "Take back my approval" in page(client, held)

    answer = post(client, "retract", held)

    assert answer.status_code == 200
    shown = words(answer)
    assert "Taken back reviewer" in shown
    assert "Approve (1 of 2)" in shown
    assert SignOff.objects.filter(retracted_at=None).count() == 0


def test_an_approval_is_revoked_on_the_page_and_what_was_taken_is_not(reviewer, reviewer2, held):
    approve(held, reviewer)
    client = browser(reviewer2)
    assert "Revoke the approval…" in page(client, held)

    gone = words(post(client, "revoke", held, reason="wrong account"))
    assert "revoked by reviewer2" in gone
    assert "Before that it was approved by reviewer " in gone

    other = runs.request_of(runs.held_run())
    approve(other, reviewer)
    runs.work(str(other.run))
    assert "Revoke the approval…" not in page(client, other)
    late = post(client, "revoke", other, reason="too late")
    assert late.status_code == 409
    assert "The executor was first: the action is executed" in words(late)


def test_a_question_and_its_answer_stand_on_the_case(reviewer, held):
    client = browser(reviewer)

    asked = words(post(client, "ask", held, reason="<b>Why</b> this\u202e IBAN?"))
    assert "No answer yet. Nothing waits for it." in asked
    runs.work(str(held.run), ("answer",))

    shown = page(client, held)
    assert "<b>Why</b>" in shown
    assert "U+202E" in shown
    assert "no answer" in shown


def test_a_pick_up_is_seen_by_others_and_keeps_nobody_out(reviewer, reviewer2, held):
    mine, others = browser(reviewer), browser(reviewer2)
    assert "You picked this up" in words(post(mine, "pick_up", held))
    assert "reviewer looks at this" in page(others, held)
    refused = post(others, "pick_up", held)
    assert (refused.status_code, "You may decide it all the same" in words(refused)) == (409, True)
    assert "Approve and pay 82,000.00 EUR" in page(others, held)

    post(mine, "let_go", held)

    assert not PickUp.objects.exists()


def test_a_call_is_changed_field_by_field_and_shown_as_a_difference(reviewer, reviewer2, held):
    client = browser(reviewer)
    address = reverse("approvals:change", args=[held.id])
    form = client.get(address).context["form"]
    sent = {name: form[name].value() for name in form.fields}
    amount = next(name for name in form.fields if form[name].value() == "82000.00")

    bad = client.post(address, {**sent, amount: "820.00", "reason": ""})
    assert bad.status_code == 422
    answer = client.post(address, {**sent, amount: "820.00", "reason": "one zero too many"})

    new = runs.request_of(str(held.run))
    assert answer.url == reverse("approvals:case", args=[new.id])
    shown = page(browser(reviewer2), new)
    assert "Changed by reviewer" in shown
    assert "amount money changed 82,000.00 EUR 820.00 EUR 81,180.00 EUR less, 99 %" in shown
    assert "Unchanged: 4 fields" in shown
    assert "somebody else must approve it" in page(client, new)
    assert "The request that took its place" in page(client, held)


def test_a_changed_tool_is_refused_on_the_page_too(reviewer, held):
    client = browser(reviewer)
    address = reverse("approvals:change", args=[held.id])
    form = client.get(address).context["form"]
    sent = {name: form[name].value() for name in form.fields}

    answer = client.post(address, {**sent, "tool": "tests.note", "reason": "a trick"})

    assert answer.status_code == 422
    assert "another tool is another action" in words(answer)
    held.refresh_from_db()
    assert held.status == "pending"


def test_who_may_not_change_it_is_led_back(operator, held):
    answer = browser(operator).get(reverse("approvals:change", args=[held.id]))
    assert answer.url == reverse("approvals:case", args=[held.id])


def test_a_quorum_that_nobody_can_reach_is_a_fault_on_the_case(reviewer, django_user_model):
    four_eyes()
    django_user_model.objects.filter(username__in=["reviewer2", "reviewer3"]).update(is_active=False)

    shown = page(browser(reviewer), runs.request_of(runs.held_run()))

    assert "Nobody can decide this as it stands" in shown


def test_the_glass_is_broken_on_the_page_by_two(admin, django_user_model, held):
    chiefs = []
    for name in ("chief1", "chief2"):
        person = django_user_model.objects.create(username=name)
        person.groups.add(*admin.groups.all())
        chiefs.append(browser(person))
    echo = {"seen_digest": held.digest, "seen_version": 1}
    assert "Break the glass…" in page(chiefs[0], held)
    assert "Break the glass…" not in page(browser(admin), held)

    one = words(post(chiefs[0], "break_glass", held, reason="the bank closes", **echo))
    assert "A second person must call within the hour" in one
    assert "chief1 called to break the glass" in words(chiefs[1].get("/"))
    # Whoever comes second reads what their call does, and what the first one said.
    second = page(chiefs[1], held)
    assert "Break the glass and pay 82,000.00 EUR" in second
    assert "chief1 called: the bank closes" in second
    assert 'name="seen_call" value="chief1"' in chiefs[1].get(f"/inbox/{held.pk}/").content.decode()
    # Whose page is older than the first call releases nothing by it.
    assert "chief1 called while you wrote" in words(
        post(chiefs[1], "break_glass", held, reason="it does", **echo)
    )
    echo["seen_call"] = "chief1"
    two = words(post(chiefs[1], "break_glass", held, reason="it does", **echo))

    assert "The glass was broken: this was released past its quorum" in two
    assert "past its quorum, as two people broke the glass: the second was chief2" in two
    assert "The glass was broken by chief1 and chief2" in words(chiefs[0].get("/"))


def test_a_call_that_nobody_joined_in_its_hour_is_no_call_any_more(admin, django_user_model, held):
    chief = django_user_model.objects.create(username="chief1")
    chief.groups.add(*admin.groups.all())
    client = browser(chief)
    post(client, "break_glass", held, reason="the bank closes", seen_digest=held.digest, seen_version=1)
    held.refresh_from_db()
    (call,) = held.calls
    ApprovalRequest.objects.filter(pk=held.pk).update(calls=[{**call, "until": call["at"]}])

    later = page(client, held)

    assert "The glass was not broken" in later
    assert "Call a second person" in later
    assert "break the glass" not in words(client.get("/"))


def test_a_person_sets_and_ends_their_own_delegation(reviewer, reviewer2):
    client = browser(reviewer)
    address = reverse("approvals:delegations")
    until = (timezone.localtime() + dt.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")

    wrong = client.post(address, {"delegate": "reviewer2", "until": "2020-01-01T10:00"})
    assert wrong.status_code == 422
    assert "It ends before it begins" in words(wrong)
    client.post(address, {"delegate": "reviewer2", "is_leave": "on", "until": until, "reason": "the sea"})

    made = Delegation.objects.get()
    assert "reviewer has reviewer2 decide, and is away" in words(browser(reviewer2).get(address))
    assert browser(reviewer2).post(reverse("approvals:end_delegation", args=[made.id])).status_code == 403
    client.post(reverse("approvals:end_delegation", args=[made.id]))
    assert "Everybody decides for themselves." in words(client.get(address))
