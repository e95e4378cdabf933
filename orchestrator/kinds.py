"""The kinds of streams, each with its decider: run, agent, tool, workflow, and the opaque ones of other apps.

Policy and approval streams are written through `services.journal`; the orchestrator does not read their facts.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import msgspec

from orchestrator.domain import commands as c
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.domain.decide import Decision
from orchestrator.domain.decide import decide as decide_run
from orchestrator.domain.effects import Want
from orchestrator.domain.plan import plan as plan_run
from orchestrator.domain.state import VERSION as RUN_VERSION
from orchestrator.domain.state import RunState
from orchestrator.domain.state import evolve as evolve_run


class Decider(Protocol):
    """The three pure functions of one kind of stream, and how its state is kept."""

    version: int

    def initial(self, stream: str) -> Any: ...
    def decide(self, state: Any, command: Any) -> Decision: ...
    def evolve(self, state: Any, event: e.Event) -> Any: ...
    def plan(self, state: Any) -> dict[str, Want]: ...
    def freeze(self, state: Any) -> bytes | None: ...
    def thaw(self, data: bytes) -> Any: ...


class _Run:
    version = RUN_VERSION
    _decoder = msgspec.json.Decoder(RunState)

    def initial(self, stream: str) -> RunState:
        return RunState(stream)

    decide = staticmethod(decide_run)
    evolve = staticmethod(evolve_run)
    plan = staticmethod(plan_run)

    def freeze(self, state: RunState) -> bytes:
        return msgspec.json.encode(state)

    def thaw(self, data: bytes) -> RunState:
        return self._decoder.decode(data)


class Journal(NamedTuple):
    """The state of a stream whose facts are only recorded: where it stands, and its last fact."""

    stream: str
    seq: int = 0
    last: e.Body | None = None


class ChangedMeanwhile(errors.Conflict):
    """Somebody published in the meantime. Reload, look at what changed, and publish again."""


class _Recorded:
    version = 1

    def initial(self, stream: str) -> Journal:
        return Journal(stream)

    def decide(self, state: Journal, command: c.Record) -> Decision:
        if command.expected_seq is not None and command.expected_seq != state.seq:
            raise ChangedMeanwhile()
        events = [
            e.Event(state.seq + at, command.at, command.actor, 0, body)
            for at, body in enumerate(command.bodies, start=1)
        ]
        for event in events:
            state = self.evolve(state, event)
        return Decision(events, state)

    def evolve(self, state: Journal, event: e.Event) -> Journal:
        return Journal(state.stream, event.seq, event.body)

    def plan(self, state: Journal) -> dict[str, Want]:
        return {}

    def freeze(self, state: Journal) -> None:
        return None

    def thaw(self, data: bytes) -> Journal:
        raise errors.Corrupt("A recorded stream has no snapshot.")


_recorded = _Recorded()
_KINDS: dict[str, Decider] = {
    "run": _Run(),
    "agent": _recorded,
    "tool": _recorded,
    "workflow": _recorded,
    "policy": _recorded,
    "approval": _recorded,
    "canary": _recorded,
    "keys": _recorded,
    "audit": _recorded,
    "people": _recorded,
}


NAMES = frozenset(_KINDS)


def find(kind: str) -> Decider:
    return _KINDS[kind]
