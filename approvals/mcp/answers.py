"""What the tools give. A refusal is a value: `ok` is false, `code` is for programs and `detail` for the model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Answer(BaseModel):
    """What every tool gives: whether it was done, and if not why, in `code` and `detail`."""

    ok: bool = True
    code: str = ""
    detail: str = ""


class ActionAnswer(Answer):
    """Where an action stands. "allowed" or "released": claim it. "refused": `explanation` says why. "executed":
    `result` is what was reported, or `result_left_out` says why it is not here."""

    run: str = ""
    action: str = ""
    state: str = ""
    digest: str = ""
    explanation: str = ""
    request: str = ""
    coalesced: bool = False
    result: Any = None
    result_left_out: str = ""


class ClaimAnswer(Answer):
    """`arguments` is the call that was approved: do exactly this, before `execute_by`."""

    arguments: dict[str, Any] = {}
    execute_by: str = ""


class StatedAnswer(Answer):
    """The number of the event."""

    seq: int = 0


class CommitmentAnswer(Answer):
    """Where a commitment stands: created, discharged, cancelled, or violated because its time is over."""

    commitment: str = ""
    state: str = ""
    due: str = ""
