"""One person answers one request: what is decided, what is refused, and what the run hears of it."""

from __future__ import annotations

import datetime as dt
import uuid

import msgspec
import pytest
from django.utils import timezone

from approvals.domain import quorum
from approvals.models import ApprovalRequest, PolicyRevision, SignOff
from approvals.queries.requests import UnknownRequest
from approvals.services import policies, sign_offs
from orchestrator import eventlog, sql
from orchestrator.services import runs as run_service
from tests.approvals import runs
from tests.approvals.rows import move_deadline

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def answer(request, by, verb="approve", **changes):  # type: ignore[no-untyped-def]
    seen = {"seen_digest": request.digest, "seen_version": request.version, "reason": "", **changes}
    if verb == "reject":
        seen["reason"] = changes.get("reason", "wrong IBAN")
    return sign_offs.sign_off(request=str(request.id), by=by, verb=verb, now=timezone.now(), **seen)


def test_an_approval_releases_the_action_and_the_payment_is_made_once(reviewer):
    run = runs.held_run()
    request = runs.request_of(run)

    answered = answer(request, reviewer)

    request.refresh_from_db()
    assert (answered.status, request.status, request.version) == ("approved", "approved", 2)
    assert (request.decided_by, request.execute_by > request.decided_at) == ("reviewer", True)
    assert runs.status_of(run) == "released"
    assert runs.work(run) == 1
    assert runs.status_of(run) == "executed"
    assert [arguments["amount"] for _, arguments in runs.paid] == ["82000.00"]


def test_the_release_says_who_signed_in_which_role_and_what_they_were_shown(reviewer):
    run = runs.held_run()
    request = runs.request_of(run)

    answer(request, reviewer)

    released = next(event for event in eventlog.events_after(run, 0) if event.type == "action.released")
    payload = msgspec.json.decode(released.payload)
    (signed,) = payload["sign_offs"]
    assert released.actor == "user:reviewer"
    assert payload["request"] == str(request.id)
    assert payload["digest"] == request.digest
    assert (signed["who"], signed["role"], signed["verb"]) == ("reviewer", "reviewers", "approve")
    assert (signed["seen_digest"], signed["seen_version"]) == (request.digest, 1)


def test_a_rejection_refuses_the_action_and_the_agent_reads_why(reviewer):
    run = runs.held_run()
    request = runs.request_of(run)

    answer(request, reviewer, "reject", reason="wrong IBAN")

    request.refresh_from_db()
    assert (request.status, request.reason) == ("rejected", "wrong IBAN")
    assert runs.status_of(run) == "refused"
    (settled,) = runs.state_of(run).settled
    assert (settled.state, settled.text) == ("refused", "reviewer rejected it: wrong IBAN")
    assert runs.paid == []


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_rejection_needs_a_reason(reviewer, reason):
    request = runs.request_of(runs.held_run())

    with pytest.raises(sign_offs.ReasonMissing):
        answer(request, reviewer, "reject", reason=reason)

    assert SignOff.objects.count() == 0


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_the_same_answer_twice_is_success_and_counts_once(reviewer, verb):
    run = runs.held_run()
    request = runs.request_of(run)
    first = answer(request, reviewer, verb)

    second = answer(request, reviewer, verb)

    assert (first.repeated, second.repeated) == (False, True)
    assert second.status == first.status
    assert SignOff.objects.filter(request=request).count() == 1
    assert runs.types_of(str(request.id)) == ["request.opened", "request.signed"]


def test_who_comes_second_is_told_who_decided_how_when_and_why(reviewer, reviewer2):
    reviewer.first_name, reviewer.last_name = "Dana", "Reyes"
    reviewer.save()
    request = runs.request_of(runs.held_run())
    answer(request, reviewer, "reject", reason="wrong IBAN")

    with pytest.raises(sign_offs.Decided) as late:
        answer(request, reviewer2)

    assert late.value.message == "Dana Reyes (reviewer) rejected this just now: wrong IBAN"
    assert late.value.facts["by"] == "reviewer"
    assert late.value.status == 409


def test_the_other_answer_by_the_same_person_is_a_conflict(reviewer):
    request = runs.request_of(runs.held_run())
    answer(request, reviewer)

    with pytest.raises(sign_offs.Decided, match="reviewer approved this"):
        answer(request, reviewer, "reject")


@pytest.mark.parametrize(
    "seen", [{"seen_digest": "0" * 64}, {"seen_digest": ""}, {"seen_version": 2}, {"seen_version": 0}]
)
def test_an_answer_to_something_else_than_what_is_open_is_refused(reviewer, seen):
    run = runs.held_run()
    request = runs.request_of(run)

    with pytest.raises(sign_offs.Changed, match="changed since you opened it"):
        answer(request, reviewer, **seen)

    assert runs.status_of(run) == "held"


def test_nobody_approves_what_they_started_or_are_accountable_for(operator, admin, reviewer):
    for person in (operator, admin, reviewer):
        person.groups.add(*reviewer.groups.all())
    request = runs.request_of(runs.held_run(by="reviewer"))

    for person, why in ((reviewer, "started the run"), (admin, "accountable for the agent")):
        with pytest.raises(quorum.SelfSignOff, match=why):
            answer(request, person)


@pytest.mark.parametrize("person", ["operator", "admin"])
def test_people_who_are_part_of_the_action_may_reject_it(request, person):
    run = runs.held_run()

    answer(runs.request_of(run), request.getfixturevalue(person), "reject", reason="not mine")

    assert runs.status_of(run) == "refused"


def test_a_service_account_never_decides(reviewer):
    from django.contrib.auth.models import Group

    reviewer.groups.add(Group.objects.create(name="service"))
    request = runs.request_of(runs.held_run())

    for verb in ("approve", "reject"):
        with pytest.raises(quorum.NotEligible, match="service account"):
            answer(request, reviewer, verb)


def test_a_person_deactivated_since_signing_in_does_not_decide(reviewer):
    request = runs.request_of(runs.held_run())
    type(reviewer).objects.filter(pk=reviewer.pk).update(is_active=False)

    with pytest.raises(quorum.NotEligible, match="deactivated"):
        answer(request, reviewer)


def test_after_the_deadline_nothing_is_approved_even_without_a_sweep(reviewer):
    run = runs.held_run()
    request = runs.request_of(run)
    move_deadline(request, decide_by=timezone.now())

    with pytest.raises(sign_offs.TooLate):
        answer(request, reviewer)

    request.refresh_from_db()
    assert (request.status, runs.status_of(run)) == ("pending", "held")


def test_a_cancelled_run_withdraws_its_requests_in_the_same_commit(operator, reviewer):
    run = runs.held_run()
    request = runs.request_of(run)

    run_service.cancel_run(run=run, reason="wrong folder", by=operator, now=timezone.now())

    request.refresh_from_db()
    assert request.status == "withdrawn"
    with pytest.raises(sign_offs.Decided, match="withdrawn just now: The run was cancelled: wrong folder"):
        answer(request, reviewer)


def test_an_approved_but_unused_request_is_withdrawn_too(operator, reviewer):
    run = runs.held_run()
    request = runs.request_of(run)
    answer(request, reviewer)

    run_service.cancel_run(run=run, reason="stop", by=operator, now=timezone.now())

    request.refresh_from_db()
    assert (request.status, request.decided_by) == ("withdrawn", "reviewer")
    assert runs.work(run) == 0


@pytest.mark.parametrize("verb", ["", "allow", "APPROVE", "approve "])
def test_an_unknown_verb_is_refused(reviewer, verb):
    with pytest.raises(sign_offs.NoSuchAnswer):
        answer(runs.request_of(runs.held_run()), reviewer, verb)


@pytest.mark.parametrize("address", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_request_is_not_found(reviewer, address):
    with pytest.raises(UnknownRequest):
        sign_offs.sign_off(
            request=address, by=reviewer, verb="approve", seen_digest="", seen_version=1, now=timezone.now()
        )


@pytest.mark.parametrize("claimed", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_no_time_that_a_browser_claims_spoils_the_record(claimed, reviewer):
    run = runs.held_run()
    request = runs.request_of(run)

    answer(request, reviewer, opened_at=dt.datetime.fromisoformat(claimed))

    (given,) = SignOff.objects.filter(request=request)
    assert request.opened_at <= given.opened_at <= given.decided_at


def test_rows_read_as_prepared_text_are_the_rows_that_the_orm_reads(reviewer):
    policies.ensure_shipped(now=timezone.now())
    request = runs.request_of(runs.held_run())
    answer(request, reviewer)
    for model, condition, key in (
        (SignOff, "WHERE request_id=$1::uuid", request.id),
        (ApprovalRequest, "WHERE id=$1::uuid", request.id),
        (PolicyRevision, "WHERE slug=$1", request.policy),
    ):
        (read,) = sql.rows_of(model, condition, [key])
        wanted = model.objects.get(pk=read.pk)
        fields = [field.attname for field in model._meta.concrete_fields]
        assert [getattr(read, name) for name in fields] == [getattr(wanted, name) for name in fields]
    assert sql.rows_of(SignOff, "WHERE request_id=$1::uuid", [uuid.uuid4()]) == []
