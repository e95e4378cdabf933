"""Code agents that misbehave, one way each. The `site` fixture names this module in COUNTERSIGN_MODULES."""

from __future__ import annotations

import threading
from typing import Any

from orchestrator import ports
from orchestrator.adapters.registry import code_agent
from orchestrator.domain.replies import Reply

LONGER_THAN_ANY_LIMIT = 15.0


@code_agent("journeys.garbage")
def garbage(work: dict, turn: ports.TurnRequest) -> Any:
    return ["<script>alert(1)</script>", object()]


@code_agent("journeys.raises")
def raises(work: dict, turn: ports.TurnRequest) -> Reply:
    raise ZeroDivisionError("the ledger of <b>May</b> is empty")


@code_agent("journeys.hangs")
def hangs(work: dict, turn: ports.TurnRequest) -> Reply:
    threading.Event().wait(LONGER_THAN_ANY_LIMIT)
    return Reply(output={"n": 1})


@code_agent("journeys.misfits")
def misfits(work: dict, turn: ports.TurnRequest) -> Reply:
    return Reply(output={"total": "eighty-two thousand"})
