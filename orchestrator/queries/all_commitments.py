"""Commitments over all runs: who committed itself to what, towards whom, in which run, and what became of it.

A page is a walk along one index from a cursor: never a count, never an offset.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from orchestrator import models
from orchestrator.domain import ids
from orchestrator.models.commitment import WORDS
from orchestrator.queries.commitments import CommitmentCard, cards_of
from orchestrator.queries.newest import newest

# Words that stand in no more commitments than this are looked up and sorted; others are met soon on the walk.
RARE = 1_000
MOST_DEBTORS = 200
_NAME = re.compile(r"c[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class CommitmentFilter:
    """Which commitments are asked for. Empty fields ask for all; `agent` is the debtor."""

    state: str = ""
    agent: str = ""
    run: str = ""
    words: str = ""

    @property
    def is_empty(self) -> bool:
        return self == CommitmentFilter()


@dataclass(frozen=True, slots=True)
class CommitmentLine(CommitmentCard):
    """A commitment as a list over all runs gives it: with the run in which it was made."""

    run_title: str
    run_state: str
    workflow: str


def commitment_lines(
    wanted: CommitmentFilter, *, of: QuerySet[models.Run] | None = None, cursor: str = "", limit: int = 50
) -> tuple[tuple[CommitmentLine, ...], str]:
    """Commitments, the newest first, and the cursor of the next page or "". With `of` those of these runs alone.

    Raises NoSuchCursor.
    """
    rows, more = newest(_matching(wanted, of), "created_at", cursor=cursor, limit=limit, key=_key)
    return _lines(cards_of(rows)), more


def any_commitment() -> bool:
    """Whether any agent ever committed itself to anything."""
    return models.Commitment.objects.exists()


def debtors() -> tuple[str, ...]:
    """Agents that committed themselves, by name: one look into the index for each, however much each of them did."""
    table = models.Commitment._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE found(debtor) AS ((SELECT debtor FROM {table} ORDER BY debtor LIMIT 1) "
            f"UNION ALL SELECT (SELECT debtor FROM {table} AS next WHERE next.debtor>found.debtor "
            "ORDER BY debtor LIMIT 1) FROM found WHERE debtor IS NOT NULL) "
            "SELECT debtor FROM found WHERE debtor IS NOT NULL LIMIT %s",
            [MOST_DEBTORS],
        )
        return tuple(debtor for (debtor,) in cursor.fetchall())


def _matching(wanted: CommitmentFilter, of: QuerySet[models.Run] | None) -> QuerySet[models.Commitment]:
    found = models.Commitment.objects.all()
    if wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.agent:
        found = found.filter(debtor=wanted.agent)
    if wanted.run:
        found = found.filter(run_id=wanted.run)
    if of is not None:
        # Asked of each row that the walk meets, and never a list of all these runs.
        seen = Subquery(of.filter(pk=OuterRef("run_id")).values("pk")[:1])
        found = found.alias(seen=seen).filter(seen__isnull=False)
    return _with_words(found, wanted.words) if wanted.words else found


def _with_words(found: QuerySet[models.Commitment], words: str) -> QuerySet[models.Commitment]:
    asked = SearchQuery(_beginnings(words), search_type="raw", config="simple")
    with_words = models.Commitment.objects.alias(said=WORDS).filter(said=asked)
    keys = list(with_words.values_list("pk", flat=True)[: RARE + 1])
    return found.filter(pk__in=keys) if len(keys) <= RARE else found.alias(said=WORDS).filter(said=asked)


def _beginnings(words: str) -> str:
    """Each word quoted, and found by its beginning; all of them must be there."""
    plain = words.replace("\0", " ").replace("\\", " ").replace("'", " ").split()
    return " & ".join(f"'{word}':*" for word in plain)


def _lines(cards: Sequence[CommitmentCard]) -> tuple[CommitmentLine, ...]:
    """The cards with their runs, in one read for all of them."""
    rows = models.Run.objects.filter(pk__in={card.run for card in cards})
    runs = {
        str(run): (title or name, state, workflow)
        for run, title, name, state, workflow in rows.values_list(
            "id", "title", "workflow_name", "state", "workflow"
        )
    }
    lines = []
    for card in cards:
        title, state, workflow = runs.get(card.run, ("", "", ""))
        lines.append(CommitmentLine(**asdict(card), run_title=title, run_state=state, workflow=workflow))
    return tuple(lines)


def _key(text: str) -> str:
    run, _, name = text.partition(".")
    if not _NAME.fullmatch(name):
        raise ValueError(text)
    return ids.row_id(str(uuid.UUID(run)), name)
