"""Rows of webhooks from their events: used when one is written and by `manage.py rebuild`, so the two cannot differ."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from approvals.domain import webhooks
from approvals.models import Webhook
from approvals.services.rebuild import StoredEvent


def columns(fact: webhooks.WebhookFact) -> dict[str, Any]:
    """The columns that a fact sets."""
    if isinstance(fact, webhooks.WebhookRenewed):
        return {"secret_version": fact.secret_version}
    if isinstance(fact, webhooks.WebhookEnded):
        return {"ended_at": fact.at, "ended_by": fact.by, "ended_because": fact.reason}
    assert isinstance(fact, webhooks.WebhookCreated)
    return {
        "id": uuid.UUID(fact.webhook),
        "url": fact.url,
        "subjects": list(fact.subjects),
        "reason": fact.reason,
        "secret_version": 1,
        "created_by": fact.by,
        "created_at": fact.at,
        "ended_at": None,
        "ended_by": "",
        "ended_because": "",
    }


def differences(events: Iterable[StoredEvent]) -> list[str]:
    """Where the table differs from the log, one sentence each."""
    expected, stored = _expected(events), _stored()
    found = []
    for key in sorted(expected.keys() | stored.keys(), key=str):
        want, have = expected.get(key), stored.get(key)
        if want is None or have is None:
            found.append(f"webhook {key}: the row {'has no event' if want is None else 'is missing'}")
        else:
            found += [
                f"webhook {key}: {column} is {have[column]!r:.80}, the log says {value!r:.80}"
                for column, value in want.items()
                if have[column] != value
            ]
    return found


def repair(events: Iterable[StoredEvent]) -> None:
    """Make the table what the log says. Deliveries of a webhook that never was leave with it."""
    expected, stored = _expected(events), _stored()
    with transaction.atomic():
        Webhook.objects.filter(pk__in=stored.keys() - expected.keys()).delete()
        for key, wanted in expected.items():
            if key not in stored:
                Webhook.objects.create(**wanted)
            elif stored[key] != wanted:
                Webhook.objects.filter(pk=key).update(**wanted)


def _expected(events: Iterable[StoredEvent]) -> dict[uuid.UUID, dict[str, Any]]:
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for event in events:
        fact = webhooks.decode(event.type, event.payload.encode())
        if fact is not None:
            found.setdefault(uuid.UUID(fact.webhook), {}).update(columns(fact))
    return found


def _stored() -> dict[uuid.UUID, dict[str, Any]]:
    return {row["id"]: dict(row) for row in Webhook.objects.values()}
