"""What is due is sent over real sockets, and what fails is tried again or given up with a clear word."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import io
import json
import re
import socket
import threading
import time
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from approvals.adapters import hook_calls, telling
from approvals.domain.notices import Preference
from approvals.models import ApprovalRequest, Hook, HookSecret, Notice
from approvals.services.notifications import hooks, preferences, sealed, tries
from orchestrator.domain import errors
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.approvals.notifications.reading import gather, tell
from tests.fakes.outside import HostileServer, HttpServer, MailServer
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db(transaction=True)
People = dict[str, Any]
LINK = re.compile(r"https?://[^\s\"<>|]+")


def due_now() -> None:
    Notice.objects.filter(state="waiting").update(due_at=timezone.now())


def make_hook(people: People, kind: str, url: str, *topics: str) -> hooks.HookMade:
    return hooks.create(
        kind=kind,
        url=url,
        topics=topics or ("decisions",),
        reason="for the desk",
        by=people["admin"],
        now=timezone.now(),
    )


def state(**columns: Any) -> list[tuple[str, int, str]]:
    return list(Notice.objects.filter(**columns).order_by("id").values_list("state", "tries", "error"))


def subject_of(mail: Any) -> str:
    """The subject; a long one may begin on a line of its own."""
    return str(mail["Subject"]).strip()


def body_of(mail: Any, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content())


def test_a_mail_asks_and_a_second_one_in_its_thread_says_who_decided(
    people: People, mail_server: MailServer
) -> None:
    run = runs.held_run()
    tell()
    assert sorted(mail["To"] for mail in mail_server.mails) == [
        "reviewer2@desk.example",
        "reviewer@desk.example",
    ]
    asked = next(mail for mail in mail_server.mails if mail["To"] == "reviewer@desk.example")
    request = runs.request_of(run)
    assert subject_of(asked) == f"Waits for you: {request.sentence}"
    for kind in ("plain", "html"):
        text = body_of(asked, kind)
        assert request.digest[:12] in text
        assert f"https://desk.example/inbox/{request.pk}/" in text
        assert "left" in text
        assert "The invoice matched." not in text
    reject(request, people["reviewer2"], "wrong IBAN")
    due_now()
    tell()
    told = [mail for mail in mail_server.mails if "rejected" in mail["Subject"].lower()]
    assert sorted(mail["To"] for mail in told) == [
        "operator@desk.example",
        "reviewer2@desk.example",
        "reviewer@desk.example",
    ]
    follow_up = next(mail for mail in told if mail["To"] == "reviewer@desk.example")
    assert follow_up["In-Reply-To"] == asked["Message-ID"]
    assert "Rejected by reviewer2" in follow_up["Subject"]
    assert "wrong IBAN" in body_of(follow_up, "plain")


def test_what_was_decided_before_it_was_sent_asks_nobody(people: People, mail_server: MailServer) -> None:
    run = runs.held_run()
    gather()
    approve(runs.request_of(run), people["reviewer"])
    tell()
    assert not [mail for mail in mail_server.mails if "Waits" in mail["Subject"]]
    assert {one for one, _, _ in state(kind="opened")} == {"dropped"}
    # Who was never asked is not told what became of it; who started it is.
    assert {mail["To"] for mail in mail_server.mails} == {"operator@desk.example"}


def test_whoever_answered_or_may_no_longer_answer_is_not_asked_late(
    people: People, mail_server: MailServer
) -> None:
    runs.held_run()
    gather()
    people["reviewer"].groups.clear()
    people["reviewer2"].is_active = False
    people["reviewer2"].save()
    tell()
    assert mail_server.mails == []
    assert {one for one, _, _ in state(kind="opened")} == {"dropped"}


def test_many_of_one_agent_come_as_one_mail_and_the_critical_one_alone_and_first(
    people: People, mail_server: MailServer
) -> None:
    payments = [{**runs.PAYMENT, "payee": f"P{i}"} for i in range(4)]
    runs.held_run(*payments, {**runs.PAYMENT, "amount": "100000.00", "payee": "X"})
    tell()
    due_now()
    tell()
    mine = [subject_of(mail) for mail in mail_server.mails if mail["To"] == "reviewer@desk.example"]
    assert mine[0].startswith("Waits for you: Pay 100,000.00 EUR to X")
    assert mine[1].startswith("Waits for you: Pay 82,000.00 EUR to P")
    assert mine[2].startswith("3 requests of treasurer wait, the most urgent: Pay 82,000.00 EUR")
    assert len(mine) == 3


def test_a_mail_server_that_refuses_or_is_away_is_named_and_tried_again(
    people: People, mail_server: MailServer, settings: Any
) -> None:
    mail_server.refused = {"reviewer@desk.example": 550, "reviewer2@desk.example": 451}
    runs.held_run()
    tell()
    [refused] = state(to="reviewer", channel="mail")
    assert refused == ("dead_letter", 1, "The mail server refused this address: 550 no such box")
    [later] = state(to="reviewer2", channel="mail")
    assert later == ("waiting", 1, "The mail server refused this address: 451 no such box")
    mail_server.is_away = True
    due_now()
    tell()
    [away] = state(to="reviewer2", channel="mail")
    assert away[:2] == ("waiting", 2)
    assert "mail server" in away[2]
    # Given up after the last try; by hand it begins anew, and arrives.
    Notice.objects.filter(to="reviewer2", channel="mail").update(tries=6)
    due_now()
    tell()
    assert state(to="reviewer2", channel="mail")[0][:2] == ("dead_letter", 7)
    mail_server.is_away, mail_server.refused = False, {}
    notice = Notice.objects.get(to="reviewer2", channel="mail")
    tries.again(notice=notice.pk, now=timezone.now())
    tell()
    assert state(to="reviewer2", channel="mail") == [("sent", 1, "")]
    with pytest.raises(tries.NotGivenUp):
        tries.again(notice=notice.pk, now=timezone.now())


def test_no_link_of_any_message_changes_anything(
    people: People, mail_server: MailServer, receiver: HttpServer
) -> None:
    make_hook(people, "chat", receiver.url)
    run = runs.held_run()
    tell()
    texts = [body_of(mail, kind) for mail in mail_server.mails for kind in ("plain", "html")]
    texts += [post.body.decode() for post in receiver.posted]
    links = {link for text in texts for link in LINK.findall(text)}
    assert f"https://desk.example/inbox/{runs.request_of(run).pk}/" in links
    assert all(link.startswith("https://desk.example/") for link in links)
    before = (runs.types_of(run), runs.types_of(str(runs.request_of(run).pk)), runs.request_of(run).version)
    nobody, reviewer = Client(), Client()
    reviewer.force_login(people["reviewer"])
    for link in sorted(links):
        path = link.removeprefix("https://desk.example")
        assert nobody.get(path).status_code == 302
        assert reviewer.get(path).status_code == 200
        assert reviewer.head(path).status_code == 200
    after = (runs.types_of(run), runs.types_of(str(runs.request_of(run).pk)), runs.request_of(run).version)
    assert after == before


def test_a_program_is_told_what_it_asked_for_signed_with_each_valid_secret(
    people: People, receiver: HttpServer
) -> None:
    made = make_hook(people, "signed", receiver.url, "decisions", "outcomes")
    run = runs.held_run()
    approve(runs.request_of(run), people["reviewer"])
    runs.work(run, ("execute",))
    gather()
    telling.tell_hooks()
    bodies = [json.loads(post.body) for post in receiver.posted]
    assert [body["event"] for body in bodies] == ["request.opened", "request.signed", "action.executed"]
    assert bodies[1]["outcome"] == "approved"
    assert {body["run"] for body in bodies} == {run}
    assert b"DE89" not in b"".join(post.body for post in receiver.posted)
    assert len({body["id"] for body in bodies}) == 3

    renewed = hooks.renew(hook=made.id, by=people["admin"], now=timezone.now())
    hooks.want_test(hook=made.id, by=people["admin"], now=timezone.now())
    telling.tell_hooks()
    last = receiver.posted[-1]
    stamp, *given = (part.partition("=")[2] for part in last.headers["countersign-signature"].split(","))
    expected = [
        hmac.new(secret.encode(), f"{stamp}.".encode() + last.body, hashlib.sha256).hexdigest()
        for secret in (renewed.secret, made.secret)
    ]
    assert given == expected
    assert abs(int(stamp) - time.time()) < 60
    assert last.headers["countersign-event"] == "hook.tested"
    assert last.headers["countersign-delivery"] == json.loads(last.body)["id"]
    # A day later the old one is void; nothing of either lies readable in the database or on the log.
    Hook.objects.update(overlaps_until=timezone.now())
    assert hooks.open_hook(Hook.objects.get(), timezone.now()).secrets == (renewed.secret,)
    Hook.objects.update(overlaps_until=json.loads(_last_fact(made.id))["overlaps_until"])
    stored = b"".join(bytes(row.secret) + bytes(row.address) for row in HookSecret.objects.all())
    assert renewed.secret.encode() not in stored
    assert receiver.url.encode() not in stored
    assert_record_is_exact()


def _last_fact(stream: str) -> str:
    from orchestrator import eventlog

    return str(eventlog.events_after(stream, 0)[-1].payload)


def test_the_key_that_seals_secrets_is_replaced_without_a_pause(people: People, receiver: HttpServer) -> None:
    made = make_hook(people, "signed", receiver.url)
    before = bytes(HookSecret.objects.get().secret)
    sealed.add_key()
    assert hooks.open_hook(Hook.objects.get(), timezone.now()).secrets == (made.secret,)
    call_command("renew_notice_key", stdout=io.StringIO())
    assert hooks.open_hook(Hook.objects.get(), timezone.now()) == hooks.Opened(receiver.url, (made.secret,))
    with pytest.raises(sealed.KeyLost):
        sealed.unseal(before)


@pytest.mark.parametrize(
    ("status", "became", "words"),
    [
        (500, "waiting", "It answered 500: no room here"),
        (404, "waiting", "It answered 404: no room here"),
        (307, "waiting", "It answered 307 and sends us elsewhere. Redirects are not followed"),
        (410, "dead_letter", "It answered 410 Gone, so it was ended."),
        (-1.5, "waiting", "It did not answer within"),
    ],
)
def test_a_program_that_fails_is_tried_again_with_the_reason(
    people: People, monkeypatch: pytest.MonkeyPatch, status: float, became: str, words: str
) -> None:
    if status < 0:
        monkeypatch.setattr(hook_calls, "SECONDS", 0.3)
    with HttpServer(status) as receiver, HttpServer() as elsewhere:
        made = make_hook(people, "signed", receiver.url)
        hooks.want_test(hook=made.id, by=people["admin"], now=timezone.now())
        telling.tell_hooks()
        [(now, tried, error)] = state(to=made.id)
        assert (now, tried) == (became, 1)
        assert error.startswith(words)
        assert elsewhere.posted == []
    assert (Hook.objects.get().ended_by == "system") == (status == 410)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("how", ["endless", "packed", "dripping"])
def test_an_answer_without_end_costs_neither_time_nor_room(
    people: People, monkeypatch: pytest.MonkeyPatch, how: str, status: int
) -> None:
    monkeypatch.setattr(hook_calls, "SECONDS", 1.0)
    with HostileServer(how, status) as hostile:
        made = make_hook(people, "signed", hostile.url)
        hooks.want_test(hook=made.id, by=people["admin"], now=timezone.now())
        began = time.monotonic()
        telling.tell_hooks()
        assert time.monotonic() - began < 3
        [(now, _, error)] = state(to=made.id)
        assert now == ("sent" if status == 200 else "waiting")
        assert len(error) < 400
        # What a socket holds on its way, and no more of the hundred million.
        assert hostile.sent < 16_000_000


def test_a_name_server_that_hangs_ends_with_the_time_of_the_call(
    people: People, monkeypatch: pytest.MonkeyPatch, receiver: HttpServer
) -> None:
    made = make_hook(people, "signed", receiver.url)
    monkeypatch.setattr(hook_calls, "SECONDS", 0.3)
    hooks.want_test(hook=made.id, by=people["admin"], now=timezone.now())
    asked = threading.Event()
    answer = threading.Event()

    def hangs(*args: Any, **kwargs: Any) -> Any:
        asked.set()
        answer.wait(10)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    began = time.monotonic()
    telling.tell_hooks()
    took = time.monotonic() - began
    answer.set()
    assert asked.is_set()
    assert took < 3
    assert state(to=made.id)[0][2].startswith("It did not answer within")


def test_an_address_inside_is_refused_when_made_and_when_called(
    people: People, receiver: HttpServer, settings: Any
) -> None:
    made = make_hook(people, "signed", receiver.url)
    settings.COUNTERSIGN_OUTGOING_ALLOW = []
    with pytest.raises(errors.Refused, match="not a public address"):
        make_hook(people, "signed", receiver.url)
    hooks.want_test(hook=made.id, by=people["admin"], now=timezone.now())
    telling.tell_hooks()
    [(now, _, error)] = state(to=made.id)
    assert now == "waiting"
    assert "not a public address" in error
    assert receiver.posted == []


def test_a_program_that_hangs_keeps_nobody_else_waiting_and_a_decision_least_of_all(
    people: People, monkeypatch: pytest.MonkeyPatch, mail_server: MailServer, receiver: HttpServer
) -> None:
    monkeypatch.setattr(hook_calls, "SECONDS", 2.0)
    with HttpServer(-3, -3, -3) as hanging:
        make_hook(people, "signed", hanging.url)
        make_hook(people, "signed", receiver.url)
        began = time.monotonic()
        run = runs.held_run()
        telling.tell_in_background()
        approve(runs.request_of(run), people["reviewer"])
        assert time.monotonic() - began < 2.0
        deadline = time.monotonic() + 20
        while not receiver.posted and time.monotonic() < deadline:
            telling.tell_in_background()
            time.sleep(0.05)
        assert receiver.posted
        for lock in telling._busy.values():
            assert lock.acquire(timeout=20)
            lock.release()
    assert Notice.objects.filter(error__startswith="It did not answer").exists()
    assert runs.status_of(run) == "released"


def test_an_ended_hook_is_told_nothing_more(people: People, receiver: HttpServer) -> None:
    made = make_hook(people, "chat", receiver.url)
    runs.held_run()
    gather()
    hooks.end(hook=made.id, reason="moved", by=people["admin"], now=timezone.now())
    telling.tell_hooks()
    assert receiver.posted == []
    assert state(to=made.id) == [("dropped", 0, "The hook was ended.")]
    assert not HookSecret.objects.exists()
    assert_record_is_exact()


def test_what_two_senders_look_at_is_sent_by_one_and_a_sleeper_changes_nothing(people: People) -> None:
    runs.held_run()
    now = timezone.now()
    gather()
    mine = tries.take(("browser",), timezone.now())
    assert tries.take(("browser",), timezone.now()) == []
    later = timezone.now() + tries.HELD + dt.timedelta(seconds=1)
    theirs = tries.take(("browser",), later)
    assert {row.pk for bundle in mine for row in bundle} == {row.pk for bundle in theirs for row in bundle}
    tries.sent(mine[0], now=now, message="slept")
    assert not Notice.objects.filter(message="slept").exists()
    tries.sent(theirs[0], now=now, message="awake")
    assert Notice.objects.filter(message="awake").count() == len(theirs[0])


def test_what_was_held_back_comes_as_one_round_up(people: People, mail_server: MailServer) -> None:
    preferences.save(
        subject="reviewer", wants=Preference(quiet_from=dt.time(0), quiet_until=dt.time(23, 59, 59))
    )
    runs.held_run({**runs.PAYMENT, "payee": "A"})
    runs.held_run({**runs.PAYMENT, "payee": "B", "amount": "90000.00"})
    tell()
    assert "reviewer@desk.example" not in {mail["To"] for mail in mail_server.mails}
    due_now()
    tell()
    [mine] = [mail for mail in mail_server.mails if mail["To"] == "reviewer@desk.example"]
    assert subject_of(mine).startswith("2 requests of treasurer wait")


def test_a_hostile_sentence_stays_text_everywhere(
    people: People, mail_server: MailServer, receiver: HttpServer
) -> None:
    make_hook(people, "chat", receiver.url)
    runs.held_run(
        {**runs.PAYMENT, "payee": "<!channel> <script>alert(1)</script>\r\nBcc: x@evil.example\u202e"}
    )
    tell()
    mail = mail_server.mails[0]
    assert mail["Bcc"] is None
    assert "<script" not in body_of(mail, "html")
    assert "U+202E" in mail["Subject"] + body_of(mail, "plain")
    said = json.loads(receiver.posted[0].body)
    assert "<" not in said["text"]
    assert "\u202e" not in receiver.posted[0].body.decode()


def test_old_notices_are_forgotten(people: People) -> None:
    runs.held_run()
    tell()
    assert ApprovalRequest.objects.count() == 1
    assert tries.forget_old(timezone.now()) == 0
    assert tries.forget_old(timezone.now() + tries.KEPT + dt.timedelta(days=1)) > 0
