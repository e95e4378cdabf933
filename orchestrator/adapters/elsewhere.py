"""Agents that work elsewhere cannot be asked from here: they come by the API when they want something."""

from __future__ import annotations

from orchestrator import ports
from orchestrator.domain import errors
from orchestrator.domain.replies import Reply


class WorksElsewhere:
    """ports.AgentRunner for agents of kind "external". No published workflow asks one; whoever does is told why not."""

    def invoke(self, request: ports.TurnRequest) -> Reply:
        raise errors.PortFailure(
            f"{request.agent.name} works elsewhere, so it cannot be asked from here.", retry="permanent"
        )
