"""What the ticker hands out to workers: reading on for the Audit page when something waits, retention once a day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.core.cache import cache
from django.utils import timezone

from config.management.commands import ticker
from monitoring.services import audit_index
from tests.monitoring import runs
from tests.orchestrator.runs import settle


@pytest.fixture
def queued() -> Iterator[Any]:
    """How many messages wait for the workers that watch."""
    key = f"{configured.REDIS_PREFIX}:watch"
    with redis.Redis.from_url(configured.REDIS_URL) as server:
        server.delete(key)
        yield lambda: server.llen(key)
        server.delete(key)


@pytest.mark.django_db
def test_retention_is_handed_out_once_a_day_and_only_where_it_is_set(settings: Any, queued: Any) -> None:
    cache.delete(f"retention:{timezone.localdate()}")
    settings.RETENTION_DAYS = ""
    ticker._retention()
    assert queued() == 0
    settings.RETENTION_DAYS = "content=90"
    ticker._retention()
    ticker._retention()
    assert queued() == 1
    cache.delete(f"retention:{timezone.localdate()}")


@pytest.mark.django_db(transaction=True)
def test_the_audit_entries_are_read_on_when_something_waits(queued: Any) -> None:
    audit_index.hand_out()
    assert queued() == 0
    runs.start()
    settle()
    audit_index.hand_out()
    assert queued() == 1
    audit_index.catch_up()
    audit_index.hand_out()
    assert queued() == 1
