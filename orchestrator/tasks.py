"""Celery's side: a task owns a run for a slice, not a step. A message carries the run's id and nothing else."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings

from orchestrator.adapters import timed
from orchestrator.services import effects

log = structlog.get_logger(__name__)

_leaving = threading.Lock()


@shared_task(name="orchestrator.tasks.advance_run", ignore_result=True, bind=True)
def advance_run(self: Any, *, stream: str, **later: Any) -> None:
    """Go on with one run. `later` takes arguments that newer senders may add."""
    queue = (self.request.delivery_info or {}).get("routing_key", "runs")
    effects.advance_run(run=stream, queue="isolated" if str(queue).endswith("isolated") else "main")


def leave() -> None:
    """End this process, so that a new one takes its place: a thread cannot be ended from outside.

    It takes nothing more, and finishes what it does within RECYCLE_SECONDS; what takes longer is taken over when
    its lease runs out.
    """
    if not _leaving.acquire(blocking=False):
        return
    log.warning("worker_recycles", stuck=timed.stuck_threads())
    leave_at_last()
    os.kill(os.getpid(), signal.SIGTERM)


def leave_at_last(**_facts: Any) -> None:
    """End this process within RECYCLE_SECONDS, also when a thread of it never comes back."""
    last = threading.Timer(settings.RECYCLE_SECONDS, os._exit, [0])
    last.daemon = True
    last.start()
