"""The trace as lanes: what is still open, for the picture and in words for whoever cannot see it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from monitoring.domain.amounts import count_words
from monitoring.domain.lines import bounded

MOST_NAMED = 6
OVER = "The run is over; nothing is open."
IDLE = "No agent is at work, and nothing waits for a person."


class Out(Protocol):
    """Something that is not finished: since which event, whose it is, and in which state."""

    @property
    def seq(self) -> int: ...
    @property
    def agent(self) -> str: ...
    @property
    def state(self) -> str: ...


def open_ends(out: Sequence[Out]) -> list[dict[str, Any]]:
    """What the picture draws up to now, in the form that the browser takes."""
    return [{"seq": one.seq, "lane": bounded(one.agent, 80), "state": one.state} for one in out]


def summary(*, head: int, out: Sequence[Out], is_over: bool, is_past: bool) -> str:
    """What the lanes show, in words."""
    parts = [f"{count_words(head, 'event')}{' up to here' if is_past else ''}."]
    working = [one for one in out if one.state == "running"]
    if working:
        named = [f"{bounded(one.agent, 80)} (since event {one.seq:,})" for one in working[:MOST_NAMED]]
        more = f" and {len(working) - MOST_NAMED:,} more" if len(working) > MOST_NAMED else ""
        parts.append(f"At work: {', '.join(named)}{more}.")
    held = Counter(one.agent for one in out if one.state == "held")
    for agent, count in held.most_common(MOST_NAMED):
        verb = "waits" if count == 1 else "wait"
        parts.append(f"{count_words(count, 'action')} of {bounded(agent, 80)} {verb} for a person.")
    if not working and not held:
        parts.append(OVER if is_over else IDLE)
    return " ".join(parts)
