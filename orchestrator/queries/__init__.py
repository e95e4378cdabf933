"""Questions about what is published and what happens, answered by frozen dataclasses that are ready to print."""

from orchestrator.queries.actions import ActionCard, ActionPage
from orchestrator.queries.all_commitments import CommitmentFilter, CommitmentLine
from orchestrator.queries.contents import FileCard, Shown
from orchestrator.queries.effects import EffectCard
from orchestrator.queries.events import EventCard
from orchestrator.queries.figures import Figures
from orchestrator.queries.past import Past
from orchestrator.queries.runs import Choices, RunCard, RunFilter, RunPage
from orchestrator.queries.stages import OpenWork, RunDetail, StageCard
from orchestrator.queries.turns import AgentCost, TurnCard, TurnPage

__all__ = [
    "ActionCard",
    "ActionPage",
    "AgentCost",
    "Choices",
    "CommitmentFilter",
    "CommitmentLine",
    "EffectCard",
    "EventCard",
    "Figures",
    "FileCard",
    "OpenWork",
    "Past",
    "RunCard",
    "RunDetail",
    "RunFilter",
    "RunPage",
    "Shown",
    "StageCard",
    "TurnCard",
    "TurnPage",
]
