"""What a run was started with: its pinned workflow with all agents and tools, and its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator import blobs, eventlog
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.state import RunState


class NotStarted(errors.NotFound):
    """There is no such run. The link may be incomplete, or from another installation."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A run's own copy of its workflow, read and as it is stored, its title and its input."""

    spec: WorkflowSpec
    bytes: bytes
    title: str
    input: dict[str, Any]


def pinned(run: str) -> Pinned:
    """Raises NotStarted; what the orchestrator raises when the input was erased."""
    state: RunState = eventlog.load(run, fresh=True).state
    if state.seq == 0:
        raise NotStarted(run=run)
    given = blobs.value(state.input) if state.input is not None else {}
    first = eventlog.event_at(run, 1).body
    assert isinstance(first, e.RunStarted)
    return Pinned(state.spec, bytes(first.spec), state.title, given if isinstance(given, dict) else {})
