"""Requests and policies to rows, purely: used by the services and by `rebuild` alike, so the two cannot
differ.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import msgspec

from approvals.domain import canaries, money, published, quorum, record, requests, samples
from approvals.domain.delegations import Delegation
from approvals.domain.grants import Grant
from approvals.domain.terms import TIERS
from approvals.domain.visible import visible

_PRECISION = Decimal("0.000000000001")


def request_columns(request: record.Request) -> dict[str, Any]:
    """The columns of a request's row."""
    opened = request.opened
    return _storable(
        {
            "id": uuid.UUID(opened.request),
            "run": uuid.UUID(opened.run),
            "action": opened.action,
            "revision": opened.revision,
            "digest": opened.digest,
            "status": request.status,
            "version": request.version,
            "tier": opened.tier,
            "rank": TIERS.index(opened.tier),
            "tool": opened.tool,
            "agent": opened.agent,
            "workflow": opened.workflow,
            "sentence": opened.sentence,
            "target": visible(opened.target),
            "amount": comparable_amount(opened.amount),
            "currency": visible(opened.currency or ""),
            "rule": opened.rule,
            "explanation": opened.explanation,
            "policy": opened.policy,
            "policy_revision": opened.policy_revision,
            "levels": [msgspec.to_builtins(level) for level in opened.levels],
            "open_groups": open_groups(request),
            "excluded": [msgspec.to_builtins(one) for one in opened.excluded],
            "opened": record.encode(opened).decode(),
            "opened_at": opened.opened_at,
            "decide_by": opened.decide_by,
            "decided_at": request.decided_at,
            "decided_by": request.decided_by,
            "reason": request.reason,
            "execute_by": request.execute_by,
            "changed_at": request.changed_at,
            "remind_at": requests.remind_at(opened.opened_at, opened.decide_by),
            "escalate_at": requests.escalate_at(opened.opened_at, opened.decide_by, opened.clocks),
            "reminded_at": request.reminded_at,
            "escalated_at": request.escalated_at,
            "fault": request.fault,
            "questions": [msgspec.to_builtins(one) for one in request.questions],
            "calls": [msgspec.to_builtins(one) for one in request.calls],
            "is_break_glass": request.is_break_glass,
        }
    )


def open_groups(request: record.Request) -> list[str]:
    """The groups whose answer brings the quorum nearer now; none once it is decided."""
    if request.status != "pending":
        return []
    opened = request.opened
    given = [one for one in request.answers if one.verb == "approve"]
    stands = quorum.tally(opened.levels, given, opened.editors)
    wanted = {level.group for level in stands.open if len(stands.filled[level.name]) < level.need}
    return sorted(wanted | set(request.stepping_in)) if wanted else []


def comparable_amount(text: str | None) -> Decimal | None:
    """An amount that the column can hold exactly; None for what could not be compared anyway."""
    value = money.plain_value(text)
    return None if value is None else value.quantize(_PRECISION)


def sign_off_columns(sign_off: record.SignOff) -> dict[str, Any]:
    """The columns of a sign-off's row."""
    return _storable(
        {
            "request_id": uuid.UUID(sign_off.request),
            "number": sign_off.number,
            "reviewer": sign_off.reviewer,
            "acting_for": sign_off.acting_for,
            "retracted_at": sign_off.retracted_at,
            "role": sign_off.role,
            "groups": list(sign_off.groups),
            "verb": sign_off.verb,
            "reason": sign_off.reason,
            "seen_digest": sign_off.seen_digest,
            "seen_version": sign_off.seen_version,
            "opened_at": sign_off.opened_at,
            "decided_at": sign_off.decided_at,
        }
    )


def _storable(columns: dict[str, Any]) -> dict[str, Any]:
    """The log keeps a NUL; a text column cannot."""
    return {
        name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for name, value in columns.items()
    }


def policy_columns(fact: published.PolicyPublished) -> dict[str, Any]:
    """The columns of a policy revision's row."""
    return {
        "slug": fact.slug,
        "revision": fact.revision,
        "title": fact.title,
        "digest": fact.digest,
        "parameters": published.parameters_of(fact.parameters).decode(),
        "published_by": fact.published_by,
        "published_at": fact.published_at,
        "notes": fact.notes,
    }


def sample_columns(sample: samples.Sample) -> dict[str, Any]:
    """The columns of a sample's row."""
    taken = sample.taken
    return {
        "id": uuid.UUID(taken.sample),
        "run": uuid.UUID(taken.run),
        "action": taken.action,
        "tool": taken.tool,
        "agent": taken.agent,
        "workflow": taken.workflow,
        "sentence": taken.sentence,
        "policy": taken.policy,
        "policy_revision": taken.policy_revision,
        "rule": taken.rule,
        "explanation": taken.explanation,
        "taken_at": taken.at,
        "finding": sample.finding,
        "note": sample.note,
        "reviewed_by": sample.reviewed_by,
        "reviewed_at": sample.reviewed_at,
    }


def delegation_columns(delegation: Delegation) -> dict[str, Any]:
    """The columns of a delegation's row."""
    return {**msgspec.structs.asdict(delegation), "id": uuid.UUID(delegation.id)}


def grant_columns(grant: Grant) -> dict[str, Any]:
    """The columns of a standing grant's row."""
    return {**msgspec.structs.asdict(grant), "id": uuid.UUID(grant.id)}


def canary_columns(fact: canaries.Planted) -> dict[str, Any]:
    """The columns of a canary's row."""
    return {
        "id": uuid.UUID(fact.canary),
        "run": uuid.UUID(fact.run),
        "like": uuid.UUID(fact.like),
        "flaw": fact.flaw,
        "planted_by": fact.by,
        "planted_at": fact.at,
        "shown_as": fact.shown_as,
        "arguments": fact.arguments,
        "stated_reason": fact.stated_reason,
    }
