"""An administrator sets who decides for somebody, or that they are on leave: bounded, with a reason, and told to both."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from approvals.models import Delegation, Notice
from approvals.services.notifications import packing
from orchestrator.services import journal, rebuild
from tests.approvals.notifications.reading import gather

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(admin: Any, operator: Any, reviewer: Any, reviewer2: Any) -> Client:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(admin)
    return client


def given(**change: str) -> dict[str, str]:
    until = (timezone.now() + dt.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    asked = {
        "delegate": "reviewer2",
        "is_leave": "on",
        "starts_at": "",
        "until": until,
        "reason": "in hospital",
    }
    return {"do": "stand_in", **{f"stand_in-{name}": value for name, value in {**asked, **change}.items()}}


@pytest.mark.django_db(transaction=True)
def test_it_is_set_on_the_persons_page_told_to_both_and_ended_there(at: Client) -> None:
    gather()
    assert at.post("/people/reviewer/", given()).status_code == 302
    made = Delegation.objects.get()
    assert (made.person, made.delegate, made.is_leave, made.set_by) == (
        "reviewer",
        "reviewer2",
        True,
        "admin",
    )
    page = at.get("/people/reviewer/").content.decode()
    assert "in hospital" in page
    assert "set by admin" in page

    gather()
    at.post("/people/reviewer/", {"do": "end_stand_in", "delegation": str(made.pk)})
    gather()
    told = Notice.objects.filter(channel="browser").order_by("id")
    assert list(told.values_list("kind", "to", "via")) == [
        ("stands_in", "reviewer", "now"),
        ("stands_in", "reviewer2", "now"),
        ("stands_in_ended", "reviewer", "now"),
        ("stands_in_ended", "reviewer2", "now"),
    ]
    message = packing.messages_for_pages([[told[0]]], timezone.now())[0]
    assert message.headline.startswith("Delegation set by")
    assert "reviewer2 decides for reviewer, and they are away" in message.headline
    assert message.items[0].facts == (("Reason", "in hospital"),)
    names = [name for _, name, *_ in journal.facts(str(made.pk))]
    assert names == ["delegation.set", "delegation.ended"]
    assert list(rebuild.differences()) == []


@pytest.mark.django_db(transaction=True)
def test_who_sets_their_own_is_not_told_of_it(at: Client, reviewer: Any) -> None:
    from approvals.services import delegations

    gather()
    until = timezone.now() + dt.timedelta(days=1)
    delegations.set_delegation(
        person="reviewer", delegate="reviewer2", until=until, by=reviewer, now=timezone.now()
    )
    gather()
    assert set(Notice.objects.values_list("kind", "to")) == {("stands_in", "reviewer2")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": " "}, "required"),
        ({"until": "2090-01-01T00:00"}, "30 days at most"),
        ({"until": "2020-01-01T00:00"}, "Give a later end"),
        ({"delegate": "operator"}, "Select a valid choice"),
        ({"delegate": "reviewer"}, "Select a valid choice"),
        ({"delegate": "", "is_leave": ""}, "Say who decides instead"),
    ],
)
def test_what_is_wrong_with_it_is_said_at_its_field(at: Client, change: dict[str, str], words: str) -> None:
    page = at.post("/people/reviewer/", given(**change))
    assert page.status_code == 422
    assert words in html.unescape(page.content.decode())
    assert not Delegation.objects.exists()


def test_whoever_decides_nothing_has_nothing_to_hand_over(at: Client) -> None:
    assert "stand_in-until" not in at.get("/people/operator/").content.decode()
    page = at.post("/people/operator/", given())
    assert page.status_code == 422
    assert "nothing to hand over" in page.content.decode()


def test_one_of_somebody_else_is_not_ended_from_this_page(at: Client) -> None:
    at.post("/people/reviewer/", given(delegate="", is_leave="on"))
    made = Delegation.objects.get()
    for key in (str(made.pk), "x"):
        page = at.post("/people/reviewer2/", {"do": "end_stand_in", "delegation": key})
        assert page.status_code == 422
    made.refresh_from_db()
    assert made.ended_at is None


@pytest.mark.parametrize("role", ["operator", "reviewer2"])
def test_nobody_else_sets_one_for_another(at: Client, request: Any, role: str) -> None:
    at.force_login(request.getfixturevalue(role))
    assert at.post("/people/reviewer/", given()).status_code == 403
    assert not Delegation.objects.exists()


def test_the_list_says_who_is_away_until_when_and_who_stands_in(at: Client) -> None:
    at.post("/people/reviewer/", given())
    (made,) = Delegation.objects.all()
    until = timezone.localtime(made.until).strftime("%-d %b, %H:%M")

    def row(username: str) -> str:
        page = at.get("/people/").content.decode()
        whole = page[page.index(f'href="/people/{username}/"') :].split("</tr>")[0]
        return " ".join(re.sub(r"<[^>]+>", " ", whole).split())

    assert f"away reviewer2 decides until {until}" in row("reviewer")
    assert f"stands in decides for reviewer until {until}" in row("reviewer2")
    assert "until" not in row("admin")

    later = timezone.now() + dt.timedelta(days=1)
    Delegation.objects.update(starts_at=later, delegate="", is_leave=True)
    from_ = timezone.localtime(later).strftime("%-d %b, %H:%M")
    assert f"away later nobody decides instead from {from_} until {until}" in row("reviewer")
    assert "stands in" not in row("reviewer2")

    Delegation.objects.update(ended_at=timezone.now(), ended_by="admin")
    assert "away" not in row("reviewer")
