"""Webhooks: told what they asked for, once each, signed, tried again, and ended for good; over a real socket."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from approvals.adapters import posting
from approvals.domain import webhooks as rules
from approvals.models import Delivery, LogPlace, Webhook
from approvals.queries import webhooks as queries
from approvals.services import webhooks
from orchestrator.adapters import outgoing
from orchestrator.services import rebuild, runs
from tests.approvals.runs import held_run, start
from tests.fakes.receivers import Receiver
from tests.house.exact import assert_record_is_exact
from tests.orchestrator.runs import settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with Receiver() as receiver:
        settings.COUNTERSIGN_OUTGOING_ALLOW = [f"127.0.0.1:{receiver.port}"]
        yield receiver


@pytest.fixture
def people(request: pytest.FixtureRequest) -> Any:
    from config.models import User
    from config.roles import ensure_roles

    ensure_roles()
    for name in ("admin", "operator", "reviewer"):
        User.objects.create(username=name)
    return User.objects.get(username="admin")


def make(receiver: Receiver, by: Any, *subjects: str) -> webhooks.WebhookMade:
    webhooks.gather(timezone.now())
    return webhooks.create_webhook(
        url=receiver.url,
        subjects=subjects or tuple(rules.SUBJECTS),
        reason="A test.",
        by=by,
        now=timezone.now(),
    )


def tell() -> int:
    """What the ticker does, without waiting for it."""
    settle()
    webhooks.gather(timezone.now())
    return posting.deliver_due()


def told(receiver: Receiver) -> list[str]:
    return [json.loads(call.body)["event"] for call in receiver.received]


def test_a_receiver_is_told_of_what_it_asked_for_once_each(receiver: Receiver, people: Any) -> None:
    start(key="before")
    made = make(receiver, people)
    run = held_run()
    runs.cancel_run(run=run, reason="Enough.", by=people, now=timezone.now())
    tell()
    assert sorted(told(receiver)) == ["action.held", "action.voided", "run.cancelled", "run.started"]
    assert tell() == 0
    body = next(json.loads(call.body) for call in receiver.received if b"run.cancelled" in call.body)
    assert (body["run"], body["actor"], body["reason"]) == (run, "user:admin", "Enough.")
    assert {card.state for card in queries.deliveries(made.id)} == {"delivered"}
    assert_record_is_exact()


def test_only_the_chosen_subjects_are_told(receiver: Receiver, people: Any) -> None:
    make(receiver, people, "decisions")
    held_run()
    tell()
    assert told(receiver) == ["action.held"]


def test_what_is_told_is_signed_and_carries_no_arguments(receiver: Receiver, people: Any) -> None:
    made = make(receiver, people)
    held_run()
    tell()
    for call in receiver.received:
        sent, _, given = call.headers["countersign-signature"].partition(",v1=")
        signed = f"{sent.removeprefix('t=')}.".encode() + call.body
        assert hmac.new(made.secret.encode(), signed, hashlib.sha256).hexdigest() == given
        assert json.loads(call.body)["id"] == call.headers["countersign-delivery"]
        assert b"ACME" not in call.body
        assert b"DE89" not in call.body


@pytest.mark.parametrize(
    ("status", "words"), [(500, "answered 500"), (302, "answered 302"), (410, "answered 410")]
)
def test_what_did_not_arrive_is_tried_again_under_the_same_id(
    receiver: Receiver, people: Any, status: int, words: str
) -> None:
    made = make(receiver, people, "decisions")
    held_run()
    receiver.statuses.append(status)
    tell()
    card = queries.deliveries(made.id)[0]
    assert (card.state, card.tries) == ("wanted", 1)
    assert words in card.error
    assert tell() == 0
    Delivery.objects.update(next_at=timezone.now())
    tell()
    assert queries.deliveries(made.id)[0].state == "delivered"
    first, second = receiver.received
    assert first.body == second.body


def test_nobody_who_listens_is_a_failed_try(receiver: Receiver, people: Any, settings: Any) -> None:
    made = make(receiver, people, "decisions")
    Webhook.objects.update(url="http://127.0.0.1:1/")
    held_run()
    settings.COUNTERSIGN_OUTGOING_ALLOW.append("127.0.0.1:1")
    tell()
    assert "could not be reached" in queries.deliveries(made.id)[0].error


def test_who_keeps_silent_is_not_waited_for(
    receiver: Receiver, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "SECONDS", 0.3)
    made = make(receiver, people, "decisions")
    held_run()
    receiver.statuses.append(-2)
    tell()
    assert "did not answer" in queries.deliveries(made.id)[0].error


def test_after_the_last_try_it_is_given_up_and_shown(receiver: Receiver, people: Any) -> None:
    made = make(receiver, people, "decisions")
    held_run()
    settle()
    webhooks.gather(timezone.now())
    Delivery.objects.update(tries=len(rules.RETRIES))
    receiver.statuses.append(503)
    posting.deliver_due()
    assert queries.card(made.id).failed == 1
    assert queries.deliveries(made.id)[0].state == "failed"


def test_an_ended_webhook_is_told_nothing_more_also_not_what_waits(receiver: Receiver, people: Any) -> None:
    made = make(receiver, people)
    held_run()
    settle()
    webhooks.gather(timezone.now())
    webhooks.end_webhook(webhook=made.id, reason="Moved.", by=people, now=timezone.now())
    start(key="after")
    assert tell() == 0
    assert receiver.received == []
    with pytest.raises(rules.AlreadyEnded):
        webhooks.send_test(webhook=made.id, by=people, now=timezone.now())


def test_a_renewed_secret_is_another_and_signs_from_then_on(receiver: Receiver, people: Any) -> None:
    made = make(receiver, people)
    renewed = webhooks.renew_secret(webhook=made.id, by=people, now=timezone.now())
    assert renewed.secret != made.secret
    webhooks.send_test(webhook=made.id, by=people, now=timezone.now())
    posting.deliver_due()
    call = receiver.received[0]
    at = int(call.headers["countersign-signature"].partition(",")[0].removeprefix("t="))
    assert rules.signature(renewed.secret, at, call.body) == call.headers["countersign-signature"]


def test_an_address_inside_is_refused_when_made_and_when_called(
    receiver: Receiver, people: Any, settings: Any
) -> None:
    made = make(receiver, people)
    settings.COUNTERSIGN_OUTGOING_ALLOW = []
    with pytest.raises(outgoing.AddressNotAllowed):
        make(receiver, people)
    webhooks.send_test(webhook=made.id, by=people, now=timezone.now())
    posting.deliver_due()
    assert receiver.received == []
    assert "not a public address" in queries.deliveries(made.id)[0].error


def test_a_place_that_was_lost_with_its_commit_leaves_nothing_out_and_nothing_double(
    receiver: Receiver, people: Any
) -> None:
    make(receiver, people, "decisions")
    held_run()
    before = LogPlace.objects.get()
    webhooks.gather(timezone.now())
    LogPlace.objects.update(tx=before.tx, stream=before.stream, seq=before.seq)
    tell()
    assert told(receiver) == ["action.held"]


def test_rows_are_what_the_log_says(receiver: Receiver, people: Any) -> None:
    made = make(receiver, people)
    webhooks.renew_secret(webhook=made.id, by=people, now=timezone.now())
    assert_record_is_exact()
    Webhook.objects.update(url="http://evil.example/")
    assert len([found for found in rebuild.differences() if "webhook" in found.text]) == 1
    rebuild.rebuild()
    assert Webhook.objects.get().url == receiver.url


def test_old_deliveries_are_forgotten(receiver: Receiver, people: Any) -> None:
    made = make(receiver, people)
    webhooks.send_test(webhook=made.id, by=people, now=timezone.now())
    posting.deliver_due()
    assert webhooks.forget_old(timezone.now()) == 0
    assert webhooks.forget_old(timezone.now() + dt.timedelta(days=31)) == 1


def test_pages_make_show_test_and_end_one(client: Any, receiver: Receiver, people: Any) -> None:
    from django.contrib.auth.models import Group
    from django.urls import reverse

    people.groups.add(Group.objects.get(name="admin"))
    client.force_login(people)
    address = reverse("approvals:webhooks")
    bad = client.post(address, {"url": "ftp://x", "subjects": ["runs"], "reason": "x"})
    assert bad.status_code == 422
    made = client.post(address, {"url": receiver.url, "subjects": ["runs"], "reason": "<b>Chat</b>"})
    assert b"whsec_" in made.content
    hook = queries.cards()[0]
    own = reverse("approvals:webhook", args=[hook.id])
    assert client.post(own, {"do": "test"}).status_code == 302
    posting.deliver_due()
    shown = client.get(own).content.decode()
    assert "webhook.tested" in shown
    assert "<b>Chat" not in shown
    assert "whsec_" not in shown
    assert client.post(own, {"do": "end", "reason": ""}).status_code == 422
    assert client.post(own, {"do": "end", "reason": "Gone."}).status_code == 302
    assert "Gone." in client.get(own).content.decode()
