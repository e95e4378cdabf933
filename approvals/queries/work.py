"""The work around a case: the run, its last turns, its files and where the action stands now. Asked of the
orchestrator's own questions; a run that cannot be read leaves the case readable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator import blobs
from orchestrator.queries import actions, contents, stages, turns

# Turns shown beside a case, and how far back in the run they are looked for.
TURNS = 5
LOOK_BACK = 1000
# States of a run in which nobody works for it any more.
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class TurnLine:
    """One of the run's last turns before the action was proposed."""

    agent: str
    stage: str
    state: str
    said: str
    at: dt.datetime


@dataclass(frozen=True)
class RunCard:
    """The run of a case. `files` gives by name the place in the run's list, and the digest; `files_gone` says
    why there is no such list any more."""

    id: str
    name: str
    state: str
    action_state: str
    outcome: str
    digest_matches: bool | None
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    files_gone: str = ""
    turns: tuple[TurnLine, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.state in ENDED


def run_card(run: str, action: str, digest: str) -> RunCard:
    """The run of a case, and whether what is stored for execution is still what the case shows."""
    detail = stages.run_detail(run)
    now = actions.action_card(run, action)
    listed, gone = contents.files_left(detail.input)
    found = turns.turn_page(run, after=max(0, now.proposed_seq - LOOK_BACK), limit=500).cards
    before = [turn for turn in found if turn.requested_seq < now.proposed_seq]
    return RunCard(
        id=run,
        name=detail.card.name,
        state=detail.card.state,
        action_state=now.state,
        outcome=now.outcome,
        digest_matches=now.digest == digest,
        files={file.name: (file.number, file.digest) for file in listed},
        files_gone=gone,
        turns=tuple(
            TurnLine(
                turn.agent,
                turn.stage,
                turn.state,
                turn.note or turn.error or turn.feedback,
                turn.requested_at,
            )
            for turn in before[-TURNS:]
        ),
    )


def read_file(digest: str) -> bytes:
    """The bytes of an uploaded file. Raises what the orchestrator raises when they were erased."""
    return blobs.read(digest)
