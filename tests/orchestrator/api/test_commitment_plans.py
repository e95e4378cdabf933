"""The list of commitments over all runs is read by its indexes: the same part of the tables, however many there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from monitoring.queries.commitments_page import commitments_page
from orchestrator.models import Commitment
from tests.callers import Api

pytestmark = pytest.mark.django_db


def _many() -> None:
    """Twenty thousand commitments more, as rows."""
    table = Commitment._meta.db_table
    names = [field.column for field in Commitment._meta.fields]
    changed = {
        "id": "run_id || '.c' || n",
        "commitment": "'c' || n",
        "consequent": "'does ' || n",
        "created_at": "created_at - n * interval '1 second'",
    }
    picked = ", ".join(changed.get(name, f'"{name}"') for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {picked} "
            f"FROM {table}, generate_series(1000, 20999) AS n WHERE consequent='calls the bank'"
        )
        cursor.execute(f"ANALYZE {table}")


@pytest.mark.parametrize(
    "asked", ["", "state=created", "agent=courier", "agent=courier&state=created", "q=17171"]
)
def test_a_page_reads_a_bounded_part_however_many_there_are(courier: Api, run: str, asked: str) -> None:

    def plans() -> list[int]:
        """How many rows the largest step of each statement reads or drops."""
        with CaptureQueriesContext(connection) as queries:
            page = commitments_page(QueryDict(asked))
        assert page.lines
        most = []
        with connection.cursor() as cursor:
            for query in queries.captured_queries:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
                most.append(_most(cursor.fetchone()[0][0]["Plan"]))
        return most

    courier.post(f"/runs/{run}/commitments", {"creditor": "treasurer", "consequent": "calls the bank"})
    _many()
    assert max(plans()) < 1_000


def _most(plan: dict[str, Any]) -> int:
    dropped = plan.get("Rows Removed by Filter", 0)
    own = int((plan["Actual Rows"] + dropped) * plan["Actual Loops"])
    return max([own, *(_most(part) for part in plan.get("Plans", []))])
