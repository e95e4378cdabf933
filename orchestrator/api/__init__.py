"""REST of this app: external runs, their actions, what agents state and commit themselves to, and events.

Mounted by `config.api`.
"""

from orchestrator.api.actions import router as actions
from orchestrator.api.commitments import over_all_runs as all_commitments
from orchestrator.api.commitments import router as commitments
from orchestrator.api.runs import router as runs
from orchestrator.api.statements import router as statements

__all__ = ["actions", "all_commitments", "commitments", "runs", "statements"]
