"""A run's whole life leaves a record that can be proven, and a record that was touched fails the proof."""

from __future__ import annotations

import pytest
from django.utils import timezone

from approvals.services import sign_offs
from orchestrator import models
from tests.approvals import runs
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_payment_that_was_held_signed_off_and_paid_leaves_an_exact_record(reviewer: object) -> None:
    run = runs.held_run()
    request = runs.request_of(run)
    sign_offs.sign_off(
        request=str(request.pk),
        by=reviewer,
        verb="approve",
        seen_digest=request.digest,
        seen_version=request.version,
        now=timezone.now(),
    )
    runs.work(run)
    assert runs.status_of(run) == "executed"
    assert_record_is_exact()


def test_a_row_that_was_touched_fails_the_proof() -> None:
    run = runs.start()
    assert_record_is_exact()
    models.Run.objects.filter(id=run).update(state="succeeded")
    with pytest.raises(AssertionError):
        assert_record_is_exact()
