"""Agents that do nothing, so that only the engine's own work is measured."""

from __future__ import annotations

from typing import Any

from orchestrator import ports
from orchestrator.adapters.registry import code_agent, tool
from orchestrator.domain.replies import ProposedAction, Reply

STEPS = 20


@code_agent("bench.noop")
def noop(work: dict, turn: ports.TurnRequest) -> Reply:
    """Ask for another turn until the twentieth, then answer."""
    return Reply(output={"done": turn.number}) if turn.number >= STEPS else Reply(more=True)


@code_agent("bench.endless")
def endless(work: dict, turn: ports.TurnRequest) -> Reply:
    return Reply(more=True)


@code_agent("bench.fanout")
def fanout(work: dict, turn: ports.TurnRequest) -> Reply:
    """Propose as many reads as the input says, then answer with how many came back."""
    if turn.results:
        return Reply(output={"back": len(turn.results)})
    return Reply(actions=tuple(ProposedAction(tool="bench.read", arguments={"n": n}) for n in range(400)))


@code_agent("bench.payer")
def payer(work: dict, turn: ports.TurnRequest) -> Reply:
    arguments = {"amount": "82000.00", "currency": "EUR", "payee": "ACME GmbH"}
    return Reply(
        output={"asked": 1}, actions=(ProposedAction(tool="bench.pay", arguments=arguments, reason="due"),)
    )


@tool("bench.read")
def read(arguments: dict, request: ports.ExecutionRequest) -> Any:
    return {"n": arguments["n"]}


@tool("bench.pay")
def pay(arguments: dict, request: ports.ExecutionRequest) -> Any:
    return {"paid": arguments["amount"]}
