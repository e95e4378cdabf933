"""Make, revoke and recognise API tokens. The secret is given once and kept nowhere."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from approvals.domain import tokens
from approvals.models import ApiToken, PolicyRevision
from approvals.queries import policies
from approvals.services import rows, token_rows
from orchestrator.domain import digests, errors
from orchestrator.domain.callers import Caller
from orchestrator.queries import published
from orchestrator.services import journal

# The time of the last use is kept to the minute, so that a busy token does not write at each call.
USED_EVERY = dt.timedelta(minutes=1)
DEFAULT_PER_MINUTE = 300
MOST_PER_MINUTE = 10_000


class NotAuthentic(errors.NotPermitted):
    """This token is not known. Send "Authorization: Bearer" with a token that an administrator made."""

    status = 401


class UnknownToken(errors.NotFound):
    """There is no such token. It may belong to somebody else."""


class UnknownAgent(errors.NotFound):
    """There is no such agent, or it is retired. Choose one from the Agents page."""


@dataclass(frozen=True)
class TokenMade:
    """A new token. `secret` is shown now and never again."""

    id: str
    secret: str
    prefix: str
    expires_at: dt.datetime


def create_agent_token(
    *,
    agent: str,
    scopes: Sequence[str],
    days: int,
    reason: str,
    policy: str = "strict",
    per_minute: int = DEFAULT_PER_MINUTE,
    by: Any,
    now: dt.datetime,
) -> TokenMade:
    """A token that acts as one agent, pinned to its newest revision. Raises UnknownAgent, WrongScopes, WrongExpiry."""
    spec = published.agents().get(agent)
    if spec is None:
        raise UnknownAgent(agent=agent)
    tokens.check(is_agent=True, scopes=scopes, days=days, reason=reason)
    return _create(
        by=by,
        now=now,
        days=days,
        agent=agent,
        agent_revision=spec.revision,
        scopes=tuple(scopes),
        policy=policy,
        per_minute=max(1, min(per_minute, MOST_PER_MINUTE)),
        reason=reason.strip(),
    )


def create_person_token(
    *, scopes: Sequence[str], days: int, reason: str, by: Any, now: dt.datetime
) -> TokenMade:
    """A person's own token, for their own programs: what it decides is decided in their name."""
    tokens.check(is_agent=False, scopes=scopes, days=days, reason=reason)
    return _create(
        by=by,
        now=now,
        days=days,
        person=by.get_username(),
        scopes=tuple(scopes),
        per_minute=DEFAULT_PER_MINUTE,
        reason=reason.strip(),
    )


def revoke_token(
    *, token: str, reason: str, by: Any, now: dt.datetime, person: str = "", agent: str = ""
) -> None:
    """End a token at once. With `person` or `agent` only one of theirs. Raises UnknownToken, AlreadyRevoked."""
    if not reason.strip():
        raise tokens.ReasonMissing()
    with transaction.atomic():
        found = ApiToken.objects.select_for_update().filter(pk=_key(token))
        if person:
            found = found.filter(person=person)
        if agent:
            found = found.filter(agent=agent)
        row = found.first()
        if row is None:
            raise UnknownToken(token=token)
        if row.revoked_at is not None:
            raise tokens.AlreadyRevoked()
        fact = tokens.TokenRevoked(
            token=str(row.id),
            reason=reason.strip(),
            revoked_by=by.get_username(),
            revoked_at=rows.database_time(),
        )
        _record(fact, by, now)
        ApiToken.objects.filter(pk=row.pk).update(**token_rows.columns(fact))


def recognise(secret: str) -> Caller:
    """Who calls with this secret. Raises NotAuthentic: unknown, expired, revoked, or its person is deactivated."""
    row = ApiToken.objects.filter(digest=tokens.seal(secret)).first() if len(secret) <= 200 else None
    if row is None:
        raise NotAuthentic(code="token_unknown")
    now = timezone.now()
    if row.revoked_at is not None:
        raise NotAuthentic(
            "This token was revoked. Ask an administrator for a new one.", code="token_revoked"
        )
    if row.expires_at <= now:
        raise NotAuthentic(
            "This token has expired. Ask an administrator for a new one.", code="token_expired"
        )
    permissions: frozenset[str] = frozenset()
    if row.person:
        account: Any = get_user_model().objects.filter(username=row.person, is_active=True).first()
        if account is None:
            raise NotAuthentic("The person of this token is deactivated.", code="token_inactive")
        permissions = frozenset(account.get_all_permissions())
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_EVERY)
    if row.last_used_at is None or row.last_used_at < now - USED_EVERY:
        ApiToken.objects.filter(stale, pk=row.pk).update(last_used_at=now)
    return Caller(
        token=str(row.id),
        scopes=frozenset(row.scopes),
        agent=row.agent,
        revision=row.agent_revision,
        person=row.person,
        permissions=permissions,
        policy=row.policy,
        per_minute=row.per_minute,
    )


@dataclass(frozen=True)
class TokenCard:
    """A token for the list. `state` is active, expired or revoked."""

    id: str
    prefix: str
    state: str
    scopes: str
    reason: str
    policy: str
    per_minute: int
    agent_revision: int
    created_by: str
    created_at: dt.datetime
    expires_at: dt.datetime
    last_used_at: dt.datetime | None
    revoked_by: str
    revoked_at: dt.datetime | None
    revoked_because: str


def token_cards(*, now: dt.datetime, agent: str = "", person: str = "") -> list[TokenCard]:
    """The latest tokens of an agent or of a person, those in use first."""
    found = [
        _card(row, now)
        for row in ApiToken.objects.filter(agent=agent, person=person).order_by("-created_at")[:200]
    ]
    return sorted(found, key=lambda card: card.state != "active")


def policies_to_choose() -> list[tuple[str, str]]:
    """(slug, title) of the policies that an agent's runs may name, *strict* first."""
    titles = dict(
        PolicyRevision.objects.order_by("slug", "-revision").distinct("slug").values_list("slug", "title")
    )
    found = [(slug, titles.get(slug) or slug) for slug in policies.names()]
    return sorted(found, key=lambda pair: (pair[0] != "strict", pair[0]))


def _card(row: ApiToken, now: dt.datetime) -> TokenCard:
    state = "revoked" if row.revoked_at is not None else "expired" if row.expires_at <= now else "active"
    return TokenCard(
        id=str(row.id),
        prefix=row.prefix,
        state=state,
        scopes=", ".join(row.scopes),
        reason=row.reason,
        policy=row.policy,
        per_minute=row.per_minute,
        agent_revision=row.agent_revision,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_by=row.revoked_by,
        revoked_at=row.revoked_at,
        revoked_because=row.revoked_because,
    )


def _create(*, by: Any, now: dt.datetime, days: int, **fields: Any) -> TokenMade:
    secret = tokens.PREFIX + secrets.token_urlsafe(32)
    fact = tokens.TokenCreated(
        token=str(uuid.uuid4()),
        digest=tokens.seal(secret),
        prefix=secret[: tokens.SHOWN],
        created_by=by.get_username(),
        created_at=now,
        expires_at=now + dt.timedelta(days=days),
        **fields,
    )
    with transaction.atomic():
        _record(fact, by, now)
        ApiToken.objects.create(**token_rows.columns(fact))
    return TokenMade(fact.token, secret, fact.prefix, fact.expires_at)


def _record(fact: tokens.TokenFact, by: Any, now: dt.datetime) -> None:
    payload = msgspec.json.decode(digests.encode(fact))
    journal.record(
        kind="approval",
        stream=fact.token,
        facts=[(fact.TYPE, payload)],
        by=f"user:{by.get_username()}",
        now=now,
    )


def _key(token: str) -> uuid.UUID:
    try:
        return uuid.UUID(token)
    except ValueError:
        raise UnknownToken(token=token) from None
