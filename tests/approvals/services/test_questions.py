"""Asking the agent: a turn beside the work whose answer stands on the case as its claim, and decides nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from msgspec.structs import replace

from approvals.domain import quorum
from approvals.queries import requests as queries
from approvals.services import questions, sign_offs
from orchestrator.adapters import registry
from orchestrator.domain import errors
from orchestrator.domain.rules import questions as dead
from orchestrator.ports import TurnRequest
from orchestrator.services import effects
from tests.approvals import runs
from tests.approvals.answers import approve, reject
from tests.house.exact import assert_record_is_exact

pytestmark = pytest.mark.django_db


def explain(question: str, turn: TurnRequest) -> str:
    if "crash" in question:
        raise ValueError("no idea")
    if "busy" in question:
        raise errors.PortFailure("The ledger is closed.", retry="permanent")
    waiting = ", ".join(f"{one.tool} {one.state}" for one in turn.results)
    return f"About {question!r} with {len(turn.tools)} tools: {waiting}."


@registry.code_agent("tests.talker", answer=explain)
def talker(work: dict, turn: TurnRequest) -> None:  # type: ignore[type-arg]
    raise AssertionError("it is only asked")


@registry.code_agent("tests.mute")
def mute(work: dict, turn: TurnRequest) -> None:  # type: ignore[type-arg]
    raise AssertionError("it is only asked")


@pytest.fixture(autouse=True)
def _people(operator, admin, reviewer, reviewer2):  # type: ignore[no-untyped-def]
    runs.paid.clear()


def held_by(agent: str) -> Any:
    spec = replace(runs.SPEC, agents={"treasurer": replace(runs.AGENT, reference=agent)})
    return runs.request_of(runs.held_run(spec=spec))


def ask(request: Any, by: Any, text: str = "Why this IBAN?") -> str:
    return questions.ask(request=str(request.id), by=by, text=text, now=timezone.now())


def asked_of(request: Any) -> list[tuple[str, str, bool | None]]:
    return [(one.text, one.answer, one.could) for one in queries.load(request.id).questions]


def test_an_agent_that_can_answers_and_nothing_is_decided(reviewer):
    request = held_by("tests.talker")
    ask(request, reviewer)
    assert asked_of(request) == [("Why this IBAN?", "", None)]
    assert runs.types_of(str(request.id)) == ["request.opened", "request.asked"]

    runs.work(str(request.run), ("answer",))

    assert asked_of(request) == [
        ("Why this IBAN?", "About 'Why this IBAN?' with 0 tools: tests.pay held.", True)
    ]
    request.refresh_from_db()
    assert (request.status, request.version, runs.status_of(request.run)) == ("pending", 1, "held")
    assert runs.types_of(request.run)[-2:] == ["question.asked", "question.answered"]
    assert approve(request, reviewer).status == "approved"
    assert_record_is_exact()


@pytest.mark.parametrize(
    ("agent", "text", "told"),
    [
        ("tests.mute", "Why?", "This agent cannot answer questions."),
        ("tests.talker", "crash", "No answer came. It failed with ValueError: no idea."),
        ("tests.talker", "busy", "No answer came. It failed with PortFailure: The ledger is closed."),
        ("tests.gone", "Why?", "No answer came."),
    ],
)
def test_who_cannot_answer_says_so_and_the_run_goes_on(agent, text, told, reviewer):
    request = held_by(agent)
    ask(request, reviewer, text)

    runs.work(str(request.run), ("answer",))

    ((_, answer, could),) = asked_of(request)
    assert (answer.startswith(told), could) == (True, False)
    assert runs.state_of(str(request.run)).status == "running"
    assert_record_is_exact()


def test_an_answer_may_come_after_the_decision_and_holds_nothing_up(reviewer, reviewer2):
    request = held_by("tests.talker")
    ask(request, reviewer)
    approve(request, reviewer2)

    runs.work(str(request.run), ("execute", "answer"))

    assert runs.status_of(str(request.run)) == "executed"
    assert asked_of(request)[0][2] is True
    assert_record_is_exact()


def test_who_is_part_of_the_action_may_ask_and_a_stranger_may_not(operator, admin, django_user_model):
    request = held_by("tests.talker")
    ask(request, operator)
    stranger = django_user_model.objects.create(username="stranger")

    with pytest.raises(quorum.NotEligible):
        ask(request, stranger)


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_a_question_has_words_but_not_too_many(text, reviewer):
    with pytest.raises(questions.BadQuestion):
        ask(held_by("tests.talker"), reviewer, text)


def test_what_was_decided_is_asked_about_no_more(reviewer):
    request = held_by("tests.talker")
    reject(request, reviewer)

    with pytest.raises(sign_offs.Decided, match="reviewer rejected this"):
        ask(request, reviewer)


def test_a_question_that_no_worker_gets_answered_says_so_on_the_case_and_may_be_asked_again(
    reviewer, settings
):
    request = held_by("tests.talker")
    ask(request, reviewer)
    settings.MAX_DISPATCHES = 0  # this dispatch is already one too many
    effects.advance_run(run=str(request.run), queue="main")

    ((_, answer, could),) = asked_of(request)
    assert (answer, could) == (dead.NO_ANSWER, False)
    assert "Ask once more" in answer
    assert runs.state_of(str(request.run)).status == "running"
    settings.MAX_DISPATCHES = 5
    ask(request, reviewer, "And now?")
    runs.work(str(request.run), ("answer",))
    assert [one[2] for one in asked_of(request)] == [False, True]
    assert_record_is_exact()
