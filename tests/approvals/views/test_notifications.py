"""The pages on how people are told and what was sent; and that no GET of them changes anything."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import Hook, Notice, NoticePreference
from approvals.services.notifications import gathering, hooks, preferences
from orchestrator import eventlog
from tests.fakes.outside import HttpServer

pytestmark = pytest.mark.django_db
WISHES = {
    "mail": ["high", "low"],
    "browser": [],
    "round_up": ["medium", "low"],
    "round_up_at": "09:30",
    "quiet_from": "22:00",
    "quiet_until": "07:00",
}


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.COUNTERSIGN_OUTGOING_ALLOW = ["127.0.0.1"]


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def notice(**columns: Any) -> Notice:
    now = timezone.now()
    return Notice.objects.create(
        **{
            "event": f"s:{Notice.objects.count()}",
            "kind": "run_failed",
            "to": "reviewer",
            "channel": "mail",
            "via": "now",
            "tier": "high",
            "agent": "",
            "by": "",
            "reason": "",
            "body": "",
            "due_at": now,
            "made_at": now,
            **columns,
        }
    )


def words_of(answer: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def test_a_person_says_how_they_want_to_be_told_and_takes_it_back(reviewer: Any) -> None:
    client, address = signed_in(reviewer), reverse("approvals:notifications")
    assert "The default holds" in words_of(client.get(address))
    assert client.post(address, WISHES).status_code == 302
    stated = preferences.of_person(reviewer)
    assert stated.preference.mail == ("critical", "high", "low")
    assert stated.preference.browser == ("critical",)
    assert (stated.preference.round_up, stated.address) == (("medium", "low"), "")
    page = client.get(address).content.decode()
    assert "You said how" in page
    assert 'value="22:00"' in page
    client.post(address, {"do": "reset"})
    assert not NoticePreference.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quiet_until": ""}, "quiet_until"),
        ({"mail": ["everything"]}, "mail"),
        ({"round_up": ["high"]}, "round_up"),
        ({"round_up_at": "25:00"}, "round_up_at"),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field(reviewer: Any, change: dict[str, Any], field: str) -> None:
    answer = signed_in(reviewer).post(reverse("approvals:notifications"), {**WISHES, **change})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not NoticePreference.objects.exists()


def test_an_administrator_says_how_a_group_is_told(admin: Any, reviewer: Any) -> None:
    address = reverse("approvals:group_notifications", args=["reviewer"])
    assert signed_in(admin).post(address, WISHES).status_code == 302
    assert preferences.of_person(reviewer).source == "reviewer"
    assert "as the group reviewer is" in words_of(signed_in(reviewer).get(reverse("approvals:notifications")))
    assert signed_in(admin).get(reverse("approvals:group_notifications", args=["none"])).status_code == 404


def test_a_hook_is_made_tested_and_its_secret_shown_once(admin: Any) -> None:
    client = signed_in(admin)
    with HttpServer() as receiver:
        given = {"kind": "signed", "url": receiver.url, "topics": ["runs"], "reason": "<b>our desk</b>"}
        made = client.post(reverse("approvals:outgoing"), given)
        secret = re.search(r"whsec_[\w-]+", made.content.decode())
        assert secret is not None
        address = reverse("approvals:hook", args=[Hook.objects.get().pk])
        tested = client.post(address, {"do": "test"})
        assert "It arrived" in words_of(tested)
        assert json.loads(receiver.posted[0].body)["event"] == "hook.tested"
    assert "It did not arrive" in words_of(client.post(address, {"do": "test"}))
    page = client.get(address).content.decode()
    assert secret[0] not in page
    assert "<b>our desk" not in page
    assert receiver.url not in page
    renewed = client.post(address, {"do": "renew"}).content.decode()
    assert "whsec_" in renewed
    assert "two secrets sign until" in client.get(address).content.decode()
    assert client.post(address, {"do": "end", "reason": ""}).status_code == 422
    client.post(address, {"do": "end", "reason": "moved"})
    assert "moved" in client.get(address).content.decode()
    assert client.post(address, {"do": "test"}).status_code == 422
    names = [event.type for event in eventlog.events_after(str(Hook.objects.get().pk), 0)]
    assert names == ["hook.created", "hook.renewed", "hook.ended"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://10.0.0.1/x"}, "url"),
        ({"url": "ftp://desk.example/"}, "url"),
        ({"url": "https://me:pw@desk.example/"}, "url"),
        ({"topics": []}, "topics"),
        ({"kind": "pigeon"}, "kind"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_hook_that_cannot_be_is_refused_at_its_field(
    admin: Any, change: dict[str, Any], field: str
) -> None:
    given = {"kind": "chat", "url": "http://127.0.0.1:9/x", "topics": ["runs"], "reason": "x", **change}
    answer = signed_in(admin).post(reverse("approvals:outgoing"), given)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Hook.objects.exists()


def test_the_log_is_filtered_and_paged_and_what_was_given_up_is_tried_again(admin: Any) -> None:
    client, address = signed_in(admin), reverse("approvals:outgoing")
    for number in range(60):
        notice(to=f"person{number}", state="sent", ended_at=timezone.now())
    given_up = notice(to="rosa", state="dead_letter", error="550 <b>no</b> such box\u202e", tries=7)
    page = client.get(address).content.decode()
    assert "550 &lt;b&gt;no&lt;/b&gt; such box" in page
    assert "\u202e" not in page
    assert "1–50 of 61" in page
    assert "51–61 of 61" in client.get(address, {"page": 2}).content.decode()
    assert (
        "1–1 of 1"
        in client.get(address, {"to": "ros", "channel": "mail", "state": "dead_letter"}).content.decode()
    )
    assert "Nothing here" in client.get(address, {"channel": "chat"}).content.decode()
    assert client.get(address, {"channel": "pigeon", "page": "x\0"}).status_code == 200
    client.post(reverse("approvals:retry_notice", args=[given_up.pk]))
    given_up.refresh_from_db()
    assert (given_up.state, given_up.tries) == ("waiting", 0)


def test_an_open_page_is_told_what_is_new_for_this_person_alone(reviewer: Any, reviewer2: Any) -> None:
    from tests.approvals import runs

    client, address = signed_in(reviewer), reverse("approvals:browser_notices")
    run = runs.start()
    started = client.get(address).json()
    assert started["shown"] == []
    for to, message in (("reviewer", "m1"), ("reviewer2", "m2")):
        notice(to=to, channel="browser", run=run, state="sent", ended_at=timezone.now(), message=message)
    news = client.get(address, {"after": started["cursor"]}).json()
    assert [(one["title"], one["tag"], one["closes"]) for one in news["shown"]] == [
        ("Run failed: Settlement", run, False)
    ]
    assert client.get(address, {"after": news["cursor"]}).json()["shown"] == []
    for odd in (
        "x",
        "1.",
        "9" * 60,
        "1.2.3.4",
        "-1.0.0",
        "1.2",
        "².1.1",
        "9" * 16 + ".1.1",
        "1.1." + "9" * 16,
    ):
        assert client.get(address, {"after": odd}).status_code == 200
    assert Client().get(address).status_code == 302


def test_nothing_of_it_is_changed_by_looking(admin: Any) -> None:
    with HttpServer() as receiver:
        made = hooks.create(
            kind="chat", url=receiver.url, topics=["runs"], reason="x", by=admin, now=timezone.now()
        )
        client = signed_in(admin)
        before = list(Notice.objects.values()), list(Hook.objects.values())
        for name, args in (
            ("outgoing", []),
            ("hook", [made.id]),
            ("notifications", []),
            ("browser_notices", []),
            ("group_notifications", ["reviewer"]),
        ):
            assert client.get(reverse(f"approvals:{name}", args=args), {"do": "end"}).status_code == 200
        assert receiver.posted == []
    assert (list(Notice.objects.values()), list(Hook.objects.values())) == before
    assert gathering.gather(timezone.now()) == 0
