"""Standing grants: made by one administrator, approved by another, counted when an action is taken."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from approvals import projections
from approvals.domain import grants, record
from approvals.domain import requests as lifecycle
from approvals.domain.facts import Reading
from approvals.domain.grants import Grant
from approvals.domain.providers import BOOK
from approvals.domain.terms import Tier
from approvals.models import StandingGrant
from approvals.queries import grants as queries
from approvals.services import history, policies, recording, rows, settling
from orchestrator.domain import errors
from orchestrator.ports import ActionFacts
from orchestrator.queries import catalogue

log = structlog.get_logger(__name__)

MANAGE = "approvals.manage_grants"


class MayNotGrant(errors.NotPermitted):
    """You may not make, approve or revoke standing grants. Ask an administrator."""


def make(
    *,
    agent: str,
    tool: str,
    fields: Mapping[str, str],
    when: str = "",
    max_amount: str = "",
    currency: str = "",
    max_uses: int,
    expires_at: dt.datetime,
    reason: str,
    by: Any,
    now: dt.datetime,
) -> Grant:
    """Propose a grant; nothing passes by it before a second person approves it. Raises grants.BadGrant, MayNotGrant."""
    _may(by)
    declared = catalogue.tool_card(tool).spec
    at = rows.database_time()
    grant = Grant(
        id=str(uuid.uuid4()),
        agent=agent,
        tool=tool,
        fields=dict(fields),
        when=when.strip(),
        max_amount=max_amount,
        currency=currency,
        max_uses=max_uses,
        expires_at=expires_at,
        reason=reason.strip(),
        created_by=by.get_username(),
        created_at=at,
    )
    moves_money = bool(declared.amount_field or declared.currency_field)
    grants.check(
        grant,
        category=declared.category,
        reversibility=declared.reversibility,
        moves_money=moves_money,
        arguments=declared.parameters.get("properties", {}),
    )
    with transaction.atomic():
        fact = grants.GrantCreated(grant=grant)
        recording.record_grant(fact, id=grant.id, by=f"user:{grant.created_by}", at=at)
        StandingGrant.objects.create(**projections.grant_columns(grant))
    return grant


def approve(*, grant: str, by: Any, now: dt.datetime) -> Grant:
    """The second hand. Raises grants.SameHand, grants.BadGrant, queries.UnknownGrant, MayNotGrant."""
    _may(by)
    return _step(grant, by, lambda found, at: grants.approve(found, by=by.get_username(), at=at))


def revoke(*, grant: str, by: Any, reason: str, now: dt.datetime) -> Grant:
    """Take it back; what it let pass and was not taken yet is asked again. Raises grants.BadGrant, MayNotGrant."""
    _may(by)
    return _step(
        grant, by, lambda found, at: grants.revoke(found, by=by.get_username(), at=at, reason=reason)
    )


def covering(facts: ActionFacts, tier: Tier) -> str:
    """The id of a grant that covers an action, empty when none does or it cannot be told."""
    if facts.edited_by:
        return ""
    try:
        known = queries.of_action(facts.agent.slug, facts.tool.name)
        facts = policies.as_declared_now(facts)
        at = rows.database_time()
        return next((grant.id for grant in known if _covers(grant, facts, tier, at)), "")
    except Exception:
        # Whatever goes wrong here, people decide.
        log.exception("grants_failed", run=facts.run, action=facts.action)
        return ""


def answer(opened: record.Request, *, at: dt.datetime) -> None:
    """Answer a request by its grant, which leaves the same record as a person's answer."""
    fact = record.Signed(
        request=opened.opened.request,
        person=f"{grants.BY_GRANT}{opened.opened.grant}",
        role=settling.GRANT,
        groups=(),
        verb="approve",
        reason=grants.in_words(queries.load(opened.opened.grant)),
        seen_digest=opened.opened.digest,
        seen_version=opened.version,
        decided_at=at,
        outcome="approved",
        execute_by=lifecycle.execute_by(at, opened.opened.clocks),
    )
    if rows.step(opened, fact, by="system", at=at):
        after = record.evolve(opened, fact)
        assert after is not None
        settling.settle(after, by=fact.person, at=at)


def use(found: record.Request, facts: ActionFacts, tier: Tier, *, at: dt.datetime) -> bool:
    """Count one use, in the transaction of the claim: one UPDATE, so the last use is used once. False when it may not."""
    opened = found.opened
    grant = queries.load(opened.grant)
    if not _covers(grant, facts, tier, rows.database_time()):
        return False
    counted = StandingGrant.objects.filter(
        pk=grant.id,
        uses__lt=F("max_uses"),
        revoked_at__isnull=True,
        expires_at__gt=rows.ClockTimestamp(),
    ).exclude(approved_by="")
    if not counted.update(uses=F("uses") + 1):
        return False
    fact = grants.GrantUsed(id=grant.id, request=opened.request, run=opened.run, action=opened.action, at=at)
    recording.record_grant(fact, id=grant.id, by="system", at=at)
    return True


def _covers(grant: Grant, facts: ActionFacts, tier: Tier, at: dt.datetime) -> bool:
    tool = facts.tool
    return grants.covers(
        grant,
        agent=facts.agent.slug,
        tool=tool.name,
        arguments=facts.arguments,
        amount=facts.amount,
        currency=facts.currency,
        moves_money=bool(tool.amount_field or tool.currency_field),
        reversibility=tool.reversibility,
        tier=tier,
        at=at,
        holds=lambda condition: _reading(facts).matches(condition),
    )


def _reading(facts: ActionFacts) -> Reading:
    """The facts of an action, as a policy would read them now."""
    return Reading(history.known_of(facts, policies.facts_of(facts)), BOOK)


def _step(grant: str, by: Any, judge: Any) -> Grant:
    with transaction.atomic():
        # The row is locked first, as the claim does: whoever comes second sees what the first one did.
        StandingGrant.objects.select_for_update().filter(pk=grant).first()
        found = queries.load(grant)
        at = rows.database_time()
        fact = judge(found, at)
        after = grants.evolve(found, fact)
        assert after is not None
        recording.record_grant(fact, id=found.id, by=f"user:{by.get_username()}", at=at)
        was, now = projections.grant_columns(found), projections.grant_columns(after)
        changed = {name: value for name, value in now.items() if value != was[name]}
        StandingGrant.objects.filter(pk=found.id).update(**changed)
    return after


def _may(by: Any) -> None:
    if not by.has_perm(MANAGE):
        raise MayNotGrant()
