"""What happens to a request without being a step of its life: answers taken back, reminders, questions, alarms."""

from __future__ import annotations

import datetime as dt

import msgspec

from approvals.domain.fact import Fact


class Retracted(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A person took back their sign-off before the quorum was complete."""

    TYPE = "request.retracted"
    person: str
    at: dt.datetime
    reason: str = ""


class Reminded(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Half of the time is over, and these people have not answered."""

    TYPE = "request.reminded"
    at: dt.datetime
    people: tuple[str, ...] = ()


class Escalated(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """It went up: nobody answered in time, or nobody could (`is_fault`). `people` are told."""

    TYPE = "request.escalated"
    at: dt.datetime
    reason: str
    people: tuple[str, ...] = ()
    is_fault: bool = False


class Asked(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A reviewer put a question to the agent. It decides nothing and holds nothing up."""

    TYPE = "request.asked"
    question: str
    text: str
    person: str
    at: dt.datetime


class Answered(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The agent's answer, as its claim; or, with `could` false, why it gave none."""

    TYPE = "request.answered"
    question: str
    text: str
    could: bool = True
    at: dt.datetime


class GlassBroken(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """One person asks for, or with the second one gives, a release past the quorum."""

    TYPE = "breakglass.called"
    person: str
    reason: str
    at: dt.datetime
    until: dt.datetime
    seen_digest: str
    seen_version: int
    releases: bool = False
    execute_by: dt.datetime | None = None
    people: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question and what came back. `could` is None while the answer is awaited."""

    id: str
    text: str
    person: str
    at: dt.datetime
    answer: str = ""
    could: bool | None = None
    answered_at: dt.datetime | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One person's call to release past the quorum."""

    person: str
    reason: str
    at: dt.datetime
    until: dt.datetime
    seen_digest: str
    seen_version: int


KINDS: tuple[type[Fact], ...] = (Retracted, Reminded, Escalated, Asked, Answered, GlassBroken)
