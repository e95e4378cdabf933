"""Published policies: publish one, find the one that applies, and ask it, with the organisation's floor beside it.

A policy that cannot be found or read does not exist, and what no policy covers is held.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from functools import lru_cache
from typing import Any

import msgspec
from django.db import transaction

from approvals import projections
from approvals.domain import policy, published, shipped, soundness, terms
from approvals.models import PolicyDraft, PolicyRevision
from approvals.queries import people
from approvals.services import history, recording
from orchestrator import sql
from orchestrator.domain import digests, errors
from orchestrator.domain.soundness import Fault
from orchestrator.ports import ActionFacts
from orchestrator.queries import published as published_specs


class UnknownPolicy(errors.NotFound):
    """There is no such policy. Choose a published one."""


class UnreachableQuorum(errors.Refused):
    """A level asks for nobody, so nothing would ever be signed off. Ask for at least one person in each."""


class Unsound(errors.Refused):
    """This policy cannot be published as it is. Each fault says where and what to do."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__(faults[0].text if faults else None)


class ChangedMeanwhile(errors.Conflict):
    """Somebody published a revision of this policy while you were writing."""


def publish_checked(
    *, spec: terms.Policy, by: Any, now: dt.datetime, expected: int, notes: str = ""
) -> terms.Policy:
    """Publish what an administrator wrote, if nothing about it is wrong and nobody was first.

    Its draft is gone then. Raises Unsound, ChangedMeanwhile.
    """
    faults = faults_of(spec)
    if faults:
        raise Unsound(faults)
    with transaction.atomic():
        newest = _newest(spec.slug)
        if (newest.revision if newest is not None else 0) != expected:
            raise ChangedMeanwhile()
        try:
            published_ = publish_policy(policy=spec, by=by, now=now, notes=notes)
        except errors.Conflict:
            raise ChangedMeanwhile() from None
        PolicyDraft.objects.filter(slug=spec.slug).delete()
    return published_


def faults_of(spec: terms.Policy) -> list[Fault]:
    """Everything that is wrong with a policy now, with the people there are now."""
    groups = soundness.groups_of(spec)
    found = soundness.policy_faults(spec, people.members(groups), pool=people.pool(groups))
    if spec.slug == shipped.FLOOR_SLUG and any(rule.then == "allow" for rule in spec.rules):
        found.append(
            Fault("rules", "The floor only makes verdicts stricter. Rules that allow belong into policies.")
        )
    return found


def publish_policy(*, policy: terms.Policy, by: Any, now: dt.datetime, notes: str = "") -> terms.Policy:
    """Publish the next revision of a policy. Publishing what is published already changes nothing.

    `by` is a user, or None for the system itself. It checks no more than that a level asks for somebody; what an
    administrator writes comes through `publish_checked`. Raises UnreachableQuorum, or a Conflict when somebody else
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
    """Publish the policies that every installation has, once. What an administrator changed since stays."""
    for one in shipped.SHIPPED:
        if _newest(one.slug) is None:
            publish_policy(policy=one, by=None, now=now, notes="Shipped with Countersign.")


def find_policy(slug: str) -> terms.Policy:
    """The newest revision of a policy. The shipped ones are built in until they are published."""
    newest = _newest(slug or terms.STRICT.slug)
    if newest is not None:
        return _read(newest)
    for one in shipped.SHIPPED:
        if one.slug == (slug or terms.STRICT.slug):
            return one
    raise UnknownPolicy(f"There is no policy named {slug!r}. Choose a published one.", slug=slug)


def find_revision(slug: str, revision: int) -> terms.Policy:
    """One revision of a policy, however old."""
    row = PolicyRevision.objects.filter(slug=slug, revision=revision).first()
    if row is None:
        raise UnknownPolicy(f"The policy {slug} has no revision {revision}.", slug=slug)
    return _read(row)


def assess_action(facts: ActionFacts) -> terms.Assessment:
    """The verdict of the workflow's policy. An unknown policy holds the action under *strict*.

    Where the agent's scope was published anew since the run began, the action must stand within both; where its tool
    was declared anew, the stricter verdict counts, and of two alike the newer one.
    """
    found = _assess(facts)
    declared = as_declared_now(facts)
    if declared is not facts:
        newer = _assess(declared)
        is_milder = terms.STRICTNESS.index(newer.decision) < terms.STRICTNESS.index(found.decision)
        found = found if is_milder else newer
    if facts.scope_now is None:
        return found
    agent = msgspec.structs.replace(facts.agent, scope=facts.scope_now)
    now = _assess(dataclasses.replace(facts, agent=agent, rolling=facts.rolling_now))
    is_stricter = terms.STRICTNESS.index(now.decision) > terms.STRICTNESS.index(found.decision)
    return now if is_stricter else found


def as_declared_now(facts: ActionFacts) -> ActionFacts:
    """The same action with its tool as an administrator declares it now, when that is newer than what the run pinned."""
    declared = published_specs.find_tool(facts.tool.name)
    if declared is None or declared.version <= facts.tool.version:
        return facts
    return dataclasses.replace(facts, tool=declared)


def _assess(facts: ActionFacts) -> terms.Assessment:
    asked = facts_of(facts)
    known = history.known_of(facts, asked)
    floor = find_policy(shipped.FLOOR_SLUG)
    try:
        applied = find_policy(facts.workflow.policy)
    except UnknownPolicy as unknown:
        strict = policy.assess(asked, terms.STRICT, known, floor=floor)
        if strict.decision == "refuse":
            return strict
        return msgspec.structs.replace(
            strict, decision="hold", rule="hold.unknown_policy", explanation=unknown.message
        )
    return policy.assess(asked, applied, known, floor=floor)


def details_of(found: terms.Assessment) -> dict[str, Any]:
    """What a verdict carries besides its words: who must agree, by when, and where silence goes up to."""
    return {
        "findings": msgspec.to_builtins(found.findings),
        "levels": msgspec.to_builtins(found.levels),
        "clocks": msgspec.to_builtins(found.clocks),
        "escalate_to": list(found.escalate_to),
    }


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
        reads_only=facts.tool.reads_only,
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
    found = sql.rows_of(PolicyRevision, "WHERE slug=$1 ORDER BY revision DESC LIMIT 1", [slug])
    return found[0] if found else None


def _read(row: PolicyRevision) -> terms.Policy:
    return msgspec.structs.replace(_decoded(row.parameters), revision=row.revision)


@lru_cache(maxsize=256)
def _decoded(parameters: str) -> terms.Policy:
    return msgspec.json.decode(parameters, type=terms.Policy)
