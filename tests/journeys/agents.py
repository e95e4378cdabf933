"""Code agents that misbehave, one way each. The `site` fixture names this module in COUNTERSIGN_MODULES."""

from __future__ import annotations

import threading
from typing import Any

from orchestrator import ports
from orchestrator.adapters.registry import code_agent
from orchestrator.domain.replies import ProposedAction, Reply

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


@code_agent("journeys.pays")
def pays(work: dict, turn: ports.TurnRequest) -> Reply:
    """Asks for one payment, and gives as its output what it was told of it."""
    if turn.results:
        told = turn.results[0]
        return Reply(output={"state": told.state, "told": told.text})
    transfer = {
        "payee": "ACME Industrietechnik GmbH",
        "iban": "DE89370400440532013000",
        "amount": "82000.00",
        "currency": "EUR",
        "invoice": f"RE-{turn.run[:8]}",
        "due_date": "2027-01-15",
        "remittance": f"RE-{turn.run[:8]}",
    }
    reason = "The order and the goods match."
    asked = ProposedAction(tool="payments.pay", arguments=transfer, reason=reason, call_id="1")
    return Reply(actions=(asked,))
