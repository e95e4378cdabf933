"""The door to the log for this app's facts: approvals on a stream per request, policies on one per slug."""

from __future__ import annotations

import datetime as dt

import msgspec

from approvals.domain import canaries, delegations, grants, published, record
from orchestrator.domain import digests
from orchestrator.services import journal


def record_fact(fact: record.Fact, *, by: str, at: dt.datetime) -> None:
    """Write a fact on its request's own stream, whose id is the request's."""
    payload = msgspec.json.decode(record.encode(fact))
    journal.record(kind="approval", stream=fact.request, facts=[(fact.TYPE, payload)], by=by, now=at)


def record_delegation(
    fact: delegations.DelegationSet | delegations.DelegationEnded, *, id: str, by: str, at: dt.datetime
) -> None:
    """Write a fact on its delegation's own stream."""
    payload = msgspec.json.decode(delegations.encode(fact))
    journal.record(kind="approval", stream=id, facts=[(fact.TYPE, payload)], by=by, now=at)


def record_grant(fact: grants.Fact, *, id: str, by: str, at: dt.datetime) -> None:
    """Write a fact on its grant's own stream."""
    payload = msgspec.json.decode(grants.encode(fact))
    journal.record(kind="approval", stream=id, facts=[(fact.TYPE, payload)], by=by, now=at)


def record_canary(fact: canaries.Planted, *, by: str) -> None:
    """Write that a canary was planted, on its own stream."""
    payload = msgspec.json.decode(canaries.encode(fact))
    journal.record(kind="canary", stream=fact.canary, facts=[(fact.TYPE, payload)], by=by, now=fact.at)


def record_policy(fact: published.PolicyPublished, *, by: str) -> None:
    """Write a publication. Raises a Conflict when somebody published that revision in the meantime."""
    payload = msgspec.json.decode(digests.encode(fact))
    journal.record(
        kind="policy",
        stream=journal.stream_for("policy", fact.slug),
        facts=[(fact.TYPE, payload)],
        by=by,
        now=fact.published_at,
        expected_seq=fact.revision - 1,
    )
