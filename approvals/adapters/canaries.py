"""The agents and tools as runs reach them, with a canary's run kept apart: its agents say again what was said in the run
that it imitates, and nothing is ever called for it.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from approvals.queries import canaries as queries
from approvals.services import canaries
from orchestrator.adapters.code_agent import CodeAgentRunner
from orchestrator.adapters.model_agent import ModelAgentRunner
from orchestrator.adapters.tools import RegisteredTools
from orchestrator.domain import errors
from orchestrator.domain.replies import Reply
from orchestrator.ports import ExecutionRequest, Spoken, TurnRequest


class CodeAgents(CodeAgentRunner):
    """ports.AgentRunner for code agents. A reviewer's question goes to the agent itself: it has no tools there."""

    def invoke(self, request: TurnRequest) -> Reply:
        if queries.is_canary(request.run):
            return canaries.reply(request, now=timezone.now())
        return super().invoke(request)


class ModelAgents(ModelAgentRunner):
    """ports.AgentRunner for model agents. A canary costs nothing, so its model is not asked, by reviewers neither."""

    def invoke(self, request: TurnRequest) -> Reply:
        if queries.is_canary(request.run):
            return canaries.reply(request, now=timezone.now())
        return super().invoke(request)

    def answer(self, request: TurnRequest, question: str) -> Spoken:
        if queries.is_canary(request.run):
            seconds = request.agent.budget.total_seconds
            raise errors.PortFailure(f"It gave no answer within {seconds:g} seconds.", retry="permanent")
        return super().answer(request, question)


class Tools(RegisteredTools):
    """ports.ActionExecutor: for a canary's run no tool is called, whatever became of the locks before."""

    def execute(self, request: ExecutionRequest) -> Any:
        if queries.is_canary(request.run):
            raise errors.PortFailure(canaries.OVER, retry="permanent")
        return super().execute(request)
