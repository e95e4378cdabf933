"""Rows. Only this app's own services, queries and the doors to the log may import them; events have one door."""

from orchestrator.models.answers import KeptAnswer
from orchestrator.models.blob import Blob
from orchestrator.models.catalogue import Agent, AgentRevision, Tool, ToolRevision, Workflow, WorkflowRevision
from orchestrator.models.commitment import Commitment
from orchestrator.models.effect import Effect
from orchestrator.models.outside import OutsideTool
from orchestrator.models.run import Action, Run, Turn
from orchestrator.models.stream import Checkpoint, Snapshot, Stream

__all__ = [
    "Action",
    "Agent",
    "AgentRevision",
    "Blob",
    "Checkpoint",
    "Commitment",
    "Effect",
    "KeptAnswer",
    "OutsideTool",
    "Run",
    "Snapshot",
    "Stream",
    "Tool",
    "ToolRevision",
    "Turn",
    "Workflow",
    "WorkflowRevision",
]
