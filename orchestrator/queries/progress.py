"""How far a run is: its state, its stages, and which of its actions wait for people."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

from orchestrator import eventlog, models
from orchestrator.domain import errors


@dataclasses.dataclass(frozen=True)
class WaitingAction:
    """An action that a person must decide or settle. The amount is decimal text."""

    action: str
    tool: str
    state: str
    target: str
    amount: str
    currency: str
    request: str


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands. `state` adds "waiting" to the log's words: nothing moves until a person acts."""

    run: str
    title: str
    state: str
    waits_for: str
    reason: str
    is_fault: bool
    head: int
    stages: list[tuple[str, str]]
    waiting: list[WaitingAction]
    executed: int
    refused: int
    failed: int

    @property
    def is_over(self) -> bool:
        return self.state in {"succeeded", "failed", "cancelled"}

    @property
    def is_still(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.is_over or self.state in {"waiting", "paused"}


def progress_of(run: str) -> Progress:
    """Raises NotFound."""
    row = models.Run.objects.filter(pk=run).first()
    if row is None:
        raise errors.NotFound(f"There is no run {run}.")
    state = eventlog.load(run, fresh=True).state
    waiting = models.Action.objects.filter(run_id=run, state__in=["held", "unconfirmed"]).order_by(
        "proposed_seq"
    )
    return Progress(
        run=run,
        title=row.title or row.workflow_name,
        state=row.state,
        waits_for=row.waits_for,
        reason=row.reason,
        is_fault=row.is_fault,
        head=row.head,
        stages=[(stage.name, stage.status) for stage in state.stages],
        waiting=[
            WaitingAction(
                action=action.action,
                tool=action.tool,
                state=action.state,
                target=action.target,
                amount=_plain(action.amount),
                currency=action.currency or "",
                request=action.request,
            )
            for action in waiting
        ],
        executed=row.executed,
        refused=row.refused,
        failed=row.failed,
    )


def _plain(amount: Decimal | None) -> str:
    """A stored amount without the zeros that the column adds, with two decimals at least."""
    if amount is None:
        return ""
    whole, _, decimals = format(amount, "f").partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
