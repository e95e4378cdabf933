"""Nudges between processes over Redis: which streams moved, whom something new waits for, what agents write now.

A nudge may be lost and is never waited for: the tails read the log, which is the truth. Publishing happens on side
threads, so that neither a commit nor an agent ever waits for Redis.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

PUBLISH_SECONDS = 1.0
# After a failure nothing is sent for so long: a Redis that is away must not cost a time-out per commit.
PAUSE_SECONDS = 1.0
TEXT_SECONDS = 0.05
MOST_TEXT = 64 * 1024

_lock = threading.Lock()
_client: redis.Redis | None = None
_client_of = 0
_silent_until = 0.0

_texts: dict[tuple[str, str], list[str]] = {}
_text_size = 0
_text_ring = threading.Event()
_text_thread: threading.Thread | None = None


def channel() -> str:
    return f"{settings.REDIS_PREFIX}:live"


def publish_heads(heads: Mapping[str, int]) -> None:
    """Tell every process that these streams moved. Called after commits, from the announcing thread."""
    _publish({"heads": dict(heads)})


def publish_people(names: Sequence[str]) -> None:
    """Tell every process that these people's open pages have something new to ask for."""
    _publish({"people": list(names)})


def publish_text(run: str, turn: str, chunk: str) -> None:
    """Tell every process what an agent is writing. Pieces that come fast are sent together; too much is dropped."""
    global _text_size, _text_thread
    with _lock:
        if _text_size > MOST_TEXT:
            return
        _texts.setdefault((run, turn), []).append(chunk)
        _text_size += len(chunk)
        if _text_thread is None or not _text_thread.is_alive():
            _text_thread = threading.Thread(target=_send_texts, name="text", daemon=True)
            _text_thread.start()
    _text_ring.set()


def _send_texts() -> None:
    global _text_size
    while True:
        _text_ring.wait()
        time.sleep(TEXT_SECONDS)
        with _lock:
            taken = {place: "".join(chunks) for place, chunks in _texts.items()}
            _texts.clear()
            _text_size = 0
            _text_ring.clear()
        for (run, turn), text in taken.items():
            _publish({"text": [run, turn, text]})


def _publish(message: dict[str, Any]) -> None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        _redis().publish(channel(), msgspec.json.encode(message))
    except (redis.RedisError, OSError) as error:
        _silent_until = time.monotonic() + PAUSE_SECONDS
        log.warning("nudge_lost", error=str(error))


def _redis() -> redis.Redis:
    """The client of this process: a fork makes its own."""
    global _client, _client_of
    if _client is None or _client_of != os.getpid():
        _client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=PUBLISH_SECONDS, socket_connect_timeout=PUBLISH_SECONDS
        )
        _client_of = os.getpid()
    return _client
