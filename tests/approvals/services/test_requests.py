"""What the gate opens, and when an approval no longer holds at the moment it is to be used."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from itertools import product

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from approvals.domain import record, terms
from approvals.domain import requests as lifecycle
from approvals.models import ApprovalRequest, PolicyRevision, SignOff
from approvals.services import policies, rebuild, requests, sign_offs
from orchestrator import dispatch, eventlog
from orchestrator.domain import digests
from orchestrator.domain.specs import Limit
from orchestrator.services import catalogue, facts
from orchestrator.services import runs as run_services
from tests.approvals import runs
from tests.approvals.rows import move_deadline, unguarded

pytestmark = pytest.mark.django_db
replace = msgspec.structs.replace


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def approve(request, by):  # type: ignore[no-untyped-def]
    return sign_offs.sign_off(
        request=str(request.id),
        by=by,
        verb="approve",
        seen_digest=request.digest,
        seen_version=request.version,
        now=timezone.now(),
    )


def opened(request: ApprovalRequest) -> record.Opened:
    return msgspec.json.decode(request.opened, type=record.Opened)


def events_of_approvals() -> list[eventlog.Stored]:
    return [
        event
        for kind in ("approval", "policy")
        for stream, *_ in eventlog.streams(kind)
        for event in eventlog.events_after(stream, 0)
    ]


def scope_with(**changes: object) -> object:
    scope = replace(runs.SCOPE, **changes)
    return replace(runs.SPEC, agents={"treasurer": replace(runs.AGENT, scope=scope)})


def test_a_held_payment_opens_one_request_that_says_everything():
    run = runs.held_run()

    request = runs.request_of(run)

    found = opened(request)
    assert request.sentence == "Pay 82,000.00 EUR to ACME GmbH (DE89…3000)"
    assert request.explanation == "This action of 82,000.00 EUR is financial: a person always decides."
    assert (request.status, request.version, request.tier) == ("pending", 1, "high")
    assert request.digest == runs.state_of(run).actions["a1"].digest
    assert request.decide_by - request.opened_at == dt.timedelta(hours=4)
    assert [(one.person, one.code) for one in found.excluded] == [
        ("operator", "started_run"),
        ("admin", "owns_agent"),
        ("operator", "on_behalf_of"),
    ]
    assert found.stated_reason == "The invoice matched."
    assert found.evidence[0].source == "invoice.xml"
    assert found.arguments == runs.state_of(run).actions["a1"].arguments


def test_a_case_keeps_where_the_values_of_its_call_stand():
    given = {"task": "Settle the invoices of ACME GmbH", "files": []}
    run = run_services.start_revision(
        spec=digests.encode(runs.SPEC), inputs=given, key="origins", by="operator", now=timezone.now()
    )
    runs.propose(run, runs.PAYMENT, reason="82000.00 EUR are due")
    runs.work(run, ("assess",))

    found = {one.argument: one.kind for one in opened(runs.request_of(run)).origins}

    assert found == {"payee": "task", "amount": "agent", "currency": "agent", "iban": "unknown"}


def test_routine_actions_run_without_asking_anybody():
    run = runs.start()
    runs.propose(run, {"text": "checked"}, tool="tests.note")

    runs.work(run)

    assert runs.status_of(run) == "executed"
    assert not ApprovalRequest.objects.filter(run=run).exists()


def test_what_is_over_the_scopes_limit_is_refused_and_nobody_is_asked():
    run = runs.held_run({**runs.PAYMENT, "amount": "100000.01"})

    assert runs.status_of(run) == "refused"
    assert "100,000.01 EUR is over the scope's limit of 100,000.00 EUR" in runs.state_of(run).settled[0].text
    assert not ApprovalRequest.objects.filter(run=run).exists()


def test_the_rolling_limit_counts_what_waits():
    spec = scope_with(limits=(Limit(currency="EUR", rolling="164000.00"),))

    run = runs.held_run(runs.PAYMENT, runs.PAYMENT, runs.PAYMENT, spec=spec)

    assert sorted(runs.status_of(run, action) for action in ("a1", "a2", "a3")) == ["held", "held", "refused"]


def test_an_amount_below_zero_makes_no_room_under_the_rolling_limit():
    spec = scope_with(limits=(Limit(currency="EUR", rolling="164000.00"),))
    refund = {**runs.PAYMENT, "amount": "-1000000.00"}

    run = runs.held_run(refund, runs.PAYMENT, runs.PAYMENT, runs.PAYMENT, spec=spec)

    held = [runs.status_of(run, action) for action in ("a2", "a3", "a4")]
    assert sorted(held) == ["held", "held", "refused"]


@pytest.mark.parametrize("amount", ["82000.001", "82,000", "8.2e4", "-1"])
def test_money_that_cannot_be_read_waits_for_a_person(amount):
    run = runs.held_run({**runs.PAYMENT, "amount": amount})

    assert runs.status_of(run) == "held"
    assert any(one.rule == "hold.money" for one in opened(runs.request_of(run)).findings)


def test_hidden_characters_are_visible_in_what_reviewers_read():
    run = runs.held_run({**runs.PAYMENT, "payee": "AC\u202eME", "iban": "DE\u0000"})

    assert runs.request_of(run).sentence == "Pay 82,000.00 EUR to AC⟨U+202E⟩ME (DE⟨U+0000⟩)"


# ---- the claim ----
def test_an_approval_that_was_not_used_in_time_lapses_and_the_action_is_asked_again(reviewer):
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)
    move_deadline(request, execute_by=timezone.now())

    runs.work(run)

    request.refresh_from_db()
    again = runs.request_of(run)
    assert (request.status, request.decided_by) == ("lapsed", "reviewer")
    assert request.reason == "The approval was not used within 15 minutes."
    assert (again.revision, again.status) == (2, "pending")
    assert (runs.status_of(run), runs.paid) == ("held", [])


def test_a_worker_whose_clock_is_behind_cannot_use_an_approval_late(reviewer):
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)
    move_deadline(request, execute_by=timezone.now())
    state = runs.state_of(run)
    known = facts.action_facts(state, state.actions["a1"])

    behind = timezone.now() - dt.timedelta(hours=1)
    objection = requests.check_claim(facts=known, request=str(request.id), at=behind)

    assert objection == "The approval was not used within 15 minutes."


def test_the_second_request_is_decided_anew(reviewer, reviewer2):
    run = runs.held_run()
    first = runs.request_of(run)
    approve(first, reviewer)
    move_deadline(first, execute_by=timezone.now())
    runs.work(run)

    approve(runs.request_of(run), reviewer2)
    runs.work(run)

    assert runs.status_of(run) == "executed"
    assert len(runs.paid) == 1


@pytest.mark.parametrize("change", ["deactivated", "left the group", "became a service"])
def test_an_approval_falls_with_the_person_who_gave_it(reviewer, change):
    from django.contrib.auth.models import Group

    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)
    if change == "deactivated":
        type(reviewer).objects.filter(pk=reviewer.pk).update(is_active=False)
    elif change == "left the group":
        reviewer.groups.clear()
    else:
        reviewer.groups.add(Group.objects.create(name="service"))

    runs.work(run)

    request.refresh_from_db()
    assert request.status == "stale"
    assert request.reason == "reviewer, who approved this, may no longer approve it."
    assert runs.paid == []


def test_an_approval_falls_when_the_policy_asks_for_more_people(reviewer, admin):
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)
    four_eyes = replace(terms.STRICT, levels=(terms.Level(name="reviewers", group="reviewer", need=2),))
    policies.publish_policy(policy=four_eyes, by=admin, now=timezone.now())

    runs.work(run)

    request.refresh_from_db()
    again = runs.request_of(run)
    assert (request.status, again.status, again.policy_revision) == ("stale", "pending", 1)
    assert again.levels == [{"name": "reviewers", "group": "reviewer", "need": 2}]


NARROWER = {
    "tool": {"tools": ("tests.note",)},
    "category": {"categories": ("routine",)},
    "target": {"resources": ("Other *",)},
    "one action": {"limits": (Limit(currency="EUR", per_action="50000.00"),)},
    "a window": {"limits": (Limit(currency="EUR", rolling="50000.00", window_hours=1),)},
}


def publish_scope(admin, **changes):  # type: ignore[no-untyped-def]
    """Three revisions of the agent, so that the last is newer than the one that runs pin; then it runs narrower."""
    catalogue.publish_tool(spec=replace(runs.PAY, version=1), by="admin", now=timezone.now())
    catalogue.publish_tool(spec=replace(runs.ADD_NOTE, version=1), by="admin", now=timezone.now())
    wide = replace(
        runs.AGENT,
        revision=0,
        reference="tests.worker",
        scope=replace(runs.SCOPE, tools=("tests.pay", "tests.note")),
    )
    for number in range(3):
        catalogue.publish_agent(spec=replace(wide, notes=str(number)), by="admin", now=timezone.now())
    narrower = replace(wide, scope=replace(wide.scope, **changes))
    catalogue.publish_agent(spec=narrower, by="admin", now=timezone.now())


@pytest.mark.parametrize("changes", NARROWER.values(), ids=NARROWER)
def test_an_approval_falls_when_the_agents_scope_became_narrower(reviewer, admin, changes):
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)
    publish_scope(admin, **changes)

    runs.work(run)

    request.refresh_from_db()
    assert request.status == "stale"
    assert "The policy refuses this action now" in request.reason
    assert (runs.status_of(run), runs.paid) == ("refused", [])


@pytest.mark.parametrize("is_stricter", [True, False])
def test_an_approval_falls_when_its_tool_is_declared_as_more_dangerous(is_stricter, reviewer, admin):
    two = (terms.Level(name="reviewers", group="reviewer", need=2),)
    asked = terms.Rule(
        id="outward", title="Outward", when="action.category == 'outward'", then="hold", levels=two
    )
    any_ = terms.Rule(id="any", title="Any", when="true", then="hold")
    policies.publish_policy(policy=replace(terms.STRICT, rules=(any_, asked)), by=admin, now=timezone.now())
    run = runs.held_run()
    request = runs.request_of(run)
    approve(request, reviewer)
    category = "outward" if is_stricter else "financial"
    for tool in (runs.PAY, replace(runs.PAY, category=category, description="Pay an invoice, for good")):
        catalogue.publish_tool(spec=tool, by="admin", now=timezone.now())

    runs.work(run)

    request.refresh_from_db()
    assert request.status == ("stale" if is_stricter else "approved")
    assert len(runs.paid) == (0 if is_stricter else 1)
    if is_stricter:
        # The new request asks for as many as the claim will, so that it can be used.
        again = runs.request_of(run)
        assert [level["need"] for level in again.levels] == [2], list(
            ApprovalRequest.objects.filter(run=run).values_list("revision", "status", "rule", "reason")
        )


def test_a_release_survives_a_broker_that_is_down(reviewer, monkeypatch, django_capture_on_commit_callbacks):
    def down(*_: object, **__: object) -> None:
        raise ConnectionError("refused")

    run = runs.held_run()
    request = runs.request_of(run)
    monkeypatch.setattr(dispatch.current_app, "send_task", down)

    with django_capture_on_commit_callbacks(execute=True):
        assert approve(request, reviewer).status == "approved"

    request.refresh_from_db()
    assert (request.status, runs.status_of(run)) == ("approved", "released")
    runs.work(run)  # whoever looks next finds it
    assert (runs.status_of(run), len(runs.paid)) == ("executed", 1)


def test_a_scope_that_was_published_wider_gives_older_runs_nothing(reviewer, admin):
    narrow = replace(
        runs.AGENT, scope=replace(runs.SCOPE, limits=(Limit(currency="EUR", per_action="10.00"),))
    )
    publish_scope(admin)
    run = runs.held_run(spec=replace(runs.SPEC, agents={"treasurer": narrow}))
    assert runs.status_of(run) == "refused"


def test_an_approval_stands_when_the_policy_became_no_stricter(reviewer, admin):
    run = runs.held_run()
    approve(runs.request_of(run), reviewer)
    milder = replace(terms.STRICT, limits={"outward": {"EUR": "5"}})
    policies.publish_policy(policy=milder, by=admin, now=timezone.now())

    runs.work(run)

    assert runs.status_of(run) == "executed"


def test_with_a_quorum_of_two_the_first_sign_off_releases_nothing(reviewer, reviewer2, admin):
    four_eyes = replace(terms.STRICT, levels=(terms.Level(name="reviewers", group="reviewer", need=2),))
    policies.publish_policy(policy=four_eyes, by=admin, now=timezone.now())
    run = runs.held_run()
    request = runs.request_of(run)

    first = approve(request, reviewer)
    assert (first.status, runs.status_of(run)) == ("pending", "held")

    second = approve(request, reviewer2)
    assert (second.status, runs.status_of(run)) == ("approved", "released")
    assert rebuild.differences(events_of_approvals()) == []


# ---- the digest ----
DIFFERENT = [
    {"amount": "820000.00"},
    {"amount": "82000"},
    {"amount": "82000.0"},
    {"currency": "USD"},
    {"payee": "ACME GmbH "},
    {"payee": "АCME GmbH"},
    {"iban": "DE89370400440532013001"},
    {"iban": ""},
]


@pytest.mark.parametrize("change", DIFFERENT, ids=str)
def test_every_change_of_what_matters_is_another_digest(change):
    run = runs.start()

    runs.propose(run, runs.PAYMENT, {**runs.PAYMENT, **change})

    actions = runs.state_of(run).actions
    assert actions["a1"].digest != actions["a2"].digest


def test_what_does_not_matter_leaves_the_digest_alone():
    run = runs.start()
    reordered = dict(reversed(runs.PAYMENT.items()))

    runs.propose(run, runs.PAYMENT, {**runs.PAYMENT, "note": "reworded"}, reordered)

    assert len({action.digest for action in runs.state_of(run).actions.values()}) == 1


@pytest.mark.parametrize(
    "changed",
    [
        replace(runs.SPEC, agents={"treasurer": replace(runs.AGENT, revision=4)}),
        replace(runs.SPEC, tools={**runs.SPEC.tools, "tests.pay": replace(runs.PAY, version=2)}),
    ],
    ids=["agent revision", "tool version"],
)
def test_another_agent_revision_or_tool_version_is_another_digest(changed):
    first, second = runs.held_run(), runs.held_run(spec=changed)

    assert runs.request_of(first).digest != runs.request_of(second).digest


def test_acting_for_somebody_else_is_another_digest():
    assert (
        runs.request_of(runs.held_run(by="operator")).digest
        != runs.request_of(runs.held_run(by="admin")).digest
    )


# ---- the record ----
def test_the_log_alone_gives_the_rows_again(reviewer, operator):
    approved, rejected, waiting = runs.held_run(), runs.held_run(), runs.held_run()
    approve(runs.request_of(approved), reviewer)
    runs.work(approved)
    policies.ensure_shipped(now=timezone.now())
    sign_offs.sign_off(
        request=str(runs.request_of(rejected).id),
        by=operator,
        verb="reject",
        reason="not this one",
        seen_digest=runs.request_of(rejected).digest,
        seen_version=1,
        now=timezone.now(),
        opened_at=timezone.now() - dt.timedelta(minutes=1),
    )
    assert runs.status_of(waiting) == "held"

    assert rebuild.differences(events_of_approvals()) == []


def test_a_row_that_was_changed_behind_the_log_shows():
    request = runs.request_of(runs.held_run())
    move_deadline(request, decide_by=request.decide_by + dt.timedelta(days=1))

    (difference,) = rebuild.differences(events_of_approvals())

    assert difference.startswith(f"approval_request {request.id}: decide_by is")


def test_rows_that_were_changed_removed_or_added_are_made_what_the_log_says(reviewer):
    changed, removed = runs.request_of(runs.held_run()), runs.request_of(runs.held_run())
    approve(removed, reviewer)
    policies.ensure_shipped(now=timezone.now())
    with unguarded():
        ApprovalRequest.objects.filter(pk=changed.pk).update(sentence="Pay nothing", tier="low", rank=3)
        SignOff.objects.all().delete()
        ApprovalRequest.objects.filter(pk=removed.pk).delete()
        stranger = ApprovalRequest.objects.get(pk=changed.pk)
        stranger.pk, stranger.action = uuid.uuid4(), "a9"
        stranger.save(force_insert=True)
        PolicyRevision.objects.all().delete()
    assert len(rebuild.differences(events_of_approvals())) >= 5

    rebuild.repair(events_of_approvals())

    assert rebuild.differences(events_of_approvals()) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        SignOff.objects.all().delete()  # the guards are up again


# ---- the locks in the database ----
@pytest.mark.parametrize(
    "changes",
    [
        {"status": "approved", "version": 2},
        {"status": "lapsed", "version": 2},
        {"status": "rejected", "version": 3},
        {"status": "executed", "version": 2},
        {"version": 2},
        {"digest": digests.sha256(b"other")},
        {"opened": "{}"},
    ],
    ids=str,
)
def test_the_database_itself_refuses_steps_outside_the_table(changes):
    request = runs.request_of(runs.held_run())
    decided = {"decided_at": timezone.now(), "decided_by": "x"} if "status" in changes else {}
    if changes.get("status") == "approved":
        decided["execute_by"] = None  # an approval without its second clock

    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalRequest.objects.filter(pk=request.pk).update(**changes, **decided)


def test_the_database_and_the_domain_have_the_same_lifecycle_table(reviewer):
    request = runs.request_of(runs.held_run())
    times = {"decided_at": timezone.now(), "decided_by": "x", "execute_by": timezone.now()}
    allowed = set()
    for source, target in product(lifecycle.STATES, lifecycle.STATES):
        with unguarded():
            decided = {name: None if name.endswith("_at") else value for name, value in times.items()}
            ApprovalRequest.objects.filter(pk=request.pk).update(
                status=source, version=1, **(decided if source == "pending" else times)
            )
        changed = {**times, "decided_at": None} if target == "pending" else times
        with contextlib.suppress(IntegrityError), transaction.atomic():
            ApprovalRequest.objects.filter(pk=request.pk).update(status=target, version=2, **changed)
            allowed.add((source, target))

    assert allowed == {(source, target) for (source, _), target in lifecycle.TRANSITIONS.items()}


def test_a_sign_off_is_never_changed_or_removed(reviewer):
    request = runs.request_of(runs.held_run())
    approve(request, reviewer)

    with pytest.raises(IntegrityError), transaction.atomic():
        SignOff.objects.update(reason="later")
    with pytest.raises(IntegrityError), transaction.atomic():
        SignOff.objects.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM approvals_approvalrequest")
