"""What a run was started with: its pinned workflow with all agents and tools, and its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator import blobs, eventlog
from orchestrator.domain import errors
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.state import RunState


class NotStarted(errors.NotFound):
    """There is no such run. The link may be incomplete, or from another installation."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A run's own copy of its workflow, its title and its input."""

    spec: WorkflowSpec
    input: dict[str, Any]


def pinned(run: str) -> Pinned:
    """Raises NotStarted; what the orchestrator raises when the input was erased."""
    state: RunState = eventlog.load(run, fresh=True).state
    if state.seq == 0:
        raise NotStarted(run=run)
    given = blobs.value(state.input) if state.input is not None else {}
    return Pinned(state.spec, given if isinstance(given, dict) else {})
