"""What was reported of an action that was executed, for whoever asks later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator import blobs, eventlog
from orchestrator.domain import events as e
from orchestrator.queries.actions import ActionCard


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result. Without its value, `left_out` says why; the digest and the size in bytes are known all the same."""

    value: Any = None
    digest: str = ""
    size: int = 0
    left_out: str = ""


def outcome_of(card: ActionCard, *, most: int) -> Outcome:
    """The result of an executed action, when it has at most so many bytes. Empty for any other action."""
    if not card.outcome:
        return Outcome()
    events = eventlog.events_caused_by(card.run, [card.proposed_seq])
    told = next((one.body for one in events if isinstance(one.body, e.ActionExecuted)), None)
    if told is None:
        return Outcome(digest=card.outcome, left_out="The event that holds the result is not there.")
    result = told.result
    if result.size > most:
        words = f"The result has {result.size:,} bytes, and at most {most:,} are given here."
        return Outcome(digest=result.digest, size=result.size, left_out=words)
    try:
        return Outcome(blobs.value(result), result.digest, result.size)
    except (blobs.Erased, blobs.Missing) as gone:
        return Outcome(digest=result.digest, size=result.size, left_out=gone.message)
