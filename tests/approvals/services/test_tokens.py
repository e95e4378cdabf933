"""API tokens: kept as hashes, shown once, pinned, expiring, revocable, and on the record."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from approvals.domain import tokens as rules
from approvals.models import ApiToken
from approvals.services import token_rows, tokens
from orchestrator.domain.callers import NotInScope
from orchestrator.services import journal, rebuild
from tests import callers
from tests.approvals.runs import types_of
from tests.house.exact import assert_record_is_exact, exact_record

__all__ = ["exact_record"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exact_record")]


@pytest.fixture
def made(admin: Any) -> tokens.TokenMade:
    callers.publish_agent(owner=admin.username)
    return callers.agent_token(by=admin)


def test_the_secret_is_kept_nowhere(made: tokens.TokenMade) -> None:
    row = ApiToken.objects.get(pk=made.id)
    stored = json.dumps([str(value) for value in vars(row).values()])
    told = json.dumps([fact[2] for fact in journal.facts(made.id)])
    assert made.secret not in stored + told
    assert len(made.secret) > 43
    assert made.secret.startswith(row.prefix)
    assert len(row.prefix) < 10


def test_a_token_is_its_agent_at_the_revision_it_was_made_for(made: tokens.TokenMade, admin: Any) -> None:
    callers.publish_agent(owner=admin.username, scope=rules_scope())
    found = tokens.recognise(made.secret)
    assert (found.agent, found.revision, found.person, found.permissions) == ("courier", 1, "", frozenset())
    assert found.actor == "agent:courier@1"
    assert tokens.recognise(callers.agent_token(by=admin).secret).revision == 2


def rules_scope() -> Any:
    import msgspec

    return msgspec.structs.replace(callers.SCOPE, tools=("door.look",))


@pytest.mark.parametrize("forged", ["", "cs_", "x" * 201, "cs_" + "A" * 43])
def test_a_forged_token_lets_nobody_in(made: tokens.TokenMade, forged: str) -> None:
    with pytest.raises(tokens.NotAuthentic):
        tokens.recognise(forged)


def test_each_changed_character_makes_another_token(made: tokens.TokenMade) -> None:
    for at in range(len(made.secret)):
        other = made.secret[:at] + ("B" if made.secret[at] != "B" else "C") + made.secret[at + 1 :]
        with pytest.raises(tokens.NotAuthentic):
            tokens.recognise(other)


def test_the_stored_hash_lets_nobody_in(made: tokens.TokenMade) -> None:
    with pytest.raises(tokens.NotAuthentic):
        tokens.recognise(ApiToken.objects.get(pk=made.id).digest)


def test_an_expired_token_lets_nobody_in(made: tokens.TokenMade) -> None:
    held = ApiToken.objects.filter(pk=made.id)
    held.update(expires_at=timezone.now())
    with pytest.raises(tokens.NotAuthentic, match="expired") as refused:
        tokens.recognise(made.secret)
    assert refused.value.facts["code"] == "token_expired"
    held.update(expires_at=made.expires_at)


def test_a_revoked_token_lets_nobody_in_and_says_who_ended_it_why(made: tokens.TokenMade, admin: Any) -> None:
    tokens.revoke_token(token=made.id, reason="It leaked.", by=admin, now=timezone.now())
    with pytest.raises(tokens.NotAuthentic, match="revoked"):
        tokens.recognise(made.secret)
    card = tokens.token_cards(agent="courier", now=timezone.now())[0]
    assert (card.state, card.revoked_by, card.revoked_because) == ("revoked", "admin", "It leaked.")
    assert types_of(made.id) == ["token.created", "token.revoked"]
    with pytest.raises(rules.AlreadyRevoked):
        tokens.revoke_token(token=made.id, reason="Again.", by=admin, now=timezone.now())


def test_a_token_of_a_deactivated_person_lets_nobody_in(reviewer: Any) -> None:
    made = callers.person_token(reviewer)
    reviewer.is_active = False
    reviewer.save()
    with pytest.raises(tokens.NotAuthentic, match="deactivated"):
        tokens.recognise(made.secret)


def test_nobody_ends_the_token_of_another(reviewer: Any, reviewer2: Any) -> None:
    made = callers.person_token(reviewer)
    with pytest.raises(tokens.UnknownToken):
        tokens.revoke_token(
            token=made.id, reason="Mine.", by=reviewer2, person=reviewer2.username, now=timezone.now()
        )


@pytest.mark.parametrize(
    ("scopes", "days", "reason", "error"),
    [
        ((), 30, "x", rules.WrongScopes),
        (("decide",), 30, "x", rules.WrongScopes),
        (("act", "decide"), 30, "x", rules.WrongScopes),
        (("everything",), 30, "x", rules.WrongScopes),
        (("act",), 0, "x", rules.WrongExpiry),
        (("act",), 367, "x", rules.WrongExpiry),
        (("act",), 30, "  ", rules.ReasonMissing),
    ],
)
def test_what_a_token_of_an_agent_cannot_be(
    admin: Any, scopes: tuple[str, ...], days: int, reason: str, error: type[Exception]
) -> None:
    callers.publish_agent(owner=admin.username)
    with pytest.raises(error):
        callers.agent_token(by=admin, scopes=scopes, days=days, reason=reason)
    assert not ApiToken.objects.exists()


def test_a_token_of_a_person_never_acts(reviewer: Any) -> None:
    with pytest.raises(rules.WrongScopes):
        callers.person_token(reviewer, "act")


@pytest.mark.parametrize(
    "broken",
    [
        {"agent": "courier", "scopes": ["decide"]},
        {"person": "reviewer", "scopes": ["act"]},
        {"agent": "courier", "person": "reviewer", "scopes": ["read"]},
        {"scopes": ["read"]},
    ],
)
def test_the_database_refuses_an_identity_that_must_not_be(broken: dict[str, Any]) -> None:
    fact = rules.TokenCreated(
        token=str(uuid.uuid4()),
        digest="d",
        prefix="cs_x",
        scopes=("read",),
        per_minute=1,
        reason="x",
        created_by="x",
        created_at=timezone.now(),
        expires_at=timezone.now(),
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.create(**{**token_rows.columns(fact), **broken})


def test_a_scope_that_a_token_lacks_is_refused_by_name(made: tokens.TokenMade) -> None:
    with pytest.raises(NotInScope, match="decide"):
        tokens.recognise(made.secret).must_hold("decide")


def test_the_last_use_is_shown_and_is_no_part_of_the_record(made: tokens.TokenMade) -> None:
    before = timezone.now()
    tokens.recognise(made.secret)
    used = tokens.token_cards(agent="courier", now=timezone.now())[0].last_used_at
    assert used is not None
    assert before <= used <= timezone.now()
    assert_record_is_exact()


def test_a_row_that_is_not_what_the_log_says_is_found_and_repaired(made: tokens.TokenMade) -> None:
    ApiToken.objects.filter(pk=made.id).update(expires_at=timezone.now() + dt.timedelta(days=3650))
    stranger = ApiToken.objects.get(pk=made.id)
    stranger.pk, stranger.digest = uuid.uuid4(), "another"
    stranger.save(force_insert=True)
    texts = [found.text for found in rebuild.differences()]
    assert len(texts) == 2
    rebuild.rebuild()
    assert ApiToken.objects.get(pk=made.id).expires_at == made.expires_at
    assert not ApiToken.objects.filter(digest="another").exists()
