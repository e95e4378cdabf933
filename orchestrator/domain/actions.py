"""How a proposed action enters the log: sealed, checked against the scope, and never executed from here."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.domain import events as e
from orchestrator.domain.commands import SealedAction
from orchestrator.domain.drafts import Draft
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.state import Turn


def propose(draft: Draft, turn: Turn, actions: Sequence[SealedAction], cause: int) -> None:
    """Add the proposals of a turn. What is malformed or outside the scope is refused at once, before anybody
    is asked; a tool that only reads is allowed at once; the rest waits for the gate."""
    spec = draft.state.spec
    for sealed in actions:
        name = f"a{draft.state.totals.actions + 1}"
        tool = spec.tools.get(sealed.tool)
        consequential = tool is None or tool.is_consequential
        proposed = draft.add(
            e.ActionProposed(
                action=name,
                turn=turn.id,
                stage=turn.stage,
                agent=turn.agent,
                tool=sealed.tool,
                tool_version=tool.version if tool else 0,
                arguments=sealed.arguments,
                digest=sealed.digest,
                call_id=sealed.call_id,
                consequential=consequential,
                target=sealed.target,
                amount=sealed.amount,
                currency=sealed.currency,
                person=sealed.person,
                reason=sealed.reason,
                otherwise=sealed.otherwise,
                evidence=sealed.evidence,
            ),
            cause=cause,
            actor=agent_name(spec, turn.agent),
        )
        if sealed.refusal:
            draft.add(
                e.ActionRefused(
                    action=name,
                    source=sealed.refusal_source or "scope",
                    reason=sealed.refusal,
                    digest=sealed.digest,
                ),
                cause=proposed,
                actor="system",
            )
        elif not consequential:
            draft.add(e.ActionAllowed(action=name, rule="reads-only"), cause=proposed, actor="system")


def agent_name(spec: WorkflowSpec, slug: str) -> str:
    """How an agent revision signs its events."""
    agent = spec.agents.get(slug)
    return f"agent:{slug}@{agent.revision}" if agent else f"agent:{slug}"
