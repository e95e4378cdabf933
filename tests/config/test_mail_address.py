"""Mail goes to a confirmed address alone: a typed one gets one link, which its own person follows once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from allauth.account.models import EmailAddress
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone

from approvals.models import Notice
from approvals.queries import addresses
from config import mail_address, people_record
from config.models import User
from tests.config.test_groups import facts_of
from tests.config.test_second_factor import PASSWORD, browser
from tests.fakes.outside import MailServer

pytestmark = pytest.mark.django_db
PAGE = "/account/mail/"
MINE = "rosa@desk.example"


@pytest.fixture(autouse=True)
def _no_limits_left_over() -> Iterator[None]:
    yield
    with redis.Redis.from_url(configured.REDIS_URL) as server:
        for key in server.scan_iter(match=f"{configured.CACHES['default']['KEY_PREFIX']}:1:*"):
            server.delete(key)


@pytest.fixture
def mails(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def rosa(reviewer: User) -> Client:
    return signed_in(reviewer)


def signed_in(person: User) -> Client:
    person.set_password(PASSWORD)
    person.save()
    client = browser()
    client.post("/account/login/", {"login": person.username, "password": PASSWORD})
    return client


def words_of(answer: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def link_in(mail: Any) -> str:
    found = re.search(r"https?://[^/]+(/account/mail/confirm/\S+/)", mail.get_content())
    assert found is not None
    return found[1]


def give(client: Client, address: str = MINE) -> Any:
    return client.post(PAGE, {"do": "give", "address": address})


def test_an_address_gets_nothing_but_its_link_until_it_is_confirmed_by_post(
    rosa: Client, mails: MailServer, reviewer: User
) -> None:
    assert "on its way" in words_of(give(rosa, "Rosa@Desk.example"))
    assert rosa.post(PAGE, {"do": "test"}).status_code == 422
    assert addresses.confirmed(["reviewer"]) == {}
    assert [mail["To"] for mail in mails.mails] == [MINE]
    link = link_in(mails.mails[0])

    assert MINE in words_of(rosa.get(link))
    assert rosa.head(link).status_code == 200
    assert addresses.confirmed(["reviewer"]) == {}
    assert rosa.post(link)["Location"] == PAGE
    assert addresses.confirmed(["reviewer"]) == {"reviewer": MINE}
    # A replayed link confirms nothing more, and nothing is confirmed twice.
    assert rosa.post(link).status_code == 410
    assert [
        (name, fact.get("server")) for name, fact, _ in facts_of(people_record.stream_of_person("reviewer"))
    ] == [
        ("person.mail_address_given", "desk.example"),
        ("person.mail_address_confirmed", "desk.example"),
    ]
    assert MINE not in str(facts_of(people_record.stream_of_person("reviewer")))


def test_the_link_counts_only_for_who_wrote_the_address(
    rosa: Client, mails: MailServer, reviewer2: User
) -> None:
    give(rosa)
    link = link_in(mails.mails[0])
    assert browser().get(link)["Location"].startswith("/account/login/")
    stranger = signed_in(reviewer2)
    assert stranger.get(link).status_code == 410
    assert stranger.post(link).status_code == 410
    assert addresses.confirmed(["reviewer", "reviewer2"]) == {}


@pytest.mark.parametrize("how", ["cut", "changed", "late", "another address", "taken away", "deactivated"])
def test_a_link_that_is_forged_late_or_out_of_date_confirms_nothing(
    how: str, rosa: Client, mails: MailServer, reviewer: User, settings: Any
) -> None:
    give(rosa)
    link = link_in(mails.mails[0])
    if how == "cut":
        link = f"{link[:-5]}/"
    elif how == "changed":
        link = link.replace("/confirm/", "/confirm/X", 1)
    elif how == "late":
        settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = -1
    elif how == "another address":
        give(rosa, "other@desk.example")
    elif how == "taken away":
        rosa.post(PAGE, {"do": "forget"})
    else:
        User.objects.filter(pk=reviewer.pk).update(is_active=False)
    assert rosa.post(link).status_code == (302 if how == "deactivated" else 410)
    assert addresses.confirmed(["reviewer"]) == {}


def test_changing_it_ends_the_one_before_at_once_and_says_so_there(rosa: Client, mails: MailServer) -> None:
    give(rosa)
    rosa.post(link_in(mails.mails[0]))
    assert "confirmed already" in words_of(give(rosa))
    give(rosa, "new@desk.example")
    assert addresses.confirmed(["reviewer"]) == {}
    assert [(mail["To"], mail["Subject"]) for mail in mails.mails[1:]] == [
        (MINE, "Countersign sends no mail here any more"),
        ("new@desk.example", "Confirm this address for Countersign"),
    ]
    rosa.post(link_in(mails.mails[-1]))
    assert addresses.confirmed(["reviewer"]) == {"reviewer": "new@desk.example"}
    assert EmailAddress.objects.count() == 1
    rosa.post(PAGE, {"do": "forget"})
    assert not EmailAddress.objects.exists()
    assert User.objects.get(username="reviewer").email == ""


def test_two_people_cannot_confirm_the_same_address(rosa: Client, mails: MailServer, reviewer2: User) -> None:
    other = signed_in(reviewer2)
    give(rosa)
    give(other)
    assert rosa.post(link_in(mails.mails[0])).status_code == 302
    answer = other.post(link_in(mails.mails[1]))
    assert answer.status_code == 409
    assert "yours alone" in words_of(answer)
    assert addresses.confirmed(["reviewer", "reviewer2"]) == {"reviewer": MINE}


@pytest.mark.parametrize(
    "address",
    [
        "me",
        "a@b.example\nBcc: c@d.example",
        "a@b.example\r\nSubject: x",
        "a b@c.example",
        "x" * 250 + "@d.example",
        "",
    ],
)
def test_what_is_no_address_is_said_at_its_field_and_nothing_is_sent(
    address: str, rosa: Client, mails: MailServer
) -> None:
    answer = give(rosa, address)
    assert answer.status_code == 422
    assert "address" in answer.context["form"].errors
    assert mails.mails == []


def test_changing_it_asks_who_is_there_when_that_was_long_ago(
    rosa: Client, mails: MailServer, settings: Any
) -> None:
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    for step in ("give", "forget"):
        answer = rosa.post(PAGE, {"do": step, "address": MINE})
        assert answer["Location"].startswith("/account/reauthenticate/?next=")
        assert "rosa%2540desk.example" in answer["Location"]
    assert mails.mails == []
    assert f'value="{MINE}"' in rosa.get(PAGE, {"address": MINE}).content.decode()


@pytest.mark.parametrize(
    ("code", "status", "words", "outcome"),
    [
        (250, 200, "The mail server took it", "taken"),
        (550, 422, "refused this address: 550 no such box", "refused"),
        (0, 422, "could not be reached", "refused"),
    ],
)
def test_a_test_mail_says_what_the_mail_server_said(
    code: int, status: int, words: str, outcome: str, rosa: Client, mails: MailServer, reviewer: User
) -> None:
    give(rosa)
    rosa.post(link_in(mails.mails.pop()))
    mails.refused = {MINE: code} if code > 250 else {}
    mails.is_away = code == 0
    answer = rosa.post(PAGE, {"do": "test"})
    assert answer.status_code == status
    assert words in words_of(answer)
    assert [mail["Subject"] for mail in mails.mails] == (
        ["Test by reviewer: Countersign can reach this place."] if code == 250 else []
    )
    assert Notice.objects.get().kind == "test"
    assert facts_of(people_record.stream_of_person("reviewer"))[-1][:2] == (
        "person.mail_tested",
        {"person": "reviewer", "outcome": outcome},
    )


def test_a_stranger_is_not_flooded_from_here(rosa: Client, mails: MailServer) -> None:
    for _ in range(5):
        last = give(rosa, "stranger@else.example")
    assert "Too many mails within an hour" in words_of(last)
    assert len(mails.mails) == 3
    for number in range(5):
        last = give(rosa, f"stranger{number}@else.example")
    assert last.status_code == 422
    assert len(mails.mails) <= 6


def test_a_name_that_would_be_a_header_stays_in_the_text(mails: MailServer, reviewer: User) -> None:
    reviewer.username = "r\r\nBcc: c@d.example"
    reviewer.save()
    from config import mail_address_pages

    mail_address.give(person=reviewer, address=MINE, now=timezone.now())
    mail_address_pages._link_sent(reviewer, MINE)
    assert mails.mails[0]["Bcc"] is None
    assert "⟨U+000D⟩" in mails.mails[0].get_content()


def test_no_page_of_it_changes_anything_by_get_or_from_another_site(rosa: Client, mails: MailServer) -> None:
    give(rosa)
    link = link_in(mails.mails[0])
    for step in ("give", "forget", "again", "test"):
        assert rosa.get(PAGE, {"do": step, "address": "x@y.example"}).status_code == 200
    assert len(mails.mails) == 1
    elsewhere = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1")
    elsewhere.cookies = rosa.cookies
    for address in (PAGE, link):
        assert elsewhere.post(address, {"do": "forget"}).status_code == 403
    assert EmailAddress.objects.get().verified is False
    assert rosa.post(PAGE, {"do": "promote"}).status_code == 409
    assert browser().get(PAGE).status_code == 302
