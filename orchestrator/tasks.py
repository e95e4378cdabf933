"""Celery's side: a task owns a run for a slice, not a step. A message carries the run's id and nothing else."""

from __future__ import annotations

import os
import signal
from typing import Any

import structlog
from celery import shared_task

from orchestrator.adapters import timed
from orchestrator.services import effects

log = structlog.get_logger(__name__)


@shared_task(name="orchestrator.tasks.advance_run", ignore_result=True, bind=True)
def advance_run(self: Any, *, stream: str, **later: Any) -> None:
    """Go on with one run. `later` takes arguments that newer senders may add."""
    queue = (self.request.delivery_info or {}).get("routing_key", "runs")
    effects.advance_run(run=stream, queue="isolated" if str(queue).endswith("isolated") else "main")
    if timed.stuck_threads() >= timed.STUCK_LIMIT:
        # A thread cannot be ended from outside: a worker with too many stuck ones hands over and is replaced.
        log.warning("worker_recycles", stuck=timed.stuck_threads())
        os.kill(os.getpid(), signal.SIGTERM)
