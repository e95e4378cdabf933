"""A verification of the record that somebody asked for on a page: begun, watched, and its result kept as a fact."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from pathlib import Path
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from orchestrator.domain import errors
from orchestrator.queries.events import recorded
from orchestrator.services import journal, verify

log = structlog.get_logger(__name__)

STREAM = "verifications"
TASK = "monitoring.tasks.verify_record"
# A record up to this size is verified while the person waits; a larger one by a worker.
AT_ONCE = 5_000
# Without a sign of life for so long, a verification is taken for lost and another may begin.
SILENT_SECONDS = 60
MOST_FINDINGS = 20


class AlreadyRunning(errors.Refused):
    """A verification is under way; its result will be shown on this page. Wait for it."""


class NobodyTakesIt(errors.Refused):
    """No worker could be asked. Look whether Redis runs, or use `manage.py verify_log`; nothing was verified."""


def stream() -> str:
    return journal.stream_for("audit", STREAM)


def begin(*, by: str, now: dt.datetime) -> str:
    """Begin a verification; returns its id. Raises AlreadyRunning, NobodyTakesIt."""
    if under_way() is not None:
        raise AlreadyRunning()
    verification = uuid.uuid4().hex
    _, events = recorded()
    _alive(verification, 0, events)
    _record("verification.begun", {"verification": verification, "of": events}, by=by, now=now)
    if events <= AT_ONCE:
        run(verification=verification, by=by)
        return verification
    try:
        current_app.send_task(TASK, kwargs={"verification": verification, "by": by}, queue="watch")
    except Exception as error:
        cache.delete(_KEY)
        log.warning("verification_not_handed_out", exc_info=True)
        raise NobodyTakesIt() from error
    return verification


def run(*, verification: str, by: str) -> bool:
    """Verify, and keep the result; returns whether the record is sound."""
    began = time.monotonic()
    _, of = recorded()
    folder = Path(settings.CHECKPOINT_EXPORT_DIR) if settings.CHECKPOINT_EXPORT_DIR else None
    try:
        found = verify.verify_log(
            exported=folder if folder is not None and folder.is_dir() else None,
            progress=lambda events: _alive(verification, events, of),
        )
    except Exception as error:
        text = f"It could not be finished: {type(error).__name__}. Nothing is known of the record."
        _record(
            "verification.failed", {"verification": verification, "reason": text}, by=by, now=timezone.now()
        )
        raise
    finally:
        cache.delete(_KEY)
    fact = {
        "verification": verification,
        "sound": found.is_sound,
        "streams": found.streams,
        "events": found.events,
        "checkpoints": found.checkpoints,
        "findings": [
            {"stream": one.stream, "kind": one.kind, "seq": one.seq, "problem": one.problem, "text": one.text}
            for one in found.findings[:MOST_FINDINGS]
        ],
        "found": len(found.findings),
        "unproven": list(found.unproven),
        "milliseconds": int((time.monotonic() - began) * 1000),
    }
    _record("verification.ended", fact, by=by, now=timezone.now())
    return found.is_sound


def under_way() -> dict[str, Any] | None:
    """How far the verification is that runs now, as far as anybody knows."""
    found: dict[str, Any] | None = cache.get(_KEY)
    return found


_KEY = "audit:verification"


def _alive(verification: str, events: int, of: int) -> None:
    cache.set(_KEY, {"verification": verification, "events": events, "of": max(of, events)}, SILENT_SECONDS)


def _record(name: str, fact: dict[str, Any], *, by: str, now: dt.datetime) -> None:
    journal.record(kind="audit", stream=stream(), facts=[(name, fact)], by=f"user:{by}", now=now)
