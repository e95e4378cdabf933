"""Celery's side: a task owns a run for a slice, not a step. A message carries the run's id and nothing else."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from orchestrator.services import effects


@shared_task(name="orchestrator.tasks.advance_run", ignore_result=True, bind=True)
def advance_run(self: Any, *, stream: str, **later: Any) -> None:
    """Go on with one run. `later` takes arguments that newer senders may add."""
    queue = (self.request.delivery_info or {}).get("routing_key", "runs")
    effects.advance_run(run=stream, queue="isolated" if str(queue).endswith("isolated") else "main")
