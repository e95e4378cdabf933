"""Programs at the same moment: an action is claimed once, a key does one thing, and an end beats a claim or loses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from approvals.services import tokens
from config.models import User
from config.roles import ensure_roles
from orchestrator.domain import errors
from orchestrator.domain.callers import Caller
from orchestrator.domain.replies import ProposedAction
from orchestrator.services import external, once, proposals, runs
from orchestrator.services.once import Answer
from tests import callers
from tests.approvals.runs import status_of, types_of
from tests.approvals.services.test_races import together
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 50


@pytest.fixture
def courier() -> Caller:
    ensure_roles()
    admin = User.objects.create(username="admin")
    admin.groups.add(Group.objects.get(name="admin"))
    callers.publish_agent(owner="admin")
    return tokens.recognise(callers.agent_token(by=admin).secret)


def claimable(caller: Caller, key: str) -> tuple[str, str]:
    """A run with a read that is allowed at once, and the digest of it."""
    run = external.start_run(caller=caller, key=key, now=timezone.now())
    asked = ProposedAction(tool="door.look", arguments={"what": key})
    proposals.propose(caller=caller, run=run, proposal=asked, now=timezone.now())
    from orchestrator.queries.actions import action_card

    return run, action_card(run, "a1").digest


def test_of_eight_claims_at_once_one_is_made(courier: Caller) -> None:
    for number in range(ROUNDS):
        run, digest = claimable(courier, f"race-{number}")

        def claim(run: str = run, digest: str = digest) -> Any:
            return external.claim_action(caller=courier, run=run, action="a1", digest=digest)

        kinds = Counter(type(answer).__name__ for answer in together(*[claim] * 8))
        assert kinds == {"Claim": 1, "WrongStep": 7}
        assert types_of(run).count("action.claimed") == 1
    assert_record_is_exact()


def test_one_key_does_one_thing_however_often_it_is_sent_at_once(courier: Caller) -> None:
    run = external.start_run(caller=courier, key="once", now=timezone.now())
    asked = ProposedAction(tool="door.note", arguments={"text": "once"})

    def send() -> Answer:
        def do() -> Answer:
            made = proposals.propose(caller=courier, run=run, proposal=asked, now=timezone.now())
            return Answer(201, {"action": made.action})

        return once.once(token=courier.token, key="k", asked={"text": "once"}, do=do)

    answers = together(*[send] * 8)
    assert {answer.body["action"] for answer in answers} == {"a1"}
    assert Counter(answer.repeated for answer in answers) == {False: 1, True: 7}
    assert types_of(run).count("action.proposed") == 1


def test_a_run_started_twice_at_once_under_one_key_is_one(courier: Caller) -> None:
    def start() -> str:
        return external.start_run(caller=courier, key="same", now=timezone.now())

    assert len(set(together(*[start] * 8))) == 1


def test_a_cancel_and_a_claim_at_once_leave_one_story(courier: Caller) -> None:
    admin = User.objects.get(username="admin")
    for number in range(ROUNDS):
        run, digest = claimable(courier, f"cancel-{number}")

        def claim(run: str = run, digest: str = digest) -> Any:
            return external.claim_action(caller=courier, run=run, action="a1", digest=digest)

        def cancel(run: str = run) -> None:
            runs.cancel_run(run=run, reason="Stop.", by=admin, now=timezone.now())

        claimed, cancelled = together(claim, cancel)
        assert cancelled is None
        won = not isinstance(claimed, errors.CountersignError)
        assert status_of(run) == ("claimed" if won else "voided")
    assert_record_is_exact()


def test_a_result_and_the_end_of_patience_at_once_leave_one_outcome(courier: Caller, settings: Any) -> None:
    settings.EXTERNAL_EXECUTE_SECONDS = settings.EXTERNAL_SILENCE_SECONDS = 0
    for number in range(ROUNDS):
        run, digest = claimable(courier, f"late-{number}")
        external.claim_action(caller=courier, run=run, action="a1", digest=digest)

        def report(run: str = run) -> None:
            external.report_result(caller=courier, run=run, action="a1", outcome="executed", result=1)

        reported, _ = together(report, lambda: external.unconfirm_overdue(timezone.now()))
        assert status_of(run) == ("executed" if reported is None else "unconfirmed")
    assert_record_is_exact()
