"""How often a caller may call: a count for each token, kind of call and minute, shared by all web processes.

The counts are in Redis. While Redis is away nothing is counted, which lets calls through and no action: the gate
does not depend on it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import redis
import structlog
from django.core.cache import cache

from orchestrator.domain import errors
from orchestrator.domain.callers import Caller
from orchestrator.domain.specs import ALWAYS_HELD

log = structlog.get_logger(__name__)

WINDOW = 60
# From this share of the ceiling on, a proposal that repeats one that still waits is not asked for anew.
COALESCE_FROM = 0.25
GRAVE = frozenset({*ALWAYS_HELD, "destructive"})
# Proposals of these tiers are never turned away, however fast they come. The gate says which tier one is of.
NEVER_TURNED_AWAY = frozenset({"high", "critical"})


class TooOften(errors.Refused):
    """This token has called too often in the last minute. Wait as long as Retry-After says, and go on."""

    status = 429


class Pace(NamedTuple):
    """How fast a caller proposes. `coalesce`: repeats of what waits are given instead of asked anew.
    `retry_after`: seconds until the ceiling lets others through than those that are never turned away, 0 below it."""

    coalesce: bool
    retry_after: int


def take(caller: Caller, kind: str) -> int:
    """Count one call; returns how many there were in this minute. Raises TooOften, with `retry_after`, past the
    ceiling."""
    count, retry_after = _count(caller, kind)
    if count > caller.per_minute:
        raise too_often(retry_after)
    return count


def take_proposal(caller: Caller, category: str) -> Pace:
    """Count one proposal. Never raises: whether one past the ceiling is turned away depends on its tier.

    Grave categories have a count of their own, so a flood of others never uses up their room.
    """
    count, retry_after = _count(caller, "grave" if category in GRAVE else "proposals")
    return Pace(count > caller.per_minute * COALESCE_FROM, retry_after if count > caller.per_minute else 0)


def too_often(retry_after: int) -> TooOften:
    return TooOften(code="too_often", retry_after=retry_after)


def _count(caller: Caller, kind: str) -> tuple[int, int]:
    """How many there were in this minute with this one, and the seconds until the next minute begins."""
    now = time.time()
    key = f"rate:{caller.token}:{kind}:{int(now // WINDOW)}"
    try:
        cache.add(key, 0, timeout=2 * WINDOW)
        count = int(cache.incr(key))
    except (redis.RedisError, ValueError):
        log.warning("rate_not_counted", token=caller.token, kind=kind)
        count = 0
    return count, WINDOW - int(now % WINDOW) or 1
