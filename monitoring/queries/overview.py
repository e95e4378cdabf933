"""The Overview: the few things that answer whether a person is needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from approvals.queries.broken_glass import BrokenGlass, broken_glass
from approvals.queries.inbox import inbox
from monitoring.domain.amounts import cost_words, money_words, usd
from orchestrator.queries import ActionCard, Figures, RunCard
from orchestrator.queries import watching as queries

HOLD_EVERYTHING = "orchestrator.adapters.hold_everything.HoldEverything"
SEE_CASES = "approvals.view_approvalrequest"
MOST_RUNS, MOST_CASES, MOST_ENDED = 8, 5, 10


@dataclass(frozen=True)
class Case:
    """Something that waits for a person, as one line."""

    id: str
    sentence: str
    state: str
    words: str
    agent: str
    since: dt.datetime
    decide_by: dt.datetime | None
    url: str


@dataclass(frozen=True)
class Ended:
    card: RunCard
    cost: str


@dataclass(frozen=True)
class OverviewPage:
    figures: Figures
    spent: str
    spent_hint: str
    running: tuple[RunCard, ...]
    cases: tuple[Case, ...]
    cases_total: int
    cases_mine: bool
    inbox_url: str
    ended: tuple[Ended, ...]
    start_url: str
    has_no_gate: bool
    broken_glass: tuple[BrokenGlass, ...]
    since: dt.datetime


def overview_page(*, person: Any, now: dt.datetime) -> OverviewPage:
    figures = queries.figures(now=now)
    since = now - dt.timedelta(days=1)
    cases, total, are_mine = _cases(person)
    unpriced = figures.unpriced_today
    return OverviewPage(
        figures=figures,
        spent=usd(figures.spent_today).removesuffix(" USD"),
        spent_hint=f"and {unpriced:,} call{'s' if unpriced > 1 else ''} of unknown price" if unpriced else "",
        running=queries.runs_in_progress(limit=MOST_RUNS),
        cases=cases,
        cases_total=total,
        cases_mine=are_mine,
        inbox_url=_url("approvals:inbox") if person.has_perm(SEE_CASES) else "",
        ended=tuple(
            Ended(card, cost_words(card.cost, unpriced=card.unpriced, tokens=card.tokens))
            for card in queries.runs_ended_since(since, limit=MOST_ENDED)
        ),
        start_url=_url("orchestrator:new_run") if person.has_perm("orchestrator.start_run") else "",
        has_no_gate=settings.COUNTERSIGN_GATE == HOLD_EVERYTHING,
        broken_glass=tuple(broken_glass(now)),
        since=since,
    )


def _cases(person: Any) -> tuple[tuple[Case, ...], int, bool]:
    """What waits: for a reviewer their own inbox, for others everything that is held or unconfirmed."""
    unconfirmed = tuple(
        Case(
            id=f"{action.run}.{action.action}",
            sentence=f"Find out whether {action.tool} happened{f' ({action.target})' if action.target else ''}",
            state="unconfirmed",
            words="unconfirmed",
            agent=action.agent,
            since=action.changed_at,
            decide_by=None,
            url=reverse("monitoring:run_actions", args=[action.run]) + "?state=unconfirmed",
        )
        for action in queries.waiting_actions(states=("unconfirmed",), limit=MOST_CASES)
    )
    are_mine = person.has_perm("approvals.sign_off")
    found = inbox(person=person, tab="mine" if are_mine else "waiting")
    held = tuple(
        Case(
            id=str(row.id),
            sentence=row.sentence,
            state="held",
            words=row.tier,
            agent=row.agent,
            since=row.opened_at,
            decide_by=row.decide_by,
            url=_url("approvals:case", row.id) or reverse("monitoring:run_actions", args=[row.run]),
        )
        for row in found.rows[:MOST_CASES]
        if row.is_pending
    )
    total = found.total
    if not held and not are_mine:
        # Without a gate no request is opened, and what is held must still be seen.
        held = tuple(_held(action) for action in queries.waiting_actions(states=("held",), limit=MOST_CASES))
        total = len(held)
    both: Sequence[Case] = (*unconfirmed, *held)
    return tuple(both[:MOST_CASES]), total + len(unconfirmed), are_mine


def _held(action: ActionCard) -> Case:
    amount = money_words(str(action.amount or ""), action.currency)
    about = ", ".join(filter(None, (amount, action.target)))
    return Case(
        id=f"{action.run}.{action.action}",
        sentence=f"{action.tool}{f': {about}' if about else ''}",
        state="held",
        words=action.tier or "held",
        agent=action.agent,
        since=action.proposed_at,
        decide_by=None,
        url=reverse("monitoring:run_actions", args=[action.run]) + "?state=held",
    )


def _url(name: str, *values: Any) -> str:
    """An address of another app, empty while that app has no such page."""
    try:
        return reverse(name, args=values)
    except NoReverseMatch:
        return ""
