"""Verdicts over a stage's output: schema first, then deterministic checks, then invariants, then a judge.

A verdict is pass, repairable (the agent may try again with the failure text), upstream_suspect (the stage before
is opened again) or fatal. It always carries its evidence, so that it can be checked again later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from orchestrator.domain.replies import Usage

Outcome = Literal["pass", "repairable", "upstream_suspect", "fatal"]

# Strictest last: the verdict of a stage is the strictest of its findings.
SEVERITY: tuple[Outcome, ...] = ("pass", "repairable", "upstream_suspect", "fatal")


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one validator found. `text` says what is wrong in words the agent can act on; `usage` is what a judge's
    own call used."""

    outcome: Outcome
    text: str = ""
    validator: str = ""
    version: int = 1
    evidence: tuple[str, ...] = ()
    usage: Usage | None = None


class StageVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The verdict over one output: the strictest finding, and all findings as evidence."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(
            finding.text for finding in self.findings if finding.outcome != "pass" and finding.text
        )


def combine(findings: Iterable[Finding]) -> StageVerdict:
    """The verdict of all findings: the strictest one wins; no finding at all is a pass."""
    found = tuple(findings)
    outcome: Outcome = "pass"
    for finding in found:
        outcome = max(outcome, finding.outcome, key=SEVERITY.index)
    return StageVerdict(outcome=outcome, findings=found)
