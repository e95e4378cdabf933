"""How often a caller may call: a count for each token, kind of call and minute, shared by all web processes.

The counts are in Redis. While Redis is away nothing is counted, which lets calls through and no action: the gate
does not depend on it.
"""

from __future__ import annotations

import time

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


class TooOften(errors.Refused):
    """This token has called too often in the last minute. Wait as long as Retry-After says, and go on."""

    status = 429


def take(caller: Caller, kind: str) -> int:
    """Count one call; returns how many there were in this minute. Raises TooOften, with `retry_after`, past the
    ceiling."""
    now = time.time()
    key = f"rate:{caller.token}:{kind}:{int(now // WINDOW)}"
    try:
        cache.add(key, 0, timeout=2 * WINDOW)
        count = int(cache.incr(key))
    except (redis.RedisError, ValueError):
        log.warning("rate_not_counted", token=caller.token, kind=kind)
        return 0
    if count > caller.per_minute:
        raise TooOften(code="too_often", retry_after=WINDOW - int(now % WINDOW) or 1)
    return count


def take_proposal(caller: Caller, category: str) -> bool:
    """Count one proposal; whether repeats of what waits should be given instead of asked anew.

    Grave categories have a count of their own, so a flood of others never uses up their room. Raises TooOften.
    """
    count = take(caller, "grave" if category in GRAVE else "proposals")
    return count > caller.per_minute * COALESCE_FROM
