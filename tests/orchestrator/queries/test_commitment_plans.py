"""A page of commitments walks an index from its cursor, so it costs the same however many stand before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestrator import models
from orchestrator.domain.callers import Caller
from orchestrator.queries import CommitmentFilter, external
from orchestrator.queries import all_commitments as queries

pytestmark = pytest.mark.django_db
ROWS = 30_000
RUN = "00000000-0000-0000-0000-000000000007"
PERSON = Caller(
    token="p", scopes=frozenset({"read"}), person="operator", permissions=frozenset({"orchestrator.view_run"})
)
AGENT = Caller(token="a", scopes=frozenset({"read"}), agent="a3", revision=1)
QUESTIONS = {
    "all": (PERSON, CommitmentFilter(), "commitment_newest"),
    "state": (PERSON, CommitmentFilter(state="violated"), "commitment_by_state"),
    "agent": (PERSON, CommitmentFilter(agent="a7"), "commitment_by_debtor"),
    "agent and state": (PERSON, CommitmentFilter(agent="a3", state="created"), "commitment_debtor_state"),
    "run": (PERSON, CommitmentFilter(run=RUN), "commitment_run_newest"),
    "common words": (PERSON, CommitmentFilter(words="comm"), "commitment_newest"),
    "an agent's own": (AGENT, CommitmentFilter(), "commitment_by_debtor"),
    "an agent's own in one state": (AGENT, CommitmentFilter(state="created"), "commitment_debtor_state"),
}


@pytest.fixture(scope="module")
def many(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """30,000 commitments of 8 agents in 3,000 runs, a third of them in one run; written and taken away again."""
    blank = {"TextField": "''", "BooleanField": "false", "DateTimeField": "now()"}
    rest = {
        field.column: blank.get(field.get_internal_type(), "0")
        for field in models.Run._meta.fields
        if field.column not in {"id", "workflow", "pattern"}
    }
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO orchestrator_run (id, workflow, pattern, {', '.join(rest)}) "
            "SELECT CASE WHEN n=0 THEN %s::uuid ELSE md5(n::text)::uuid END, 'external-a'||n%%8, 'external', "
            f"{', '.join(rest.values())} FROM generate_series(0, 2999) n",
            [RUN],
        )
        cursor.execute(
            "INSERT INTO orchestrator_commitment (id, run_id, commitment, debtor, creditor, consequent, antecedent, "
            "premises, due, state, created_seq, created_at, changed_at) "
            "SELECT run||'.c'||n, run, 'c'||n, 'a'||owner, 'rita', 'common needle'||n%%3000, '', '[]', '', "
            "CASE WHEN n%%97=0 THEN 'violated' WHEN n%%5=0 THEN 'created' ELSE 'discharged' END, n, at, at "
            "FROM (SELECT n, CASE WHEN n%%3=0 THEN %s::uuid ELSE md5((n%%2999+1)::text)::uuid END AS run, "
            "CASE WHEN n%%3=0 THEN 0 ELSE (n%%2999+1)%%8 END AS owner, "
            "'2026-01-01'::timestamptz + n*interval '1 second' AS at FROM generate_series(1, %s) n) AS made",
            [RUN, ROWS],
        )
        cursor.execute("SELECT gin_clean_pending_list('commitment_words')")
        cursor.execute("ANALYZE orchestrator_commitment, orchestrator_run")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE orchestrator_commitment, orchestrator_run CASCADE")


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_page_walks_an_index_and_begins_at_its_cursor(many: None, name: str) -> None:
    caller, wanted, index = QUESTIONS[name]
    for cursor in ("", "2026-01-01T02:00:00Z_ffffffff-ffff-ffff-ffff-ffffffffffff.c1"):
        plan = _plans(caller, wanted, cursor)[-2]
        assert index in plan, plan
        assert "Sort" not in plan, plan
        assert _most(plan) <= 60, plan


def test_rare_words_are_looked_up(many: None) -> None:
    for plan in _plans(PERSON, CommitmentFilter(words="needle1717 common")):
        assert "Seq Scan on orchestrator_commitment" not in plan, plan
        assert _most(plan) <= queries.RARE, plan


def test_the_agents_are_named_by_one_look_for_each(many: None) -> None:
    assert sorted(queries.debtors()) == sorted(f"a{number}" for number in range(8))


def _plans(caller: Caller, wanted: CommitmentFilter, cursor: str = "") -> list[str]:
    """The plan of each statement that a page asks, as it was carried out; the last but one finds its rows."""
    with CaptureQueriesContext(connection) as met:
        found, _ = external.all_commitments(caller, wanted, cursor=cursor)
    assert found
    plans = []
    with connection.cursor() as asked:
        for query in met.captured_queries:
            asked.execute(f"EXPLAIN ANALYZE {query['sql']}")
            plans.append("\n".join(line for (line,) in asked.fetchall()))
    return plans


def _most(plan: str) -> int:
    """How many rows the largest step reads or drops."""
    read = [
        round(float(rows)) * int(times)
        for rows, times in re.findall(r"actual.* rows=(\S+) loops=(\d+)", plan)
    ]
    return max([*read, *(int(number) for number in re.findall(r"Rows Removed by \S+: (\d+)", plan))])
