"""Ask the agent behind a request something, and keep its answer: as its claim, and without deciding anything."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from approvals.domain import happenings, quorum
from approvals.queries import people, requests
from approvals.queries.answering import on_request
from approvals.services import rows, sign_offs
from orchestrator.domain import errors, ids
from orchestrator.services import held, release

LONGEST = 2000
MOST = 20


class BadQuestion(errors.Refused):
    """This cannot be asked. Say in a sentence or two what you want to know."""


def ask(*, request: str, by: Any, text: str, now: dt.datetime) -> str:
    """Ask; returns the question's id. The answer comes onto the case by itself, and nothing waits for it.

    Raises sign_offs.Decided, BadQuestion, quorum.NotEligible.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise BadQuestion(f"Ask something, in at most {LONGEST:,} characters.")
    me = by.get_username()
    run = requests.run_of(request)
    with transaction.atomic():
        release.lock(run=run)
        before = requests.load(request)
        at = rows.database_time()
        if before.status != "pending":
            raise sign_offs.already_decided(before, at)
        who = on_request(before, people.reviewer(by))
        quorum.check(who, "reject", before.opened.levels, before.opened.excluded)
        if len(before.questions) >= MOST:
            raise BadQuestion(f"{MOST} questions have been asked about this. Decide on what is known.")
        question = ids.from_key("question", f"{request}.{len(before.questions) + 1}")
        held.ask(
            run=run,
            action=before.opened.action,
            request=request,
            question=question,
            text=text,
            by=me,
            now=at,
        )
        fact = happenings.Asked(request=request, question=question, text=text, person=me, at=at)
        rows.step(before, fact, by=f"user:{me}", at=at)
    return question


def record_answer(*, request: str, question: str, text: str, could: bool, at: dt.datetime) -> None:
    """The agent's answer, in the transaction that brings it to the run. It may come after the decision."""
    before = requests.load(request)
    if not any(one.id == question and one.answered_at is None for one in before.questions):
        return
    fact = happenings.Answered(request=request, question=question, text=text, could=could, at=at)
    rows.step(before, fact, by=f"agent:{before.opened.agent}", at=at)
