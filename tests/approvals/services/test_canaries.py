"""Canaries: they look like what they imitate, can never run, and who approves one is counted."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import terms
from approvals.models import ApprovalRequest, Canary
from approvals.queries import canaries as queries
from approvals.queries import case, oversight, requests
from approvals.services import canaries, desk, edits, policies
from orchestrator import engine, eventlog, ports
from orchestrator.domain import errors, schemas
from orchestrator.domain.replies import ProposedAction, Reply
from orchestrator.domain.specs import ValidatorRef
from orchestrator.queries import stages, totals, turns
from orchestrator.services import effects, release, replying
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db
FLAW = "The account is not the supplier's."


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


FOREIGN = "DE02120300000000202051"


def planted_like(like: ApprovalRequest, by: Any, **changes: str) -> str:
    """The run of a canary like this request, with another account, once it waits."""
    run = canaries.plant(
        like=str(like.id),
        arguments={**runs.PAYMENT, "iban": FOREIGN, **changes},
        stated_reason="The invoice matched.",
        flaw=FLAW,
        key=str(uuid.uuid4()),
        by=by,
        now=timezone.now(),
    )
    runs.work(run, ("turn", "assess"))
    return run


def found_like(found: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.get(pk=Canary.objects.get(run=found.run).like)


def real_run_of_two_turns() -> str:
    """A run whose agent took two turns to ask."""
    run = runs.start()
    for more, note in ((True, "Read the invoice."), (False, "Asking for it.")):
        state = runs.state_of(run)
        turn = next(one for one in state.turns.values() if not one.answered)
        actions = () if more else (ProposedAction(tool="tests.pay", arguments=runs.PAYMENT),)
        command = replying.reply_command(state, turn, Reply(more=more, note=note, actions=actions))
        engine.submit(run, command)
    runs.work(run, ("assess",))
    return run


def plant(by, **changes: object) -> ApprovalRequest:  # type: ignore[no-untyped-def]
    """A canary like a real payment, before people."""
    real = runs.start()
    runs.propose(real, runs.PAYMENT, otherwise="The invoice stays unpaid.")
    runs.work(real, ("assess",))
    like = runs.request_of(real)
    call = {**runs.PAYMENT, "iban": FOREIGN}
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
    assert shown.stated_otherwise == "The invoice stays unpaid."
    page = Client()
    page.force_login(reviewer)
    text = page.get(reverse("approvals:case", args=[found.id])).content.decode()
    assert "canary" not in text.lower().replace("data-canary", "")
    assert case.case(request=str(found.id), person=admin).flaw == FLAW


def test_approved_it_is_refused_instead_of_released_and_nothing_is_left_to_execute(admin, reviewer):
    found = plant(admin)
    answered = approve(found, reviewer)
    run = str(found.run)

    assert answered.status == "approved"
    assert answered.follows == "This was a canary: it was never to run. Nothing runs."
    effects.advance_run(run=run)
    assert "action.released" not in runs.types_of(run)
    assert "action.claimed" not in runs.types_of(run)
    assert runs.status_of(run) == "refused"
    assert runs.paid == []


def test_even_a_release_past_all_of_it_is_refused_at_the_claim_and_no_tool_is_called(admin):
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
    called = ports.ExecutionRequest(
        run=run,
        action="a1",
        key="k",
        tool=runs.PAY,
        arguments=runs.PAYMENT,
        is_cancelled=lambda: False,
        read_file=lambda digest: b"",
    )
    with pytest.raises(errors.PortFailure, match="never to run"):
        ports.executor().execute(called)
    assert runs.paid == []


def test_nothing_on_its_runs_record_differs_from_the_real_one_but_the_call(admin):
    like = runs.request_of(runs.held_run())
    real = str(like.run)
    run = planted_like(like, admin)

    def told(stream: str) -> list[tuple[str, str, str]]:
        kept = {"arguments", "digest", "target", "amount"}
        found = []
        for event in eventlog.events_after(stream, 0):
            body = {key: value for key, value in json.loads(event.payload).items() if key not in kept}
            found.append((event.type, event.actor, json.dumps(body).replace(stream, "RUN")))
        return found

    assert told(run) == told(real)
    assert eventlog.events_after(run, 0)[0].payload == eventlog.events_after(real, 0)[0].payload
    shown, copied = requests.load(like.id).opened, requests.load(runs.request_of(run).id).opened
    own = ("request", "run", "digest", "arguments", "parts", "origins", "checks", "opened_at", "decide_by")
    for name in shown.__struct_fields__:
        assert name in own or getattr(shown, name) == getattr(copied, name), name
    assert [one.kind for one in shown.origins] == [one.kind for one in copied.origins]
    assert [check.label for check in shown.checks] == [check.label for check in copied.checks]


@pytest.mark.parametrize("address", ["/runs/{run}/", "/runs/{run}/events/", "/audit/?q={run}", "/", "/runs/"])
def test_no_page_tells_who_decides_it_that_it_is_one(admin, reviewer, address):
    found = plant(admin)
    page = Client()
    page.force_login(reviewer)
    text = page.get(address.format(run=found.run), follow=True).content.decode().lower()
    text = re.sub(r"<option.*?</option>", "", text)  # that there are such things may be filtered by
    assert "canary" not in text
    assert "planted" not in text


def test_its_record_says_who_planted_it_and_whose_name_its_run_bears(admin):
    found = plant(admin)
    row = Canary.objects.get(run=found.run)
    fact = runs.facts_of(row.id, "canary.planted")
    assert (fact["by"], fact["shown_as"], fact["arguments"]["iban"]) == ("admin", "operator", FOREIGN)
    assert runs.state_of(str(found.run)).started_by == "operator"


def test_what_it_asks_for_counts_against_no_limit_and_makes_no_payee_known(admin):
    since = timezone.now() - dt.timedelta(hours=1)
    before = totals.reserved(currency="EUR", since=since)
    found = plant(admin)  # with the request that it imitates
    assert totals.reserved(currency="EUR", since=since) - before == Decimal("82000.00")
    real = runs.start()
    runs.propose(real, {**runs.PAYMENT, "payee": "Evil Ltd"})
    again = planted_like(found_like(found), admin, payee="Evil Ltd")
    runs.work(real, ("assess",))
    assert runs.request_of(again).target == "Evil Ltd"
    told = case.case(request=str(runs.request_of(real).id), person=admin).unusual
    assert "This is the first request of tests.pay for Evil Ltd." in told


def test_its_run_ends_when_it_was_decided_and_only_then_says_what_it_was(admin, reviewer):
    found = plant(admin)
    run = str(found.run)
    reject(found, reviewer)
    effects.advance_run(run=run)
    card = stages.run_detail(run).card
    assert card.state == "cancelled"
    assert runs.facts_of(run, "run.cancelled") == {"reason": "This was a canary: it was never to run."}
    told = runs.facts_of(run, "action.refused")["reason"]
    assert told.startswith("reviewer rejected it:")
    assert told.endswith("This was a canary: it was never to run.")
    assert_record_is_exact()


def test_agents_say_again_what_they_said_up_to_the_call(admin):
    real = real_run_of_two_turns()
    run = planted_like(runs.request_of(real), admin)
    said = [one.note for one in turns.turn_page(run).cards]
    assert said == ["Read the invoice.", "Asking for it."]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pattern": "external"}, "works elsewhere"),
        (
            {"stages": (replace(runs.SPEC.stages[0], validators=(ValidatorRef(id="judge"),)),)},
            "would be paid",
        ),
    ],
)
def test_what_cannot_be_played_again_for_nothing_is_not_planted(admin, changes, told):
    real = runs.held_run()
    like = runs.request_of(real)
    with pytest.raises(canaries.NotPlanted, match=told):
        canaries._must_be_playable(replace(runs.SPEC, **changes), str(like.run), like.action)


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


def test_a_request_of_an_agent_elsewhere_is_not_offered_for_imitation(admin):
    real = runs.request_of(runs.held_run())
    assert [sample.agent for sample in queries.samples()] == ["treasurer"]
    ApprovalRequest.objects.filter(pk=real.id).update(workflow="external-treasurer")
    assert queries.samples() == ()
