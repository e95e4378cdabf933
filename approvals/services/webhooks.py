"""Make and end webhooks; turn new events into deliveries; keep what became of each. Posting is `adapters.posting`."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction

from approvals.domain import webhooks
from approvals.models import Delivery, LogPlace, Webhook
from approvals.services import webhook_rows
from orchestrator.adapters import outgoing
from orchestrator.domain import digests, errors, ids
from orchestrator.queries import feed
from orchestrator.services import journal

READER = "webhooks"
AT_ONCE, ROUNDS = 1000, 10
# How long a try may take before another process may try, and how long ended deliveries are kept.
HELD = dt.timedelta(minutes=2)
KEPT = dt.timedelta(days=30)


class UnknownWebhook(errors.NotFound):
    """There is no such webhook. Choose one from the Webhooks page."""


@dataclass(frozen=True)
class WebhookMade:
    """A new or renewed webhook. The secret is shown now; afterwards it can only be renewed."""

    id: str
    url: str
    secret: str


@dataclass(frozen=True)
class Outgoing:
    """One delivery to be tried now, with everything that is needed for it."""

    id: str
    url: str
    event: str
    body: bytes
    secret: str
    tries: int


def create_webhook(
    *, url: str, subjects: Sequence[str], reason: str, by: Any, now: dt.datetime
) -> WebhookMade:
    """Tell this address from now on. Raises NothingChosen, ReasonMissing, AddressNotAllowed."""
    if not subjects or any(subject not in webhooks.SUBJECTS for subject in subjects):
        raise webhooks.NothingChosen()
    if not reason.strip():
        raise webhooks.ReasonMissing()
    outgoing.check_url(url)
    fact = webhooks.WebhookCreated(
        webhook=str(uuid.uuid4()),
        by=by.get_username(),
        at=now,
        url=url,
        subjects=tuple(subjects),
        reason=reason.strip(),
    )
    with transaction.atomic():
        _record(fact)
        Webhook.objects.create(**webhook_rows.columns(fact))
    return WebhookMade(fact.webhook, url, _secret(fact.webhook, 1))


def renew_secret(*, webhook: str, by: Any, now: dt.datetime) -> WebhookMade:
    """Give it another secret, at once. Raises AlreadyEnded."""
    with transaction.atomic():
        row = _open(webhook)
        fact = webhooks.WebhookRenewed(
            webhook=str(row.id), by=by.get_username(), at=now, secret_version=row.secret_version + 1
        )
        _record(fact)
        Webhook.objects.filter(pk=row.pk).update(**webhook_rows.columns(fact))
    return WebhookMade(str(row.id), row.url, _secret(str(row.id), fact.secret_version))


def end_webhook(*, webhook: str, reason: str, by: Any, now: dt.datetime) -> None:
    """Tell it nothing more, also not what waits. Raises AlreadyEnded, ReasonMissing."""
    if not reason.strip():
        raise webhooks.ReasonMissing()
    with transaction.atomic():
        row = _open(webhook)
        fact = webhooks.WebhookEnded(webhook=str(row.id), by=by.get_username(), at=now, reason=reason.strip())
        _record(fact)
        Webhook.objects.filter(pk=row.pk).update(**webhook_rows.columns(fact))


def send_test(*, webhook: str, by: Any, now: dt.datetime) -> str:
    """Put a test before the others; returns the delivery's id."""
    with transaction.atomic():
        row = _open(webhook)
        delivery = str(uuid.uuid4())
        body = webhooks.body_of(
            delivery=delivery,
            event=webhooks.TEST,
            at=now,
            run="",
            seq=0,
            actor=f"user:{by.get_username()}",
            payload={},
        )
        Delivery.objects.create(
            id=delivery,
            webhook=row,
            event=webhooks.TEST,
            run="",
            body=body.decode(),
            next_at=now,
            made_at=now,
        )
    return delivery


def gather(now: dt.datetime) -> int:
    """Want a delivery for each new event and each webhook that asks for it; returns how many.

    The place in the log moves in the same transaction, so nothing is told twice and nothing is left out.
    """
    made = 0
    for _ in range(ROUNDS):
        with transaction.atomic():
            place, _ = LogPlace.objects.select_for_update().get_or_create(
                reader=READER, defaults={"tx": 0, "stream": feed.Place().stream, "seq": 0}
            )
            hooks = list(Webhook.objects.filter(ended_at__isnull=True))
            if not hooks:
                _move(place, feed.here())
                return made
            events, after = feed.since(feed.Place(place.tx, str(place.stream), place.seq), limit=AT_ONCE)
            rows = [
                _delivery(hook, event, now)
                for event in events
                for hook in hooks
                if event.at >= hook.created_at and event.type in webhooks.wanted(hook.subjects)
            ]
            Delivery.objects.bulk_create(rows, ignore_conflicts=True)
            made += len(rows)
            _move(place, after)
        if len(events) < AT_ONCE:
            break
    return made


def take_due(now: dt.datetime, limit: int) -> list[Outgoing]:
    """Deliveries to be tried now. Each is held a while, so that no other process tries it meanwhile."""
    with transaction.atomic():
        rows = list(
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("webhook")
            .filter(state="wanted", next_at__lte=now, webhook__ended_at__isnull=True)
            .order_by("next_at")[:limit]
        )
        for row in rows:
            Delivery.objects.filter(pk=row.pk).update(tries=row.tries + 1, next_at=now + HELD)
    return [
        Outgoing(
            id=str(row.pk),
            url=row.webhook.url,
            event=row.event,
            body=row.body.encode(),
            secret=_secret(str(row.webhook_id), row.webhook.secret_version),
            tries=row.tries + 1,
        )
        for row in rows
    ]


def record_try(*, delivery: str, tries: int, status: int | None, error: str, now: dt.datetime) -> None:
    """What became of one try: delivered on 2xx, else again later, or given up."""
    held = Delivery.objects.filter(pk=delivery, state="wanted", tries=tries)
    if status is not None and 200 <= status < 300:
        held.update(state="delivered", status=status, error="", ended_at=now)
        return
    wait = webhooks.next_try(tries)
    said = error.replace("\0", "\ufffd")[:500] or f"It answered {status}."
    if wait is None:
        held.update(state="failed", status=status, error=said, ended_at=now)
    else:
        held.update(status=status, error=said, next_at=now + dt.timedelta(seconds=wait))


def forget_old(now: dt.datetime) -> int:
    """Drop deliveries that ended long ago; returns how many."""
    return int(Delivery.objects.filter(ended_at__lt=now - KEPT).delete()[0])


def _delivery(hook: Webhook, event: Any, now: dt.datetime) -> Delivery:
    delivery = ids.from_key("delivery", f"{hook.id}.{event.stream}.{event.seq}")
    body = webhooks.body_of(
        delivery=delivery,
        event=event.type,
        at=event.at,
        run=event.stream,
        seq=event.seq,
        actor=event.actor,
        payload=msgspec.json.decode(event.payload),
    )
    return Delivery(
        id=delivery,
        webhook=hook,
        event=event.type,
        run=event.stream,
        body=body.decode(),
        next_at=now,
        made_at=now,
    )


def _move(place: LogPlace, to: feed.Place) -> None:
    if (place.tx, str(place.stream), place.seq) != (to.tx, to.stream, to.seq):
        LogPlace.objects.filter(pk=place.pk).update(tx=to.tx, stream=to.stream, seq=to.seq)


def _open(webhook: str) -> Webhook:
    row = Webhook.objects.select_for_update().filter(pk=webhook).first()
    if row is None:
        raise UnknownWebhook(webhook=webhook)
    if row.ended_at is not None:
        raise webhooks.AlreadyEnded()
    return row


def _secret(webhook: str, version: int) -> str:
    return webhooks.secret_of(settings.WEBHOOK_KEY.encode(), webhook, version)


def _record(fact: webhooks.WebhookFact) -> None:
    payload = msgspec.json.decode(digests.encode(fact))
    journal.record(
        kind="approval", stream=fact.webhook, facts=[(fact.TYPE, payload)], by=f"user:{fact.by}", now=fact.at
    )
