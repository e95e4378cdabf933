"""Sign off: one person's answer to one request, decided by a single conditional UPDATE.

Order of everything in one transaction: the run's Stream row is locked, the request's row is updated if it
is still open, unchanged and in time, the action is released or refused. Of people who answer at once
exactly one wins, and the others are told who, how, when and why.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from django.db import transaction

from approvals.domain import quorum, record, spans
from approvals.domain import requests as lifecycle
from approvals.queries import people, requests
from approvals.queries.answering import answering
from approvals.services import pick_ups, rows, settling
from approvals.services import requests as opening
from orchestrator.domain import errors
from orchestrator.services import release


class Decided(errors.Conflict):
    """Somebody decided this before you; reload to see what they decided."""


class Changed(errors.Refused):
    """The action changed since you opened it; reload, and decide on what you then see."""


class TooLate(errors.Refused):
    """The time to decide is over, so nothing was approved. The agent is told that nobody decided."""


class ReasonMissing(errors.Refused):
    """A rejection needs a reason: the agent and your colleagues read it. Write one sentence."""


class NoSuchAnswer(errors.Refused):
    """A request is answered with approve or reject."""


STANDS: dict[quorum.Verb, lifecycle.State] = {"approve": "approved", "reject": "rejected"}


class Answered(NamedTuple):
    """What an answer came to. `repeated` marks the same answer given again, which changes nothing; `follows` says
    what an approval leads to."""

    request: str
    status: lifecycle.State
    verb: quorum.Verb
    repeated: bool = False
    follows: str = ""


def sign_off(
    *,
    request: str,
    by: Any,
    verb: str,
    seen_digest: str,
    seen_version: int,
    reason: str = "",
    now: dt.datetime,
    opened_at: dt.datetime | None = None,
) -> Answered:
    """Answer a request. `seen_*` echo what the person was shown; `opened_at` is when they opened it.

    Raises Decided, Changed, TooLate, ReasonMissing, quorum.SelfSignOff, quorum.NotEligible, requests.UnknownRequest.
    """
    if verb not in ("approve", "reject"):
        raise NoSuchAnswer()
    answer: quorum.Verb = "approve" if verb == "approve" else "reject"
    reason = reason.strip()
    run = requests.run_of(request)
    with transaction.atomic():
        release.lock(run=run)
        before = requests.load(request)
        at = rows.database_time()
        # Committed before the person is told: a request that nobody can answer must not stay open.
        is_gone = before.status == "pending" and opening.withdraw_settled(found=before, at=at)
        if not is_gone:
            return _answer(
                before, by, answer, seen_digest, seen_version, reason, at, _within(opened_at, before, at)
            )
    raise already_decided(requests.load(request), at)


def _answer(
    before: record.Request,
    by: Any,
    verb: quorum.Verb,
    seen_digest: str,
    seen_version: int,
    reason: str,
    at: dt.datetime,
    opened_at: dt.datetime | None,
) -> Answered:
    """Judge and write one answer, with the run's stream locked."""
    opened = before.opened
    mine = next((given for given in before.standing if given.reviewer == by.get_username()), None)
    # Who answered the same before is told so, unless others have decided otherwise since.
    if mine is not None and mine.verb == verb and before.status in ("pending", STANDS[verb]):
        return Answered(opened.request, before.status, verb, repeated=True)
    if before.status != "pending" or mine is not None:
        raise already_decided(before, at, mine)
    check_seen(before, seen_digest, seen_version)
    if verb == "reject" and not reason:
        raise ReasonMissing()
    person = answering(before, people.reviewer(by), verb, at)
    fact = _signed(before, person, verb, reason, at, opened_at)
    take(before, fact, by=f"user:{by.get_username()}", at=at)
    after = record.evolve(before, fact)
    assert after is not None
    follows = ""
    if fact.outcome != "pending":
        follows = settling.settle(after, by=fact.person, at=at)
    pick_ups.let_go(person=fact.person, request=opened.request)
    return Answered(opened.request, after.status, verb, follows=follows)


def check_seen(before: record.Request, seen_digest: str, seen_version: int) -> None:
    """Raise Changed unless this is what the person was shown."""
    if seen_digest != before.opened.digest or seen_version != before.version:
        raise Changed(request=before.opened.request, code="changed")


def already_decided(request: record.Request, now: dt.datetime, mine: record.SignOff | None = None) -> Decided:
    """The error that tells a person who was first, how, when and why."""
    facts = {
        "code": "decided",
        "request": request.opened.request,
        "status": request.status,
        "by": request.decided_by,
        "at": request.decided_at,
        "reason": request.reason,
    }
    if request.status == "pending" and mine is not None:
        words = "approved" if mine.verb == "approve" else "rejected"
        return Decided(
            f"You {words} this {spans.ago(mine.decided_at, now)}; an answer is given once.", **facts
        )
    when = spans.ago(request.decided_at or request.changed_at, now)
    because = f": {request.reason}" if request.reason else "."
    if request.decided_by and request.status in ("approved", "rejected"):
        who = people.name_of(request.decided_by)
        return Decided(f"{who} {request.status} this {when}{because}", **facts)
    if request.decided_by and request.status == "superseded":
        who = people.name_of(request.decided_by)
        return Decided(f"{who} changed this action {when}{because} Decide on the new request.", **facts)
    return Decided(f"This request was {lifecycle.WORDS[request.status]} {when}{because}", **facts)


def _signed(
    before: record.Request,
    person: quorum.Reviewer,
    verb: quorum.Verb,
    reason: str,
    at: dt.datetime,
    opened_at: dt.datetime | None,
) -> record.Signed:
    opened = before.opened
    answer = quorum.Answer(
        person=person.person, verb=verb, groups=person.groups, acting_for=person.acting_for
    )
    counted = quorum.tally(opened.levels, [*before.answers, answer], opened.editors)
    outcome = counted.outcome
    seat = next((name for name, people in counted.filled.items() if person.person in people), "")
    return record.Signed(
        request=opened.request,
        person=person.person,
        acting_for=person.acting_for,
        role=seat or quorum.role_of(person, opened.levels, opened.excluded),
        groups=tuple(sorted(person.groups)),
        verb=verb,
        reason=reason,
        seen_digest=opened.digest,
        seen_version=before.version,
        opened_at=opened_at,
        decided_at=at,
        outcome=outcome,
        execute_by=lifecycle.execute_by(at, opened.clocks) if outcome == "approved" else None,
    )


def take(before: record.Request, fact: record.Fact, *, by: str, at: dt.datetime) -> None:
    """The one UPDATE that decides, while the request is open and in time. Raises what the row says when it is not."""
    opened = before.opened
    won = rows.step(before, fact, by=by, at=at, digest=opened.digest, only_if=f"decide_by>{rows.CLOCK}")
    if won:
        return
    now = requests.load(fact.request)
    if now.status != "pending":
        raise already_decided(now, at)
    if now.version != before.version:
        raise Changed(request=fact.request, code="changed")
    raise TooLate(
        f"The time to decide ended {spans.ago(now.opened.decide_by, at)}, so nothing was approved.",
        request=fact.request,
        code="expired",
    )


def _within(opened_at: dt.datetime | None, request: record.Request, at: dt.datetime) -> dt.datetime | None:
    """When the page was opened, as the browser says; never before the request nor after its answer."""
    return None if opened_at is None else max(min(opened_at, at), request.opened.opened_at)
