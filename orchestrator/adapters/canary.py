"""The agent and the tool behind a canary: it asks as it was told to, for a tool that does nothing.

Whoever plants a canary gives the call as the run's input. Nothing ever releases it; the tool is here so that even
then nothing would happen.
"""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.adapters import registry
from orchestrator.domain.replies import Evidence, ProposedAction, Reply
from orchestrator.ports import ExecutionRequest, TurnRequest

AGENT = "canary.asks"
TOOL = "canary.never_run"


class Call(msgspec.Struct):
    """What is asked for, as an agent would."""

    arguments: dict[str, Any]
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()


class Work(msgspec.Struct):
    """What the agent is given."""

    call: Call


@registry.code_agent(AGENT)
def ask(work: Work, turn: TurnRequest) -> Reply:
    """Ask once; when the answer comes, be done."""
    if turn.results:
        return Reply(output="done")
    call = work.call
    proposed = ProposedAction(
        tool=TOOL, arguments=call.arguments, reason=call.reason, evidence=call.evidence, call_id="1"
    )
    return Reply(actions=(proposed,))


@registry.tool(TOOL)
def never_run(arguments: dict, request: ExecutionRequest) -> dict[str, bool]:
    """Nothing, whatever it is called with."""
    return {"executed": False}
