"""What the operations of this app take and give, in JSON. Bounded everywhere; unknown fields are refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from django.conf import settings
from django.urls import NoReverseMatch, reverse
from ninja import Schema
from pydantic import Field, JsonValue

from orchestrator.api.calling import Asked, Reason, Word
from orchestrator.domain import replies
from orchestrator.queries import ActionCard, EventCard
from orchestrator.queries.commitments import CommitmentCard, evidence_of
from orchestrator.queries.external import RunLine
from orchestrator.queries.outcomes import outcome_of

Json = dict[str, JsonValue]
Due = Annotated[
    str, Field(max_length=40, description="A moment with its offset, such as 2026-12-01T17:00:00+01:00.")
]


Otherwise = Annotated[
    str,
    Field(
        max_length=replies.MAX_OTHERWISE,
        description="What you will do instead if it is rejected; shown to who decides, as your claim.",
    ),
]


class EvidenceIn(Asked):
    source: Annotated[str, Field(min_length=1, max_length=500)]
    locator: Annotated[str, Field(max_length=500)] = ""
    line: Annotated[int, Field(ge=1, le=2**31)] | None = None
    quote: Annotated[str, Field(max_length=4000)] = ""
    digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""

    def plain(self) -> replies.Evidence:
        return replies.Evidence(**self.model_dump())


class StartRun(Asked):
    title: Word = ""
    input: Json = {}
    on_behalf_of: Annotated[str, Field(max_length=150)] = ""


class FinishRun(Asked):
    succeeded: bool = True
    output: JsonValue = None
    reason: Reason = ""


class Because(Asked):
    reason: Annotated[Reason, Field(min_length=1)]


class Propose(Asked):
    tool: Annotated[str, Field(min_length=1, max_length=200)]
    arguments: Json = {}
    reason: Annotated[str, Field(max_length=4000)] = ""
    otherwise: Otherwise = ""
    evidence: Annotated[list[EvidenceIn], Field(max_length=50)] = []
    call_id: Word = ""

    def plain(self) -> replies.ProposedAction:
        return replies.ProposedAction(
            tool=self.tool,
            arguments=self.arguments,
            reason=self.reason,
            otherwise=self.otherwise,
            evidence=tuple(one.plain() for one in self.evidence),
            call_id=self.call_id,
        )


class ClaimIn(Asked):
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ResultIn(Asked):
    outcome: Literal["executed", "failed", "unknown"]
    result: JsonValue = None
    text: Reason = ""


class AssertionIn(Asked):
    subject: Annotated[str, Field(min_length=1, max_length=500)]
    predicate: Annotated[str, Field(min_length=1, max_length=500)]
    value: JsonValue = None
    evidence: Annotated[list[EvidenceIn], Field(max_length=50)] = []
    reasoning: Annotated[str, Field(max_length=4000)] = ""

    def plain(self) -> replies.Assertion:
        return replies.Assertion(
            subject=self.subject,
            predicate=self.predicate,
            value=self.value,
            evidence=tuple(one.plain() for one in self.evidence),
            reasoning=self.reasoning,
        )


class AssertionsIn(Asked):
    assertions: Annotated[list[AssertionIn], Field(min_length=1, max_length=500)]


class CommitmentIn(Asked):
    creditor: Annotated[str, Field(min_length=1, max_length=200)]
    consequent: Annotated[str, Field(min_length=1, max_length=2000)]
    antecedent: Annotated[str, Field(max_length=2000)] = ""
    premises: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=50)] = []
    due: Due = ""


class DischargeIn(Asked):
    text: Reason = ""
    evidence: Annotated[list[EvidenceIn], Field(max_length=50)] = []


class RunsOut(Schema):
    runs: list[RunLine]
    next: str


class ActionOut(Schema):
    """An action. `state` "allowed" or "released" means: claim it, then do it. `explanation` says why, in words.

    `request` names the approval request by which people are asked while it is held, and the one that was answered
    afterwards; `request_url` is the page on which they decide.
    """

    run: str
    action: str
    tool: str
    state: str
    executor: str
    digest: str
    target: str
    amount: str
    currency: str
    tier: str
    rule: str
    explanation: str
    request: str
    request_url: str
    assigned_to: str
    proposed_at: dt.datetime
    changed_at: dt.datetime
    coalesced: bool = False


class ActionRead(ActionOut):
    """An action with what was reported of it. `result_left_out` says why an executed one has no `result` here."""

    result: Any = None
    result_digest: str = ""
    result_bytes: int = 0
    result_left_out: str = ""


class ActionsOut(Schema):
    actions: list[ActionOut]
    next: int


class ClaimOut(Schema):
    run: str
    action: str
    digest: str
    arguments: Any
    execute_by: dt.datetime


class EventOut(Schema):
    seq: int
    type: str
    version: int
    actor: str
    cause: int
    at: dt.datetime
    payload: Any
    hash: str


class EventsOut(Schema):
    events: list[EventOut]
    next: int


class SeqOut(Schema):
    seq: int


class CommitmentsOut(Schema):
    commitments: list[CommitmentCard]
    next: int


@dataclasses.dataclass(frozen=True, slots=True)
class CommitmentRead(CommitmentCard):
    """A commitment with what its fulfilment rests on, as its debtor says."""

    grounds: list[Any] = dataclasses.field(default_factory=list)


def run_out(line: RunLine) -> dict[str, Any]:
    return dataclasses.asdict(line)


def action_out(card: ActionCard, *, is_external: bool = True, coalesced: bool = False) -> dict[str, Any]:
    return {
        "run": card.run,
        "action": card.action,
        "tool": card.tool,
        "state": card.state,
        "executor": "external" if is_external else "countersign",
        "digest": card.digest,
        "target": card.target,
        "amount": "" if card.amount is None else format(card.amount, "f"),
        "currency": card.currency,
        "tier": card.tier,
        "rule": card.rule,
        "explanation": card.explanation,
        "request": card.request,
        "request_url": _page_of(card.request),
        "assigned_to": card.assigned_to,
        "proposed_at": card.proposed_at,
        "changed_at": card.changed_at,
        "coalesced": coalesced,
    }


def _page_of(request: str) -> str:
    """Where people decide about a request; empty without one, or without an app that asks people."""
    try:
        return settings.PUBLIC_URL.rstrip("/") + reverse("approvals:case", args=[request]) if request else ""
    except NoReverseMatch:
        return ""


def action_read(card: ActionCard, *, is_external: bool = True) -> dict[str, Any]:
    found = outcome_of(card, most=settings.API_MOST_BYTES)
    return {
        **action_out(card, is_external=is_external),
        "result": found.value,
        "result_digest": found.digest,
        "result_bytes": found.size,
        "result_left_out": found.left_out,
    }


def commitment_read(card: CommitmentCard) -> CommitmentRead:
    return CommitmentRead(**dataclasses.asdict(card), grounds=evidence_of(card))


def event_out(card: EventCard) -> dict[str, Any]:
    return {
        "seq": card.seq,
        "type": card.type,
        "version": card.version,
        "actor": card.actor,
        "cause": card.cause,
        "at": card.at,
        "payload": msgspec.json.decode(card.payload),
        "hash": card.hash,
    }
