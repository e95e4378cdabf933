"""The facts of an approval request, and the rows that follow from them. One table of steps for both.

A request is a stream of `request.*` events; `evolve` folds them into the row and the sign-offs. The
services write the same rows with conditional updates, so the log and the rows cannot tell different
stories.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from approvals.domain import requests
from approvals.domain.checks import Check
from approvals.domain.quorum import Exclusion, Outcome, Verb
from approvals.domain.sentence import Part
from approvals.domain.terms import Clocks, Finding, Level, Tier
from orchestrator.domain import digests
from orchestrator.domain.content import Content
from orchestrator.domain.replies import Evidence


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of an approval stream. TYPE is its name on the log, `request` the id of its subject."""

    TYPE: ClassVar[str] = ""
    request: str


class Opened(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A held action is before people: everything they are shown, frozen as it was when the request opened.

    `stated_reason` and `evidence` are the agent's own; `arguments` is the stored call that will be executed.
    """

    TYPE = "request.opened"
    run: str
    action: str
    revision: int
    digest: str
    tool: str
    tool_version: int
    category: str
    reversibility: str
    agent: str
    agent_revision: int
    workflow: str
    stage: str
    parts: tuple[Part, ...]
    verb: str
    arguments: Content
    target: str = ""
    amount: str | None = None
    currency: str | None = None
    person: str | None = None
    stated_reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    evidence_count: int = 0
    started_by: str
    on_behalf_of: str = ""
    agent_owner: str
    tier: Tier
    rule: str
    explanation: str
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()
    policy: str
    policy_revision: int
    levels: tuple[Level, ...]
    excluded: tuple[Exclusion, ...] = ()
    clocks: Clocks
    opened_at: dt.datetime
    decide_by: dt.datetime

    @property
    def sentence(self) -> str:
        return "".join(part.text for part in self.parts)


class Signed(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """One person answered. `outcome` is where the quorum stands with this answer."""

    TYPE = "request.signed"
    person: str
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
KINDS: tuple[type[Fact], ...] = (Opened, Signed, *STEPS)
TYPES: dict[str, type[Fact]] = {kind.TYPE: kind for kind in KINDS}


class SignOff(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer's answer, as its row."""

    request: str
    reviewer: str
    role: str
    groups: tuple[str, ...]
    verb: Verb
    reason: str
    seen_digest: str
    seen_version: int
    opened_at: dt.datetime | None
    decided_at: dt.datetime


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as its events tell it. `version` counts the steps of its life; a lone sign-off is not a step."""

    opened: Opened
    status: requests.State = "pending"
    version: int = 1
    decided_at: dt.datetime | None = None
    decided_by: str = ""
    reason: str = ""
    execute_by: dt.datetime | None = None
    changed_at: dt.datetime
    sign_offs: tuple[SignOff, ...] = ()


def evolve(request: Request | None, fact: Fact) -> Request | None:
    """The request after a fact. Total: a fact that fits no row of the lifecycle table changes nothing."""
    if isinstance(fact, Opened):
        return request or Request(opened=fact, changed_at=fact.opened_at)
    if request is None:
        return None
    if isinstance(fact, Signed):
        return _signed(request, fact)
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
        reviewer=fact.person,
        role=fact.role,
        groups=fact.groups,
        verb=fact.verb,
        reason=fact.reason,
        seen_digest=fact.seen_digest,
        seen_version=fact.seen_version,
        opened_at=fact.opened_at,
        decided_at=fact.decided_at,
    )
    if request.status != "pending" or any(given.reviewer == fact.person for given in request.sign_offs):
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
