"""The three ways to arrange agents, behind one protocol and one registry.

A pattern says what follows when a run starts, an agent answered, a verdict fell, an action was settled. It
only ever adds facts to a draft; what is allowed at all is decided in `domain.decide`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from orchestrator.domain.commands import SealedAction
from orchestrator.domain.drafts import Draft
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.state import Turn
from orchestrator.domain.validation import StageVerdict


class Pattern(Protocol):
    """What follows from what, in one arrangement of agents."""

    def faults(self, spec: WorkflowSpec) -> list[str]:
        """What makes a workflow impossible to run, in words its author can act on."""

    def begin(self, draft: Draft, cause: int) -> None: ...

    def answered(self, draft: Draft, turn: Turn, cause: int, *, wants_more: bool) -> None: ...

    def judged(
        self, draft: Draft, turn: Turn, verdict: StageVerdict, actions: Sequence[SealedAction], cause: int
    ) -> None: ...

    def failed(self, draft: Draft, turn: Turn, retry: str, text: str, cause: int) -> None: ...

    def settled(self, draft: Draft, cause: int) -> None: ...

    def resumed(self, draft: Draft, cause: int) -> None: ...


_PATTERNS: dict[str, Pattern] = {}


def register(name: str, pattern: Pattern) -> None:
    _PATTERNS[name] = pattern


def find(name: str) -> Pattern:
    """The pattern of that name. KeyError when this version does not know it."""
    return _PATTERNS[name]


def names() -> list[str]:
    """The patterns that a workflow may be published in; an external run has none."""
    return sorted(name for name in _PATTERNS if name != "external")
