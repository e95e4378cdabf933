"""What is left of a case, and of what is made from past calls, once large content was let go."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from approvals.domain import terms
from approvals.models import ApprovalRequest
from approvals.services import dry_run
from orchestrator import sql
from tests import callers
from tests.approvals import runs
from tests.approvals.answers import reject
from tests.approvals.views.test_case import browser, words
from tests.callers import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def large(operator: Any, admin: Any, reviewer: Any) -> ApprovalRequest:
    """A request whose call is kept as a blob."""
    return runs.request_of(runs.held_run({**runs.PAYMENT, "note": "n" * 4000}))


def erase() -> None:
    sql.run("UPDATE orchestrator_blob SET data=NULL, erased_because='She asked for it'")


def test_a_decided_case_stays_readable_when_its_call_was_erased(large, reviewer):
    reject(large, reviewer)
    erase()

    page = browser(reviewer).get(reverse("approvals:case", args=[large.id]))

    assert page.status_code == 200
    assert "This content was erased: She asked for it" in words(page)
    assert "rejected by reviewer" in words(page)
    asked = Api(callers.person_token(reviewer).secret).get(f"/approval-requests/{large.pk}").json()
    assert asked["arguments"] is None
    assert asked["arguments_left_out"] == "This content was erased: She asked for it"


def test_a_case_that_waits_without_its_call_is_not_shown_at_all(large, reviewer):
    erase()

    assert browser(reviewer).get(reverse("approvals:case", args=[large.id])).status_code == 404


def test_a_dry_run_says_how_many_calls_were_erased(large, reviewer):
    runs.held_run()
    erase()

    found = dry_run.dry_run(terms.STRICT, days=7, now=timezone.now())

    assert (found.assessed, found.erased) == (1, 1)
    with pytest.raises(dry_run.Gone):
        dry_run.try_past(terms.STRICT, str(large.run), large.action)
