"""A run with its stages, put together from its row and its folded state."""

from __future__ import annotations

import pytest

from orchestrator import models
from orchestrator.queries.stages import run_detail
from tests.orchestrator import runs

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_head_is_that_of_the_row_and_the_state() -> None:
    run = runs.begin()
    assert run_detail(run).head == runs.state_of(run).seq


def test_a_row_that_was_read_before_the_state_moved_on_gives_the_older_head() -> None:
    # A page that follows from this head is told what came between its two readings.
    run = runs.begin()
    models.Run.objects.filter(id=run).update(head=1)
    assert run_detail(run).head == 1 < runs.state_of(run).seq
