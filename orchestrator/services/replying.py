"""An agent's reply as a command: its actions sealed, its large content kept, its cost added up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from orchestrator import blobs
from orchestrator.domain import commands as c
from orchestrator.domain import sealing
from orchestrator.domain.content import Content
from orchestrator.domain.replies import Reply, Usage
from orchestrator.domain.state import RunState, Turn
from orchestrator.services import reports


def reply_command(state: RunState, turn: Turn, reply: Reply) -> c.RecordReply:
    """The command that records a reply: its actions sealed, its large content kept first."""
    spec = state.spec
    agent = spec.agents[turn.agent]
    sealed: list[c.SealedAction] = []
    for proposal in reply.actions:
        action, data = sealing.seal_action(spec, agent, proposal, on_behalf_of=state.on_behalf_of)
        for part in data:
            blobs.put(part)
        sealed.append(action)
    has_output = reply.output is not msgspec.UNSET
    proposals = _keep_proposals(sealed) if has_output and sealed else None
    return c.RecordReply(
        actor="system",
        at=reports.now(),
        turn=turn.id,
        output=blobs.seal(reply.output) if has_output else None,
        proposals=proposals,
        transcript=blobs.seal(reply.transcript) if reply.transcript is not None else None,
        assertions=blobs.seal(msgspec.to_builtins(reply.assertions)) if reply.assertions else None,
        assertion_count=len(reply.assertions),
        actions=tuple(sealed),
        note=reply.note,
        more=reply.more,
        suspects_upstream=reply.suspects_upstream,
        **usage_fields(reply.usage),
    )


def usage_fields(usage: Sequence[Usage]) -> dict[str, Any]:
    """What the calls behind one answer used together. The cost is None when any price is unknown, because a
    partial sum would look like a whole."""
    costs = [_price(item.cost) for item in usage]
    is_known = bool(costs) and all(cost is not None for cost in costs)
    return {
        "model": usage[-1].model if usage else "",
        "input_tokens": sum(item.input_tokens for item in usage),
        "output_tokens": sum(item.output_tokens for item in usage),
        "cost": str(sum((cost for cost in costs if cost is not None), Decimal(0))) if is_known else None,
        "is_estimated": any(item.is_estimated for item in usage),
        "milliseconds": sum(item.milliseconds for item in usage),
    }


def _price(said: str | None) -> Decimal | None:
    """A price that an adapter or agent named, None when it is no amount at all."""
    try:
        price = Decimal(said) if said is not None else None
    except InvalidOperation:
        return None
    return price if price is not None and price.is_finite() and 0 <= price < 10**9 else None


def _keep_proposals(sealed: list[c.SealedAction]) -> Content:
    return blobs.seal(msgspec.json.decode(msgspec.json.encode(sealed)))
