"""The actions of a run, and those that wait for a person anywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from orchestrator import models, sql
from orchestrator.domain import errors


class UnknownAction(errors.NotFound):
    """This run has no such action. The link may be incomplete."""


@dataclass(frozen=True, slots=True)
class ActionCard:
    """One action. `arguments` and `outcome` are digests of its stored content."""

    run: str
    run_name: str
    action: str
    turn: str
    stage: str
    agent: str
    tool: str
    tool_version: int
    state: str
    consequential: bool
    digest: str
    arguments: str
    outcome: str
    target: str
    amount: Decimal | None
    currency: str
    person: str
    reason: str
    rule: str
    explanation: str
    tier: str
    request: str
    assigned_to: str
    proposed_seq: int
    proposed_at: dt.datetime
    changed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ActionPage:
    """Actions in the order they were proposed. `after` is the cursor of the next page, 0 when there is none."""

    cards: tuple[ActionCard, ...]
    total: int
    after: int


def action_page(run: str, *, after: int = 0, limit: int = 50, state: str = "") -> ActionPage:
    found = models.Action.objects.filter(run_id=run)
    if state:
        found = found.filter(state=state)
    rows = list(found.filter(proposed_seq__gt=after).order_by("proposed_seq")[: limit + 1])
    cards = cards_of(rows[:limit])
    return ActionPage(cards, found.count(), cards[-1].proposed_seq if len(rows) > limit else 0)


def latest(run: str, *, state: str, limit: int, before: str = "") -> tuple[ActionCard, ...]:
    """A run's actions in one state, the newest first; with `before` only those proposed before that action."""
    found = models.Action.objects.filter(run_id=run, state=state)
    if before:
        asked = models.Action.objects.filter(run_id=run, action=before).values("proposed_seq")[:1]
        found = found.filter(proposed_seq__lt=asked)
    return cards_of(found.order_by("-proposed_seq")[:limit])


def recent(*, since: dt.datetime, limit: int) -> tuple[ActionCard, ...]:
    """Actions of all runs that the gate weighed since a moment, the newest first."""
    found = models.Action.objects.filter(proposed_at__gte=since, consequential=True).exclude(state="proposed")
    return cards_of(found.order_by("-proposed_at")[:limit])


def action_card(run: str, action: str) -> ActionCard:
    rows = list(models.Action.objects.filter(run_id=run, action=action)[:1])
    if not rows:
        raise UnknownAction(run=run, action=action)
    return cards_of(rows)[0]


def state_of(run: str, action: str) -> str:
    """The state of one action, and nothing else of it: asked while a stream is locked. Raises UnknownAction."""
    rows = sql.run(
        'SELECT state FROM "orchestrator_action" WHERE run_id=$1::uuid AND action=$2', [run, action]
    )
    if not rows:
        raise UnknownAction(run=run, action=action)
    return str(rows[0][0])


def waiting_actions(
    *, states: tuple[str, ...] = ("held", "unconfirmed"), limit: int = 5
) -> tuple[ActionCard, ...]:
    """Actions that wait for a person, the oldest first."""
    rows = list(models.Action.objects.filter(state__in=states).order_by("proposed_at")[:limit])
    named = models.Run.objects.filter(pk__in={row.run_id for row in rows}).values_list(
        "pk", "title", "workflow_name"
    )
    return cards_of(rows, {pk: title or name for pk, title, name in named})


def cards_of(rows: Iterable[models.Action], names: dict[object, str] | None = None) -> tuple[ActionCard, ...]:
    names = names or {}
    return tuple(
        ActionCard(
            run=str(row.run_id),
            run_name=names.get(row.run_id, ""),
            action=row.action,
            turn=row.turn,
            stage=row.stage,
            agent=row.agent,
            tool=row.tool,
            tool_version=row.tool_version,
            state=row.state,
            consequential=row.consequential,
            digest=row.digest,
            arguments=row.arguments,
            outcome=row.outcome,
            target=row.target,
            amount=_plain(row.amount),
            currency=row.currency or "",
            person=row.person or "",
            reason=row.reason,
            rule=row.rule,
            explanation=row.explanation,
            tier=row.tier,
            request=row.request,
            assigned_to=row.assigned_to,
            proposed_seq=row.proposed_seq,
            proposed_at=row.proposed_at,
            changed_at=row.changed_at,
        )
        for row in rows
    )


def _plain(amount: Decimal | None) -> Decimal | None:
    """The amount with two decimals or as many as it has: the column pads it to ten."""
    if amount is None:
        return None
    cents = amount.quantize(Decimal("0.01"))
    return cents if cents == amount else amount.normalize()
