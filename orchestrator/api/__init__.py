"""REST of this app: external runs, their actions, what agents state, and events. Mounted by `config.api`."""

from orchestrator.api.actions import router as actions
from orchestrator.api.runs import router as runs
from orchestrator.api.statements import router as statements

__all__ = ["actions", "runs", "statements"]
