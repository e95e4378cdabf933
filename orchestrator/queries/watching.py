"""All that whoever watches runs may ask, under one name. Answers are frozen cards; nothing is changed by asking."""

from orchestrator.queries.actions import action_card, action_page, waiting_actions
from orchestrator.queries.all_commitments import any_commitment, commitment_lines, debtors
from orchestrator.queries.commitments import commitment_page
from orchestrator.queries.contents import file_bytes, files_left, shown, whole
from orchestrator.queries.effects import effects_now
from orchestrator.queries.events import (
    Names,
    around,
    chains,
    event_at,
    events_after,
    events_before,
    given_to,
    heads,
    kinds_of,
    latest_transaction,
    names_of,
)
from orchestrator.queries.figures import figures
from orchestrator.queries.newest import NoSuchCursor
from orchestrator.queries.past import as_it_was
from orchestrator.queries.runs import choices, run_card, run_page, runs_ended_since, runs_in_progress
from orchestrator.queries.stages import run_detail
from orchestrator.queries.turns import agent_costs, notes_of, turn_page

__all__ = [
    "Names",
    "NoSuchCursor",
    "action_card",
    "action_page",
    "agent_costs",
    "any_commitment",
    "around",
    "as_it_was",
    "chains",
    "choices",
    "commitment_lines",
    "commitment_page",
    "debtors",
    "effects_now",
    "event_at",
    "events_after",
    "events_before",
    "figures",
    "file_bytes",
    "files_left",
    "given_to",
    "heads",
    "kinds_of",
    "latest_transaction",
    "names_of",
    "notes_of",
    "run_card",
    "run_detail",
    "run_page",
    "runs_ended_since",
    "runs_in_progress",
    "shown",
    "turn_page",
    "waiting_actions",
    "whole",
]
