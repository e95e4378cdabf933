"""A code agent, three tools and a gate that do what a test tells them; everything between them is the real thing."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator import ports
from orchestrator.adapters import registry
from orchestrator.domain.replies import ProposedAction, Reply

# What the agent says to a turn, and what a tool does; a test sets them through the `world` fixture.
Answer = Callable[[ports.TurnRequest], Reply]
Act = Callable[[ports.ExecutionRequest], Any]


class World:
    """What was asked of agents and tools, and what they do."""

    def __init__(self) -> None:
        self.answer: Answer = lambda turn: Reply(output={"n": 1})
        self.act: Act = lambda request: {"done": request.tool.name}
        self.turns: list[ports.TurnRequest] = []
        self.acts: list[ports.ExecutionRequest] = []
        self.decisions: dict[str, str] = {"t.pay": "hold", "t.send": "allow"}
        self.assess: Callable[[ports.ActionFacts], ports.Verdict] | None = None
        self.objection: str | None = None
        self.held: list[str] = []
        self.withdrawn: list[str] = []
        self.guard = threading.Lock()


world = World()


@registry.code_agent("tests.worker")
def worker(work: dict, turn: ports.TurnRequest) -> Reply:  # type: ignore[type-arg]
    with world.guard:
        world.turns.append(turn)
    return world.answer(turn)


def _act(arguments: Any, request: ports.ExecutionRequest) -> Any:
    with world.guard:
        world.acts.append(request)
    return world.act(request)


@registry.tool("t.pay")
def pay(arguments: dict, request: ports.ExecutionRequest) -> Any:  # type: ignore[type-arg]
    return _act(arguments, request)


@registry.tool("t.send")
def send(arguments: dict, request: ports.ExecutionRequest) -> Any:  # type: ignore[type-arg]
    return _act(arguments, request)


@registry.tool("t.look")
def look(arguments: dict, request: ports.ExecutionRequest) -> Any:  # type: ignore[type-arg]
    return _act(arguments, request)


class ByTool:
    """A gate that decides by the tool's name, and remembers what it was told."""

    def assess(self, facts: ports.ActionFacts) -> ports.Verdict:
        if world.assess is not None:
            return world.assess(facts)
        decision: Any = world.decisions[facts.tool.name]
        return ports.Verdict(decision=decision, rule="by-tool", explanation=f"{facts.tool.name}: {decision}")

    def waiting(self, run: str, actions: Sequence[str]) -> Mapping[str, str]:
        return {}

    def held(self, facts: ports.ActionFacts, verdict: ports.Verdict, *, at: dt.datetime) -> None:
        world.held.append(facts.action)

    def withdrawn(self, run: str, actions: Sequence[str], *, reason: str, at: dt.datetime) -> None:
        world.withdrawn.extend(actions)

    def claiming(self, facts: ports.ActionFacts, *, request: str, at: dt.datetime) -> str | None:
        return world.objection


def asks(*tools: str) -> Answer:
    """Asks for these actions in the first turn and gives its output in the second."""

    def answer(turn: ports.TurnRequest) -> Reply:
        if turn.results:
            return Reply(output={"n": len(turn.results)})
        return Reply(
            actions=tuple(
                ProposedAction(tool=tool, arguments={"n": at}, call_id=f"c{at}")
                for at, tool in enumerate(tools)
            )
        )

    return answer
