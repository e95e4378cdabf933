"""The Runs page: its filters as an address, and the rows that match them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import QueryDict

from monitoring.domain.amounts import cost_words
from orchestrator.queries import Choices, RunCard, RunFilter
from orchestrator.queries import watching as queries

STATES = ("running", "waiting", "paused", "succeeded", "failed", "cancelled")
PER_PAGE = 50
MOST_WORDS = 200


@dataclass(frozen=True)
class Row:
    card: RunCard
    cost: str


@dataclass(frozen=True)
class Chip:
    """A filter that is switched on or off by one click."""

    label: str
    url: str
    is_on: bool


@dataclass(frozen=True)
class RunsPage:
    rows: tuple[Row, ...]
    total: int
    wanted: RunFilter
    choices: Choices
    chips: tuple[Chip, ...]
    attention: Chip
    older: str
    is_first: bool
    first_url: str
    hidden: Mapping[str, str]


def runs_page(asked: QueryDict) -> RunsPage:
    wanted = _filter(asked)
    cursor = asked.get("older", "")[:100]
    found = queries.run_page(wanted, older=cursor, limit=PER_PAGE)
    return RunsPage(
        rows=tuple(
            Row(card, cost_words(card.cost, unpriced=card.unpriced, tokens=card.tokens))
            for card in found.cards
        ),
        total=found.total,
        wanted=wanted,
        choices=queries.choices(),
        chips=tuple(Chip(state, _address(wanted, toggle=state), state in wanted.states) for state in STATES),
        attention=Chip("needs attention", _address(wanted, attention=not wanted.attention), wanted.attention),
        older=_address(wanted, older=found.older) if found.older else "",
        is_first=not cursor,
        first_url=_address(wanted),
        hidden={
            name: value
            for name, value in (
                ("state", ",".join(wanted.states)),
                ("attention", "yes" if wanted.attention else ""),
            )
            if value
        },
    )


def _filter(asked: QueryDict) -> RunFilter:
    return RunFilter(
        states=tuple(state for state in STATES if state in asked.get("state", "").split(",")),
        workflow=asked.get("workflow", "")[:MOST_WORDS],
        started_by=asked.get("by", "")[:MOST_WORDS],
        attention=asked.get("attention", "") == "yes",
        words=asked.get("q", "").strip()[:MOST_WORDS],
    )


def _address(wanted: RunFilter, *, toggle: str = "", attention: bool | None = None, older: str = "") -> str:
    states = set(wanted.states) ^ {toggle} if toggle else set(wanted.states)
    parts = {
        "q": wanted.words,
        "state": ",".join(state for state in STATES if state in states),
        "workflow": wanted.workflow,
        "by": wanted.started_by,
        "attention": "yes" if (wanted.attention if attention is None else attention) else "",
        "older": older,
    }
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"?{query}" if query else "?"
