"""The Commitments page: its filters as an address, and what agents of all runs committed themselves to."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from monitoring.queries.runs_page import MOST_WORDS, PER_PAGE, Chip
from orchestrator.queries import CommitmentFilter, CommitmentLine
from orchestrator.queries import watching as queries

# As the record names them, and as a person reads them: what was made and not settled stands.
STATES = {"created": "stands", "violated": "violated", "discharged": "discharged", "cancelled": "cancelled"}


@dataclass(frozen=True)
class CommitmentsPage:
    """`debtors` are the agents to choose from, the one asked for among them. `is_any` says of an empty page whether any
    agent ever committed itself. `older` is the next page's address."""

    lines: tuple[CommitmentLine, ...]
    wanted: CommitmentFilter
    debtors: tuple[str, ...]
    chips: tuple[Chip, ...]
    older: str
    is_first: bool
    first_url: str
    is_any: bool


def commitments_page(asked: QueryDict) -> CommitmentsPage:
    """A cursor that cannot be read is the first page."""
    wanted, cursor = _filter(asked), asked.get("older", "")[:100]
    try:
        lines, more = queries.commitment_lines(wanted, cursor=cursor, limit=PER_PAGE)
    except queries.NoSuchCursor:
        cursor = ""
        lines, more = queries.commitment_lines(wanted, limit=PER_PAGE)
    return CommitmentsPage(
        lines=lines,
        wanted=wanted,
        debtors=tuple(sorted({*queries.debtors(), *filter(None, [wanted.agent])})),
        chips=tuple(
            Chip(words, _address(replace(wanted, state="" if is_on else state)), is_on)
            for state, words in STATES.items()
            for is_on in (state == wanted.state,)
        ),
        older=_address(wanted, older=more) if more else "",
        is_first=not cursor,
        first_url=_address(wanted),
        is_any=bool(lines) or queries.any_commitment(),
    )


def _filter(asked: QueryDict) -> CommitmentFilter:
    state, run = asked.get("state", ""), ""
    with contextlib.suppress(ValueError):
        run = str(uuid.UUID(asked.get("run", "")))
    return CommitmentFilter(
        state=state if state in STATES else "",
        agent=asked.get("agent", "")[:MOST_WORDS],
        run=run,
        words=asked.get("q", "").strip()[:MOST_WORDS],
    )


def _address(wanted: CommitmentFilter, *, older: str = "") -> str:
    parts = {
        "q": wanted.words,
        "state": wanted.state,
        "agent": wanted.agent,
        "run": wanted.run,
        "older": older,
    }
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"?{query}" if query else "?"
