"""Canaries: they look like what they imitate, can never run, and who approves one is counted."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import terms
from approvals.models import ApprovalRequest, Canary
from approvals.queries import canaries as queries
from approvals.queries import case, oversight
from approvals.services import canaries, desk, edits, policies
from orchestrator.adapters import canary as behind
from orchestrator.domain import schemas
from orchestrator.services import release
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db
FLAW = "The account is not the supplier's."


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def plant(by, **changes: object) -> ApprovalRequest:  # type: ignore[no-untyped-def]
    """A canary like a real payment, before people."""
    like = runs.request_of(runs.held_run())
    call = {**runs.PAYMENT, "iban": "DE02120300000000202051"}
    given = {"stated_reason": "The invoice matched.", "flaw": FLAW, "key": str(uuid.uuid4()), **changes}
    run = canaries.plant(like=str(like.id), arguments=call, by=by, now=timezone.now(), **given)  # type: ignore[arg-type]
    runs.work(run, ("turn", "assess"))
    return runs.request_of(run)


def test_it_reads_like_the_request_that_it_imitates(admin, reviewer):
    found = plant(admin)
    shown = case.case(request=str(found.id), person=reviewer)

    assert (found.tool, found.agent, found.workflow) == ("tests.pay", "treasurer", "settlement")
    assert shown.sentence.startswith("Pay 82,000.00 EUR to ACME GmbH (DE02")
    assert (shown.flaw, shown.stated_reason) == ("", "The invoice matched.")
    page = Client()
    page.force_login(reviewer)
    text = page.get(reverse("approvals:case", args=[found.id])).content.decode()
    assert [one.kind for one in shown.origins] == ["unknown"] * 4  # as of the request that it imitates
    assert "canary" not in text.lower().replace("data-canary", "")
    assert case.case(request=str(found.id), person=admin).flaw == FLAW


def test_approved_it_is_refused_instead_of_released_and_nothing_is_left_to_execute(admin, reviewer):
    found = plant(admin)
    answered = approve(found, reviewer)
    run = str(found.run)

    assert answered.status == "approved"
    runs.work(run, ("execute", "turn"))
    assert "action.released" not in runs.types_of(run)
    assert "action.claimed" not in runs.types_of(run)
    assert runs.status_of(run) == "refused"
    assert runs.paid == []


def test_even_a_release_past_all_of_it_is_refused_at_the_claim(admin):
    found = plant(admin)
    run = str(found.run)
    signed = release.SignedBy(
        who="reviewer",
        role="reviewers",
        verb="approve",
        at="",
        seen_digest=found.digest,
        seen_version=found.version,
    )
    release.release(
        run=run,
        action="a1",
        request=str(found.id),
        digest=found.digest,
        policy=found.policy,
        policy_revision=found.policy_revision,
        sign_offs=[signed],
        by="user:admin",
        now=timezone.now(),
    )
    runs.work(run, ("execute",))
    assert "action.claimed" not in runs.types_of(run)
    assert behind.never_run({}, None) == {"executed": False}  # type: ignore[arg-type]


def test_a_policy_that_would_allow_it_holds_it_all_the_same(admin, reviewer3):
    real = runs.start()
    runs.propose(real, {"text": "hello"}, tool="tests.held_note")
    runs.work(real, ("assess",))
    like = str(runs.request_of(real).id)
    mild = replace(terms.STRICT, allowed=("routine", "outward"))
    policies.publish_policy(policy=mild, by=admin, now=timezone.now())
    other = runs.start()
    runs.propose(other, {"text": "hello"}, tool="tests.held_note")
    runs.work(other, ("assess",))
    call: dict[str, Any] = {"arguments": {"text": "hello"}, "stated_reason": "", "flaw": FLAW, "key": "k"}
    run = canaries.plant(like=like, by=admin, now=timezone.now(), **call)
    runs.work(run, ("turn", "assess"))

    assert runs.status_of(other) == "allowed"
    assert runs.request_of(run).status == "pending"


def test_who_planted_it_may_not_approve_it(admin, reviewer):
    shown = case.case(request=str(plant(reviewer).id), person=reviewer)
    assert not shown.answer.may_approve


def test_approvals_of_canaries_are_counted_for_who_gave_them(admin, reviewer, reviewer2):
    approve(plant(admin), reviewer)
    reject(plant(admin), reviewer2)
    lines = {
        one.reviewer: one for one in oversight.reviewer_lines(since=timezone.now() - dt.timedelta(days=1))
    }

    assert (lines["reviewer"].canaries, lines["reviewer"].canaries_approved) == (1, 1)
    assert (lines["reviewer2"].canaries, lines["reviewer2"].canaries_approved) == (1, 0)
    assert sorted(str(one.was_caught) for one in queries.planted()) == ["False", "True"]


def test_a_canary_that_somebody_corrects_stays_a_canary(admin, reviewer, reviewer2):
    found = plant(admin)
    new = edits.edit(
        request=str(found.id),
        by=reviewer,
        tool="tests.pay",
        arguments=runs.PAYMENT,
        seen_digest=found.digest,
        seen_version=found.version,
        reason="The account was wrong.",
        now=timezone.now(),
    )
    approve(ApprovalRequest.objects.get(pk=new), reviewer2)
    assert runs.status_of(str(found.run)) == "refused"
    assert "action.released" not in runs.types_of(str(found.run))


@pytest.mark.parametrize("changes", [{"flaw": " "}, {"flaw": "x" * 2001}])
def test_what_cannot_be_planted_leaves_nothing(admin, changes):
    with pytest.raises(canaries.NotPlanted):
        plant(admin, **changes)
    assert not Canary.objects.exists()


def test_a_call_that_the_tool_would_not_take_is_not_planted(admin):
    like = runs.request_of(runs.held_run())
    with pytest.raises(schemas.SchemaMismatch):
        canaries.plant(
            like=str(like.id),
            arguments={"x": 1},
            stated_reason="",
            flaw=FLAW,
            key="k",
            by=admin,
            now=timezone.now(),
        )


def test_planting_twice_under_one_key_plants_once(admin):
    like = str(runs.request_of(runs.held_run()).id)
    given = {"arguments": runs.PAYMENT, "stated_reason": "", "flaw": FLAW, "key": "k", "by": admin}
    first = canaries.plant(like=like, now=timezone.now(), **given)
    assert canaries.plant(like=like, now=timezone.now(), **given) == first
    assert Canary.objects.count() == 1


def test_the_rows_are_what_the_log_says(admin, reviewer):
    approve(plant(admin), reviewer)
    desk.snooze(request=str(plant(admin).id), by=reviewer, now=timezone.now())
    assert_record_is_exact()
