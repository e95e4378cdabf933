"""Published policies: publish one, find the one that applies, and ask it.

A policy that cannot be found or read does not exist, and what no policy covers is held.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from django.db import transaction

from approvals import projections
from approvals.domain import policy, published, terms
from approvals.models import PolicyRevision
from approvals.services import recording
from orchestrator.domain import digests, errors
from orchestrator.ports import ActionFacts


class UnknownPolicy(errors.NotFound):
    """There is no such policy. Choose a published one."""


class UnreachableQuorum(errors.Refused):
    """A level asks for nobody, so nothing would ever be signed off. Ask for at least one person in each."""


def publish_policy(*, policy: terms.Policy, by: Any, now: dt.datetime, notes: str = "") -> terms.Policy:
    """Publish the next revision of a policy. Publishing what is published already changes nothing.

    `by` is a user, or None for the system itself. Raises UnreachableQuorum, or a Conflict when somebody else
    published in the meantime.
    """
    if not policy.levels or any(level.need < 1 for level in policy.levels):
        raise UnreachableQuorum()
    with transaction.atomic():
        newest = _newest(policy.slug)
        digest = digests.sha256(published.parameters_of(policy))
        if newest is not None and newest.digest == digest:
            return _read(newest)
        revision = newest.revision + 1 if newest is not None else 1
        fact = published.PolicyPublished(
            slug=policy.slug,
            revision=revision,
            title=policy.title,
            digest=digest,
            parameters=msgspec.structs.replace(policy, revision=0),
            published_by=by.get_username() if by is not None else "system",
            published_at=now,
            notes=notes,
        )
        recording.record_policy(fact, by=f"user:{fact.published_by}" if by is not None else "system")
        PolicyRevision.objects.create(**projections.policy_columns(fact))
    return msgspec.structs.replace(policy, revision=revision)


def ensure_shipped(*, now: dt.datetime) -> None:
    """Publish the policies that every installation has. May be called again."""
    publish_policy(policy=terms.STRICT, by=None, now=now, notes="Shipped with Countersign.")


def find_policy(slug: str) -> terms.Policy:
    """The newest revision of a policy. *strict* is built in until it is published."""
    newest = _newest(slug)
    if newest is not None:
        return _read(newest)
    if slug in (terms.STRICT.slug, ""):
        return terms.STRICT
    raise UnknownPolicy(f"There is no policy named {slug!r}. Choose a published one.", slug=slug)


def assess_action(facts: ActionFacts) -> terms.Assessment:
    """The verdict of the workflow's policy. An unknown policy holds the action under *strict*."""
    asked = facts_of(facts)
    try:
        applied = find_policy(facts.workflow.policy)
    except UnknownPolicy as unknown:
        strict = policy.assess(asked, terms.STRICT)
        if strict.decision == "refuse":
            return strict
        return msgspec.structs.replace(
            strict, decision="hold", rule="hold.unknown_policy", explanation=unknown.message
        )
    return policy.assess(asked, applied)


def facts_of(facts: ActionFacts) -> terms.Facts:
    """What the engine knows of an action, in the policy's terms."""
    return terms.Facts(
        agent=facts.agent.slug,
        tool=facts.tool.name,
        category=facts.tool.category,
        scope=facts.agent.scope,
        reversibility=facts.tool.reversibility,
        target=facts.target,
        amount=_as_given(facts, facts.tool.amount_field),
        currency=_as_given(facts, facts.tool.currency_field),
        moves_money=bool(facts.tool.amount_field or facts.tool.currency_field),
        person=facts.person,
        rolling=facts.rolling,
    )


def _as_given(facts: ActionFacts, field: str) -> str | None:
    """An operand exactly as the stored call has it: what was normalised could hide how it was written."""
    value = facts.arguments.get(field) if field else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        return None
    return value if isinstance(value, str) else ""


def _newest(slug: str) -> PolicyRevision | None:
    return PolicyRevision.objects.filter(slug=slug).order_by("-revision").first()


def _read(row: PolicyRevision) -> terms.Policy:
    found = msgspec.json.decode(row.parameters, type=terms.Policy)
    return msgspec.structs.replace(found, revision=row.revision)
