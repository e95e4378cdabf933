"""No pattern at all: the agent runs elsewhere. Nothing follows from what happens but what it asks for itself."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.domain import patterns
from orchestrator.domain.commands import SealedAction
from orchestrator.domain.drafts import Draft
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.state import Turn
from orchestrator.domain.validation import StageVerdict


class External:
    """Answers the questions of the Pattern protocol with nothing, and cannot be published as a workflow."""

    def faults(self, spec: WorkflowSpec) -> list[str]:
        return ["An external run is started by its agent; it cannot be published as a workflow."]

    def begin(self, draft: Draft, cause: int) -> None:
        return

    def answered(self, draft: Draft, turn: Turn, cause: int, *, wants_more: bool) -> None:
        return

    def judged(
        self, draft: Draft, turn: Turn, verdict: StageVerdict, actions: Sequence[SealedAction], cause: int
    ) -> None:
        return

    def failed(self, draft: Draft, turn: Turn, retry: str, text: str, cause: int) -> None:
        return

    def settled(self, draft: Draft, cause: int) -> None:
        return

    def resumed(self, draft: Draft, cause: int) -> None:
        return


patterns.register("external", External())
