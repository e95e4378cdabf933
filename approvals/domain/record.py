"""The facts of an approval request, and the rows that follow from them. One table of steps for both.

A request is a stream of `request.*` events; `evolve` folds them into the row and the sign-offs. The
services write the same rows with conditional updates, so the log and the rows cannot tell different
stories.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from approvals.domain import happenings, requests
from approvals.domain.fact import Fact
from approvals.domain.opened import Change, Edit, Opened
from approvals.domain.quorum import Answer, Outcome, Verb
from orchestrator.domain import digests

__all__ = [
    "Change",
    "Closed",
    "Edit",
    "Expired",
    "Fact",
    "Lapsed",
    "Opened",
    "Request",
    "Revoked",
    "SignOff",
    "Signed",
    "Staled",
    "Superseded",
    "Withdrawn",
    "decode",
    "encode",
    "evolve",
]


class Signed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """One person answered, for themselves or for another. `outcome` is where the quorum stands with it."""

    TYPE = "request.signed"
    person: str
    acting_for: str = ""
    role: str
    groups: tuple[str, ...]
    verb: Verb
    reason: str = ""
    seen_digest: str
    seen_version: int
    opened_at: dt.datetime | None = None
    decided_at: dt.datetime
    outcome: Outcome
    execute_by: dt.datetime | None = None


class Closed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A request ended without an answer, or an answer no longer holds. Each way has its own name on the log."""

    reason: str
    at: dt.datetime
    by: str = ""


class Expired(Closed, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "request.expired"


class Withdrawn(Closed, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "request.withdrawn"


class Superseded(Closed, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "request.superseded"


class Revoked(Closed, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "request.revoked"


class Staled(Closed, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "request.staled"


class Lapsed(Closed, frozen=True, kw_only=True, omit_defaults=True):
    TYPE = "request.lapsed"


# How each ending steps through the lifecycle table.
STEPS: dict[type[Closed], requests.Step] = {
    Expired: "expire",
    Withdrawn: "withdraw",
    Superseded: "supersede",
    Revoked: "revoke",
    Staled: "stale",
    Lapsed: "lapse",
}
KINDS: tuple[type[Fact], ...] = (Opened, Signed, *STEPS, *happenings.KINDS)
TYPES: dict[str, type[Fact]] = {kind.TYPE: kind for kind in KINDS}


class SignOff(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer's answer, as its row. `number` counts the answers of its request."""

    request: str
    number: int
    reviewer: str
    acting_for: str = ""
    retracted_at: dt.datetime | None = None
    role: str
    groups: tuple[str, ...]
    verb: Verb
    reason: str
    seen_digest: str
    seen_version: int
    opened_at: dt.datetime | None
    decided_at: dt.datetime


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as its events tell it. `version` counts the steps of its life; a lone sign-off is not a step.

    `fault` says why nobody can decide it as it stands; `calls` are the people who broke the glass.
    """

    opened: Opened
    status: requests.State = "pending"
    version: int = 1
    decided_at: dt.datetime | None = None
    decided_by: str = ""
    reason: str = ""
    execute_by: dt.datetime | None = None
    changed_at: dt.datetime
    sign_offs: tuple[SignOff, ...] = ()
    reminded_at: dt.datetime | None = None
    escalated_at: dt.datetime | None = None
    fault: str = ""
    questions: tuple[happenings.Question, ...] = ()
    calls: tuple[happenings.Call, ...] = ()
    is_break_glass: bool = False

    @property
    def standing(self) -> tuple[SignOff, ...]:
        """The sign-offs that nobody took back."""
        return tuple(one for one in self.sign_offs if one.retracted_at is None)

    @property
    def stepping_in(self) -> tuple[str, ...]:
        """The groups that may fill its levels as well, because it went up to them."""
        return self.opened.escalate_to if self.escalated_at is not None else ()

    @property
    def answers(self) -> list[Answer]:
        """The same, as the quorum counts them."""
        return [
            Answer(
                person=one.reviewer, verb=one.verb, groups=frozenset(one.groups), acting_for=one.acting_for
            )
            for one in self.standing
        ]


def evolve(request: Request | None, fact: Fact) -> Request | None:
    """The request after a fact. Total: a fact that fits no row of the lifecycle table changes nothing."""
    if isinstance(fact, Opened):
        return request or Request(opened=fact, changed_at=fact.opened_at)
    if request is None:
        return None
    if isinstance(fact, Signed):
        return _signed(request, fact)
    happen = _HAPPENS.get(type(fact))
    if happen is not None:
        return happen(request, fact)
    if isinstance(fact, Closed) and requests.may(request.status, STEPS[type(fact)]):
        return replace(
            request,
            status=requests.step(request.status, STEPS[type(fact)]),
            version=request.version + 1,
            reason=fact.reason,
            # The decision that an approval was stays on the row when the approval no longer holds.
            decided_at=request.decided_at or fact.at,
            decided_by=request.decided_by or fact.by,
            changed_at=fact.at,
        )
    return request


def encode(fact: Fact) -> bytes:
    """The canonical payload bytes of a fact."""
    return digests.encode(fact)


def decode(name: str, payload: bytes) -> Fact | None:
    """The fact that stored bytes stand for; None for a type that this version does not know."""
    kind = TYPES.get(name)
    return None if kind is None else msgspec.json.decode(payload, type=kind)


def _signed(request: Request, fact: Signed) -> Request:
    sign_off = SignOff(
        request=fact.request,
        number=len(request.sign_offs) + 1,
        reviewer=fact.person,
        acting_for=fact.acting_for,
        role=fact.role,
        groups=fact.groups,
        verb=fact.verb,
        reason=fact.reason,
        seen_digest=fact.seen_digest,
        seen_version=fact.seen_version,
        opened_at=fact.opened_at,
        decided_at=fact.decided_at,
    )
    if request.status != "pending" or any(given.reviewer == fact.person for given in request.standing):
        return request
    answered = replace(request, sign_offs=(*request.sign_offs, sign_off), changed_at=fact.decided_at)
    if fact.outcome == "pending":
        return answered
    return replace(
        answered,
        status=requests.step(request.status, "approve" if fact.outcome == "approved" else "reject"),
        version=request.version + 1,
        decided_at=fact.decided_at,
        decided_by=fact.person,
        reason=fact.reason,
        execute_by=fact.execute_by,
    )


def _retracted(request: Request, fact: happenings.Retracted) -> Request:
    if request.status != "pending":
        return request
    given = tuple(
        replace(one, retracted_at=fact.at)
        if one.reviewer == fact.person and one.retracted_at is None
        else one
        for one in request.sign_offs
    )
    return request if given == request.sign_offs else replace(request, sign_offs=given, changed_at=fact.at)


def _reminded(request: Request, fact: happenings.Reminded) -> Request:
    return replace(request, reminded_at=request.reminded_at or fact.at, changed_at=fact.at)


def _escalated(request: Request, fact: happenings.Escalated) -> Request:
    fault = fact.reason if fact.is_fault else request.fault
    return replace(request, escalated_at=request.escalated_at or fact.at, fault=fault, changed_at=fact.at)


def _asked(request: Request, fact: happenings.Asked) -> Request:
    question = happenings.Question(id=fact.question, text=fact.text, person=fact.person, at=fact.at)
    return replace(request, questions=(*request.questions, question), changed_at=fact.at)


def _answered(request: Request, fact: happenings.Answered) -> Request:
    questions = tuple(
        replace(one, answer=fact.text, could=fact.could, answered_at=fact.at)
        if one.id == fact.question and one.answered_at is None
        else one
        for one in request.questions
    )
    return replace(request, questions=questions, changed_at=fact.at)


def _called(request: Request, fact: happenings.GlassBroken) -> Request:
    if request.status != "pending":
        return request
    call = happenings.Call(
        person=fact.person,
        reason=fact.reason,
        at=fact.at,
        until=fact.until,
        seen_digest=fact.seen_digest,
        seen_version=fact.seen_version,
    )
    called = replace(request, calls=(*request.calls, call), changed_at=fact.at)
    if not fact.releases:
        return called
    return replace(
        called,
        status=requests.step(request.status, "approve"),
        version=request.version + 1,
        decided_at=fact.at,
        decided_by=fact.person,
        reason=fact.reason,
        execute_by=fact.execute_by,
        is_break_glass=True,
    )


_HAPPENS: dict[type[Fact], Callable[[Request, Any], Request]] = {
    happenings.Retracted: _retracted,
    happenings.Reminded: _reminded,
    happenings.Escalated: _escalated,
    happenings.Asked: _asked,
    happenings.Answered: _answered,
    happenings.GlassBroken: _called,
}
