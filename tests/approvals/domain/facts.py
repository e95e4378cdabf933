"""Facts of approval requests for tests: one payment, and what happens to it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from approvals.domain import happenings, quorum, record
from approvals.domain.sentence import Part
from approvals.domain.terms import STRICT
from orchestrator.domain import content

OPENED_AT = dt.datetime(2026, 11, 23, 9, 0, 0, 250, tzinfo=dt.UTC)
ID = "0b0b9f0e-3f0c-5d3c-8a55-3c1c7d1c4a10"
ARGUMENTS = {"amount": "82000.00", "currency": "EUR", "payee": "ACME\u0000 GmbH"}


def after(**length: float) -> dt.datetime:
    return OPENED_AT + dt.timedelta(**length)


def opened(**changes: Any) -> record.Opened:
    sealed, _ = content.seal(ARGUMENTS)
    return record.Opened(
        **{
            "request": ID,
            "run": "6b1f6f2e-8a60-4c1b-9a2c-0d9a7a1b2c3d",
            "action": "a1",
            "revision": 1,
            "digest": "d" * 64,
            "tool": "payments.pay",
            "tool_version": 1,
            "category": "financial",
            "reversibility": "irreversible",
            "agent": "treasurer",
            "agent_revision": 3,
            "workflow": "invoice_settlement",
            "stage": "treasurer",
            "parts": (Part("Pay "), Part("82,000.00", "amount")),
            "verb": "pay",
            "arguments": sealed,
            "started_by": "operator",
            "agent_owner": "admin",
            "tier": "high",
            "rule": "hold.financial",
            "explanation": "This action of 82,000.00 EUR is financial: a person always decides.",
            "policy": "strict",
            "policy_revision": 1,
            "levels": STRICT.levels,
            "excluded": quorum.exclusions(started_by="operator", agent_owner="admin"),
            "clocks": STRICT.clocks["high"],
            "opened_at": OPENED_AT,
            "decide_by": after(hours=4),
            **changes,
        }
    )


def signed(person: str = "reviewer", **changes: Any) -> record.Signed:
    return record.Signed(
        **{
            "request": ID,
            "person": person,
            "role": "reviewers",
            "groups": ("reviewer",),
            "verb": "approve",
            "seen_digest": "d" * 64,
            "seen_version": 1,
            "decided_at": after(minutes=5),
            "outcome": "approved",
            "execute_by": after(minutes=20),
            **changes,
        }
    )


def rejected(person: str = "reviewer", **changes: Any) -> record.Signed:
    return signed(
        person,
        **{"verb": "reject", "reason": "wrong IBAN", "outcome": "rejected", "execute_by": None, **changes},
    )


def closed(kind: type[record.Closed], **changes: Any) -> record.Closed:
    return kind(**{"request": ID, "reason": "The run was cancelled.", "at": after(minutes=9), **changes})


def retracted(person: str = "reviewer") -> happenings.Retracted:
    return happenings.Retracted(request=ID, person=person, at=after(minutes=6))


def called(person: str, **changes: Any) -> happenings.GlassBroken:
    return happenings.GlassBroken(
        **{
            "request": ID,
            "person": person,
            "reason": "the bank closes",
            "at": after(minutes=7),
            "until": after(minutes=67),
            "seen_digest": "d" * 64,
            "seen_version": 1,
            **changes,
        }
    )


def happened() -> list[record.Fact]:
    """One of each fact that is no step."""
    return [
        retracted(),
        happenings.Reminded(request=ID, at=after(hours=2), people=("reviewer",)),
        happenings.Escalated(request=ID, at=after(hours=3), reason="Nobody can.", is_fault=True),
        happenings.Asked(
            request=ID, question="q1", text="Why this IBAN?", person="reviewer", at=after(minutes=2)
        ),
        happenings.Answered(request=ID, question="q1", text="It is on the invoice.", at=after(minutes=3)),
        called("ann"),
    ]
