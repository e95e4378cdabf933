"""The second chance: rings for runs that nobody rang for, after lost nudges, killed workers and broker outages."""

from __future__ import annotations

import structlog

from orchestrator import dispatch, outbox

log = structlog.get_logger(__name__)


def sweep() -> int:
    """Ring for every run with effects that are due or whose lease ran out; returns how many were rung for."""
    stalled = outbox.stalled()
    for run, queue in stalled:
        dispatch.wake(run, "isolated" if queue == "isolated" else "runs")
    if stalled:
        log.info("swept", runs=len(stalled))
    return len(stalled)
