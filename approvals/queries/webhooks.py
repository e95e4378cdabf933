"""Webhooks and what became of their deliveries, ready to print."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from approvals.models import Delivery, Webhook
from orchestrator.domain import errors


class UnknownWebhook(errors.NotFound):
    """There is no such webhook. Choose one from the Webhooks page."""


@dataclass(frozen=True)
class WebhookCard:
    """A webhook for the list. `state` is active or ended; `failing` counts what could not be delivered."""

    id: str
    url: str
    state: str
    subjects: str
    reason: str
    created_by: str
    created_at: dt.datetime
    ended_by: str
    ended_at: dt.datetime | None
    ended_because: str
    waiting: int
    failed: int
    delivered_at: dt.datetime | None


@dataclass(frozen=True)
class DeliveryCard:
    """One line of the delivery log."""

    id: str
    event: str
    run: str
    state: str
    tries: int
    status: int | None
    error: str
    made_at: dt.datetime
    next_at: dt.datetime
    ended_at: dt.datetime | None
    body: str


def cards() -> list[WebhookCard]:
    """All webhooks, those in use first."""
    found = [_card(row) for row in _with_counts().order_by("-created_at")[:200]]
    return sorted(found, key=lambda card: card.state != "active")


def card(webhook: str) -> WebhookCard:
    """Raises UnknownWebhook."""
    row = _with_counts().filter(pk=webhook).first()
    if row is None:
        raise UnknownWebhook(webhook=webhook)
    return _card(row)


def deliveries(webhook: str, *, limit: int = 100) -> list[DeliveryCard]:
    """The latest deliveries, the newest first."""
    return [
        DeliveryCard(
            id=str(row.pk),
            event=row.event,
            run=row.run,
            state=row.state,
            tries=row.tries,
            status=row.status,
            error=row.error,
            made_at=row.made_at,
            next_at=row.next_at,
            ended_at=row.ended_at,
            body=row.body,
        )
        for row in Delivery.objects.filter(webhook_id=uuid.UUID(webhook)).order_by("-made_at")[:limit]
    ]


def _with_counts() -> QuerySet[Webhook]:
    return Webhook.objects.annotate(
        waiting=Count("delivery", filter=Q(delivery__state="wanted")),
        failed=Count("delivery", filter=Q(delivery__state="failed")),
        delivered_at=Max("delivery__ended_at", filter=Q(delivery__state="delivered")),
    )


def _card(row: Any) -> WebhookCard:
    return WebhookCard(
        id=str(row.pk),
        url=row.url,
        state="active" if row.ended_at is None else "ended",
        subjects=", ".join(row.subjects),
        reason=row.reason,
        created_by=row.created_by,
        created_at=row.created_at,
        ended_by=row.ended_by,
        ended_at=row.ended_at,
        ended_because=row.ended_because,
        waiting=row.waiting,
        failed=row.failed,
        delivered_at=row.delivered_at,
    )
