"""Changing a held call: another revision, weighed anew, never approved by who changed it alone, and told to the agent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.utils import timezone

from approvals.domain import edits as comparison
from approvals.domain import quorum, record, terms
from approvals.models import ApprovalRequest
from approvals.services import edits, policies, sign_offs
from orchestrator.domain.specs import Limit
from orchestrator.services import held
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.approvals.rows import move_deadline
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db
replace = msgspec.structs.replace
CHEAPER = {**runs.PAYMENT, "amount": "820.00"}


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2, reviewer3):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def edit(request: Any, by: Any, arguments: Any = None, **changes: Any) -> ApprovalRequest:
    asked = {
        "tool": "tests.pay",
        "arguments": CHEAPER if arguments is None else arguments,
        "seen_digest": request.digest,
        "seen_version": request.version,
        "reason": "one zero too many",
        **changes,
    }
    new = edits.edit(request=str(request.id), by=by, now=timezone.now(), **asked)
    return ApprovalRequest.objects.get(pk=new)


def opened(request: ApprovalRequest) -> record.Opened:
    return msgspec.json.decode(request.opened, type=record.Opened)


def test_a_change_is_a_new_revision_and_what_runs_is_the_changed_call(reviewer, reviewer2):
    run = runs.held_run()
    old = runs.request_of(run)

    new = edit(old, reviewer)

    old.refresh_from_db()
    assert (old.status, old.decided_by) == ("superseded", "reviewer")
    assert old.reason == "amount: 82000.00 → 820.00. one zero too many"
    assert (new.revision, new.status, new.sentence) == (
        2,
        "pending",
        "Pay 820.00 EUR to ACME GmbH (DE89…3000)",
    )
    assert new.digest != old.digest
    (changed,) = opened(new).edit.changes  # type: ignore[union-attr]
    assert (changed.label, changed.before, changed.after) == ("amount", "82000.00", "820.00")
    assert runs.status_of(run) == "held"
    assert_record_is_exact()

    assert approve(new, reviewer2).status == "approved"
    runs.work(run)

    assert [arguments["amount"] for _, arguments in runs.paid] == ["820.00"]
    (settled,) = runs.state_of(run).settled
    assert settled.text.startswith(
        "reviewer changed this call before it was decided (one zero too many). Do not repeat the original."
    )
    assert '"amount": "820.00"' in settled.text
    assert_record_is_exact()


def test_who_changed_it_is_not_the_one_who_approves_it_alone(reviewer, reviewer2):
    new = edit(runs.request_of(runs.held_run()), reviewer)

    with pytest.raises(
        quorum.SelfSignOff, match="reviewer changed this action, so somebody else must approve it"
    ):
        approve(new, reviewer)

    assert reject(new, reviewer, "on second thoughts").status == "rejected"


def test_of_two_who_approve_one_may_have_changed_it(reviewer, reviewer2):
    four_eyes = replace(terms.STRICT, levels=(terms.Level(name="reviewers", group="reviewer", need=2),))
    policies.publish_policy(policy=four_eyes, by=None, now=timezone.now())
    new = edit(runs.request_of(runs.held_run()), reviewer)

    assert approve(new, reviewer).status == "pending"
    assert approve(new, reviewer2).status == "approved"
    runs.work(str(new.run))
    assert len(runs.paid) == 1


def test_sign_offs_of_the_original_are_void(reviewer, reviewer2, reviewer3):
    four_eyes = replace(terms.STRICT, levels=(terms.Level(name="reviewers", group="reviewer", need=2),))
    policies.publish_policy(policy=four_eyes, by=None, now=timezone.now())
    old = runs.request_of(runs.held_run())
    approve(old, reviewer2)

    new = edit(old, reviewer)

    assert new.sign_offs.count() == 0
    with pytest.raises(
        sign_offs.Decided, match=r"reviewer changed this action just now: amount: 82000\.00 → 820\.00"
    ):
        approve(old, reviewer3)
    assert approve(new, reviewer2).status == "pending"


def test_two_who_change_it_at_once_are_one_change(reviewer, reviewer2):
    old = runs.request_of(runs.held_run())
    edit(old, reviewer)

    with pytest.raises(sign_offs.Decided, match="reviewer changed this action"):
        edit(old, reviewer2, {**CHEAPER, "amount": "1.00"})

    assert ApprovalRequest.objects.filter(run=old.run).count() == 2


def test_what_the_changer_had_changed_stays_theirs_when_it_is_asked_again(reviewer, reviewer2):
    run = runs.held_run()
    new = edit(runs.request_of(run), reviewer)
    approve(new, reviewer2)
    move_deadline(new, execute_by=timezone.now())
    runs.work(run)

    again = runs.request_of(run)

    assert (again.revision, opened(again).editors) == (3, ("reviewer",))
    with pytest.raises(quorum.SelfSignOff):
        approve(again, reviewer)


# ---- attacks ----
def test_a_change_never_switches_the_tool(reviewer):
    run = runs.start()
    runs.propose(run, {"text": "hello"}, tool="tests.held_note")
    runs.work(run, ("assess",))
    old = runs.request_of(run)

    with pytest.raises(held.AnotherTool):
        edit(old, reviewer, runs.PAYMENT, tool="tests.pay")

    old.refresh_from_db()
    assert (old.status, runs.status_of(run), runs.paid) == ("pending", "held", [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({**CHEAPER, "amount": 820}, "amount: expected"),
        ({**CHEAPER, "tool": "tests.wire"}, "do not fit"),
        ({**CHEAPER, "payee": "x\ud800"}, "cannot be stored exactly"),
        ({**CHEAPER, "iban": float("nan")}, "cannot be stored exactly"),
        ({}, "amount"),
    ],
)
def test_what_the_tool_would_not_take_is_refused_and_changes_nothing(reviewer, arguments, words):
    old = runs.request_of(runs.held_run())

    with pytest.raises(held.NotAcceptable, match=words):
        edit(old, reviewer, arguments)

    assert ApprovalRequest.objects.filter(run=old.run).count() == 1


def test_the_policy_is_asked_about_the_changed_call(reviewer):
    old = runs.request_of(runs.held_run())

    with pytest.raises(edits.RefusedByPolicy, match=r"820,000\.00 EUR is over the scope's limit"):
        edit(old, reviewer, {**runs.PAYMENT, "amount": "820000.00"})

    assert runs.status_of(old.run) == "held"


def test_what_the_policy_would_allow_still_needs_another_person(reviewer, reviewer2):
    run = runs.start()
    runs.propose(run, {"text": "hello", "audience": "everybody"}, tool="tests.held_note")
    runs.work(run, ("assess",))
    old = runs.request_of(run)
    milder = replace(terms.STRICT, allowed=("routine", "outward"), limits={})
    policies.publish_policy(policy=milder, by=None, now=timezone.now())

    new = edit(old, reviewer, {"text": "hello"}, tool="tests.held_note")

    assert (new.status, new.rule) == ("pending", "hold.edited")
    with pytest.raises(quorum.SelfSignOff):
        approve(new, reviewer)
    move_deadline(new, execute_by=None)
    approve(new, reviewer2)
    move_deadline(new, execute_by=timezone.now())
    runs.work(run)
    assert (runs.request_of(run).revision, runs.request_of(run).rule) == (3, "hold.edited")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"reason": " "}, sign_offs.ReasonMissing),
        ({"seen_digest": "0" * 64}, sign_offs.Changed),
        ({"seen_version": 2}, sign_offs.Changed),
    ],
)
def test_a_change_needs_a_reason_and_echoes_what_was_seen(reviewer, changes, error):
    with pytest.raises(error):
        edit(runs.request_of(runs.held_run()), reviewer, **changes)


def test_who_is_part_of_the_action_changes_nothing_and_neither_do_late_ones(operator, reviewer):
    old = runs.request_of(runs.held_run())
    with pytest.raises(quorum.SelfSignOff):
        edit(old, operator)
    move_deadline(old, decide_by=timezone.now())
    with pytest.raises(sign_offs.TooLate):
        edit(old, reviewer)
    assert runs.status_of(old.run) == "held"
    assert ApprovalRequest.objects.filter(run=old.run).count() == 1


def test_a_change_that_changes_nothing_is_refused(reviewer):
    from orchestrator.domain.rules.edits import NothingChanged

    with pytest.raises(NothingChanged):
        edit(runs.request_of(runs.held_run()), reviewer, dict(runs.PAYMENT))


def test_the_rolling_limit_counts_the_changed_amount(reviewer):
    scope = replace(runs.SCOPE, limits=(Limit(currency="EUR", rolling="164000.00"),))
    spec = replace(runs.SPEC, agents={"treasurer": replace(runs.AGENT, scope=scope)})
    run = runs.held_run(runs.PAYMENT, CHEAPER, spec=spec)

    with pytest.raises(edits.RefusedByPolicy):
        edit(runs.request_of(run, "a2"), reviewer, {**CHEAPER, "amount": "82001.00"})
    edit(runs.request_of(run, "a1"), reviewer)
    edit(runs.request_of(run, "a2"), reviewer, {**CHEAPER, "amount": "82001.00"})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": "1"}, {"a": "2"}, ["a: 1 → 2 (changed)"]),
        ({"a": 100}, {"a": "100"}, ['a: 100 → "100" (changed)']),
        ({"a": 1}, {}, ["a: 1 →  (removed)"]),
        ({}, {"a": {"b": [1, 2]}}, ["a.b[1]:  → 1 (added)", "a.b[2]:  → 2 (added)"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a[2]: 2 → 3 (changed)"]),
        ({"a": None}, {"a": ""}, ["a: null →  (changed)"]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    ],
)
def test_the_difference_is_told_field_by_field_with_types(before, after, told):
    found = comparison.compare(before, after)

    assert [f"{one.label}: {one.before} → {one.after} ({one.kind})" for one in found.changes] == told
