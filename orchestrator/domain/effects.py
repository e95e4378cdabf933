"""Effects: outside work that a run wants done. A want is a fact of the state, not an order that may be lost."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["turn", "validate", "assess", "execute", "answer"]
Queue = Literal["main", "isolated"]


class Want(NamedTuple):
    """One wanted effect. `subject` is the turn or action it serves; `queue` who may perform it."""

    key: str
    kind: Kind
    subject: str
    queue: Queue


class Fence(NamedTuple):
    """A worker's proof that it still holds an effect. `finishes` marks the effect done with this append."""

    key: str
    token: int
    finishes: bool
