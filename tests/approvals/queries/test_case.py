"""The case as the page gets it: what is unusual, what was checked, what the button says."""

from __future__ import annotations

import re

import msgspec
import pytest
from django.utils import timezone

from approvals.domain import terms
from approvals.queries import case as queries
from approvals.queries import unusual
from approvals.services import policies, sign_offs
from tests.approvals import runs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def payment(**changes: str) -> dict[str, str]:
    return {**runs.PAYMENT, **changes}


def case_of(run: str, person, action: str = "a1") -> queries.Case:  # type: ignore[no-untyped-def]
    return queries.case(request=str(runs.request_of(run, action).id), person=person)


def decide(run: str, by, verb: str) -> None:  # type: ignore[no-untyped-def]
    request = runs.request_of(run)
    sign_offs.sign_off(
        request=str(request.id),
        by=by,
        verb=verb,
        reason="wrong IBAN",
        seen_digest=request.digest,
        seen_version=1,
        now=timezone.now(),
    )


def test_nothing_is_unusual_about_the_first_request(reviewer):
    assert case_of(runs.held_run(), reviewer).unusual == ()


def test_a_repeat_of_what_was_rejected_says_who_rejected_it(reviewer, reviewer2):
    decide(runs.held_run(), reviewer, "reject")

    again = case_of(runs.held_run(), reviewer2)

    assert again.unusual == ("The very same action was rejected before, by reviewer: wrong IBAN",)


def test_a_new_target_and_a_much_larger_amount_are_said_with_their_numbers(reviewer):
    runs.held_run(*[payment(amount=f"{number}000.00") for number in range(1, 6)])

    found = case_of(runs.held_run(payment(payee="Unknown Ltd", amount="30000.00")), reviewer)

    assert found.unusual == (
        "This is the first request of tests.pay for Unknown Ltd.",
        "The amount is 10.0 times the usual (median of 5 earlier requests: 3,000.00 EUR).",
    )


def test_the_usual_amount_is_that_of_the_latest_requests(reviewer, monkeypatch):
    monkeypatch.setattr(unusual, "LATEST", 5)
    runs.held_run(*[payment(amount="90000.00") for _ in range(6)])
    runs.held_run(*[payment(amount=f"{number}000.00") for number in range(1, 6)])

    found = case_of(runs.held_run(payment(amount="30000.00")), reviewer)

    assert found.unusual == (
        "The amount is 10.0 times the usual (median of the last 5 requests: 3,000.00 EUR).",
    )


def test_the_usual_is_not_remarked_upon(reviewer):
    runs.held_run(*[payment(amount=f"{number}000.00") for number in range(1, 6)])

    assert case_of(runs.held_run(payment(amount="8999.99")), reviewer).unusual == ()


def test_what_was_checked_is_said_apart_from_what_the_agent_claims(reviewer):
    found = case_of(runs.held_run(), reviewer)

    assert {check["label"]: check["value"] for check in found.checks} == {
        "Tool": "tests.pay is in the scope of treasurer.",
        "Limit for one action": "82,000.00 EUR of 100,000.00 EUR that the scope allows.",
        "Total of 24 hours": "82,000.00 EUR of 100,000,000.00 EUR with this action.",
    }
    assert found.call.is_stored is True


@pytest.mark.parametrize(
    ("need", "answers", "label"),
    [
        (1, 0, "Approve and pay 82,000.00 EUR"),
        (2, 0, "Approve (1 of 2)"),
        (2, 1, "Approve and pay 82,000.00 EUR"),
    ],
)
def test_the_button_says_what_pressing_it_does(reviewer, reviewer2, admin, need, answers, label):
    levels = (terms.Level(name="reviewers", group="reviewer", need=need),)
    policy = msgspec.structs.replace(terms.STRICT, levels=levels)
    policies.publish_policy(policy=policy, by=admin, now=timezone.now())
    run = runs.held_run()
    if answers:
        decide(run, reviewer2, "approve")

    found = case_of(run, reviewer)

    assert (found.answer.approve_label, found.answer.may_approve) == (label, True)
    assert (found.have, found.need) == (answers, need)


@pytest.mark.parametrize(
    ("amount", "asks", "by_key"),
    [("9999.99", "", False), ("99999.99", "", True), ("100000.00", "amount", True)],
)
def test_only_the_critical_asks_for_its_amount_once_more_and_a_key_opens_a_sheet_for_the_high(
    reviewer, amount, asks, by_key
):
    answer = case_of(runs.held_run(payment(amount=amount)), reviewer).answer
    assert (answer.asks, answer.by_key) == (asks, by_key)


def test_the_payload_is_whole_and_exact(reviewer):
    long = "x" * 50_000

    found = case_of(runs.held_run(payment(note=long)), reviewer)

    assert msgspec.json.decode(found.call.text) == payment(note=long)


def test_the_action_is_followed_after_the_decision(reviewer):
    run = runs.held_run()
    before = case_of(run, reviewer)
    decide(run, reviewer, "approve")
    released = case_of(run, reviewer)
    runs.work(run)
    executed = case_of(run, reviewer)

    assert [one.run.action_state for one in (before, released, executed)] == ["held", "released", "executed"]
    assert len({one.token for one in (before, released, executed)}) == 3


def test_the_last_turns_before_the_action_stand_beside_it(reviewer):
    found = case_of(runs.held_run(), reviewer).run.turns

    assert [(turn.agent, turn.stage, turn.state) for turn in found] == [("treasurer", "pay", "completed")]


LOWER = msgspec.structs.replace(
    runs.PAY,
    name="tests.note",
    sentence="Lower the rate of {payee}",
    category="affects_person",
    person_field="payee",
    amount_field="",
    currency_field="",
    target_field="",
)


@pytest.mark.parametrize(
    ("otherwise", "told", "source"),
    [
        ("The present rate stays.", "The present rate stays.", "declared for the tool"),
        ("{payee} keeps the rate.", "ACME GmbH keeps the rate.", "declared for the tool"),
        ("{note}", "She may\u202e ask again.", "agent’s claim"),
        ("{gone} stays.", "Neither the tool’s declaration nor the agent says", "for ACME GmbH"),
        ("", "Neither the tool’s declaration nor the agent says", "for ACME GmbH"),
    ],
)
def test_a_decision_about_a_person_says_where_the_other_one_leads_and_who_says_so(
    reviewer, client, otherwise, told, source
):
    tool = msgspec.structs.replace(LOWER, otherwise=otherwise)
    scope = msgspec.structs.replace(runs.SCOPE, categories=("affects_person",))
    agent = msgspec.structs.replace(runs.AGENT, scope=scope)
    spec = msgspec.structs.replace(runs.SPEC, tools={"tests.note": tool}, agents={"treasurer": agent})
    run = runs.start(spec=spec)
    runs.propose(run, payment(note="She may\u202e ask again."), tool="tests.note")
    runs.work(run, ("assess",))
    found = case_of(run, reviewer)
    assert (found.answer.asks, found.person) == ("reason", "ACME GmbH")

    client.force_login(reviewer)
    page = client.get(f"/inbox/{found.id}/").content.decode()
    part = page[page.index('id="case-otherwise"') : page.index("Why it asks")]
    assert told.replace("\u202e", "⟨U+202E⟩") in re.sub(r"<[^>]+>", "", part)
    assert source in part


def test_what_is_about_nobody_says_nothing_of_the_kind(reviewer, client):
    client.force_login(reviewer)
    found = case_of(runs.held_run(), reviewer)
    assert "case-otherwise" not in client.get(f"/inbox/{found.id}/").content.decode()


@pytest.mark.parametrize("name", ["production", "staging", "test", "Rehearsal room 2"])
def test_every_page_and_the_case_name_the_installation_in_words(reviewer, client, settings, name):
    settings.COUNTERSIGN_ENVIRONMENT = name
    shown = name[:1].upper() + name[1:]
    assert f"<span>{shown}</span>" in client.get("/accounts/login/").content.decode()
    client.force_login(reviewer)
    found = case_of(runs.held_run(), reviewer)
    page = client.get(f"/inbox/{found.id}/").content.decode()
    assert f"<span>{shown}</span>" in page[: page.index('id="main"')]
    assert f">{shown}</span>" in page[page.index("case-badges") : page.index("Why it waits")].replace(
        "</svg>", ">"
    )


def test_where_the_tool_says_nothing_the_agents_own_word_on_a_rejection_answers_for_it(reviewer, client):
    scope = msgspec.structs.replace(runs.SCOPE, categories=("affects_person",))
    agent = msgspec.structs.replace(runs.AGENT, scope=scope)
    spec = msgspec.structs.replace(runs.SPEC, tools={"tests.note": LOWER}, agents={"treasurer": agent})
    run = runs.start(spec=spec)
    runs.propose(run, payment(), tool="tests.note", otherwise="They keep the rate.")
    runs.work(run, ("assess",))
    found = case_of(run, reviewer)
    client.force_login(reviewer)
    page = client.get(f"/inbox/{found.id}/").content.decode()
    part = page[page.index('id="case-otherwise"') : page.index("Why it asks")]
    assert "They keep the rate." in part
    assert "agent’s claim" in part
    assert "Neither the tool" not in part
