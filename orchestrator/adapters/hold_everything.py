"""The gate when none is configured: everything is held, nothing can be released, and the Overview says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from orchestrator.ports import ActionFacts, Verdict


class HoldEverything:
    """Fails closed: a missing setting must never let an action through."""

    def assess(self, facts: ActionFacts) -> Verdict:
        return Verdict(
            decision="hold",
            rule="no-gate",
            explanation="No gate is configured, so nothing may proceed.",
            tier="high",
        )

    def tier(self, facts: ActionFacts) -> str:
        return "high"

    def held(self, facts: ActionFacts, verdict: Verdict, *, at: dt.datetime) -> None:
        """There is nobody to ask."""

    def withdrawn(self, run: str, actions: Sequence[str], *, reason: str, at: dt.datetime) -> None:
        """There is nothing to withdraw."""

    def answered(self, *, request: str, question: str, text: str, could: bool, at: dt.datetime) -> None:
        """There is nobody who asked."""

    def claiming(self, facts: ActionFacts, *, request: str, at: dt.datetime) -> str | None:
        return "No gate is configured, so nothing may proceed."

    def execute_by(self, request: str) -> dt.datetime | None:
        return None

    def waiting(self, run: str, actions: Sequence[str]) -> Mapping[str, str]:
        return {}
