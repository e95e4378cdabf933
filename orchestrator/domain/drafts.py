"""A draft: the events that a decision adds, evolved as they are added, so that each next one sees the state."""

from __future__ import annotations

from orchestrator.domain.events import Body, Event
from orchestrator.domain.state import RunState, evolve


class Draft:
    """Collects the events of one decision over a run. `state` is the state after them."""

    __slots__ = ("actor", "at", "events", "state")

    def __init__(self, state: RunState, actor: str, at: int) -> None:
        self.state = state
        self.actor = actor
        self.at = at
        self.events: list[Event] = []

    def add(self, body: Body, *, cause: int = 0, actor: str = "") -> int:
        """Add a fact; returns its seq, to be named as the cause of what follows from it."""
        event = Event(self.state.seq + 1, self.at, actor or self.actor, cause, body)
        self.events.append(event)
        self.state = evolve(self.state, event)
        return event.seq
