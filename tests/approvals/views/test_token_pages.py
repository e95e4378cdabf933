"""The pages where tokens are made and ended: the secret is in the answer that made it and in no other."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from approvals.models import ApiToken
from approvals.services import tokens
from tests import callers

pytestmark = pytest.mark.django_db
SECRET = re.compile(r'id="token-secret">(cs_[^<]+)<')


@pytest.fixture
def page(client: Client, admin: Any) -> tuple[Client, str]:
    callers.publish_agent(owner=admin.username)
    client.force_login(admin)
    return client, reverse("approvals:agent_tokens", args=["courier"])


CREATE = {
    "do": "create",
    "scopes": ["act", "read"],
    "policy": "strict",
    "days": "30",
    "per_minute": "60",
    "reason": "The courier.",
}


def test_a_token_is_made_shown_once_and_works(page: tuple[Client, str]) -> None:
    client, address = page
    answer = client.post(address, CREATE)
    found = SECRET.search(answer.content.decode())
    assert found is not None
    assert answer["Cache-Control"] == "no-store"
    assert tokens.recognise(found.group(1)).agent == "courier"
    again = client.get(address).content.decode()
    assert found.group(1) not in again
    assert "The courier." in again
    assert str(client.session.items()).find(found.group(1)) == -1


@pytest.mark.parametrize(
    "changed", [{"scopes": []}, {"scopes": ["decide"]}, {"days": "0"}, {"days": "9999"}, {"reason": " "}]
)
def test_what_cannot_be_is_said_and_makes_no_token(page: tuple[Client, str], changed: dict[str, Any]) -> None:
    client, address = page
    answer = client.post(address, {**CREATE, **changed})
    assert answer.status_code == 422
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_with_a_reason(page: tuple[Client, str], admin: Any) -> None:
    client, address = page
    made = callers.agent_token(by=admin)
    nothing = client.post(address, {"do": "revoke", "token": made.id, "reason": ""})
    assert nothing.status_code == 422
    assert client.post(address, {"do": "revoke", "token": made.id, "reason": "Leaked."}).status_code == 302
    assert "Leaked." in client.get(address).content.decode()
    with pytest.raises(tokens.NotAuthentic):
        tokens.recognise(made.secret)


def test_a_page_ends_no_token_of_another_agent(page: tuple[Client, str], admin: Any) -> None:
    client, address = page
    callers.publish_agent("rival", owner=admin.username)
    other = callers.agent_token("rival", by=admin)
    assert client.post(address, {"do": "revoke", "token": other.id, "reason": "x"}).status_code == 404
    assert tokens.recognise(other.secret).agent == "rival"


def test_a_person_makes_a_token_of_their_own_only_after_giving_their_password_again(
    client: Client, reviewer: Any
) -> None:
    reviewer.set_password("a-long-password-1")
    reviewer.save()
    client.force_login(reviewer)
    address = reverse("approvals:own_tokens")
    wanted = {"do": "create", "scopes": ["decide"], "days": "7", "reason": "My desk."}
    answer = client.post(address, wanted)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
    assert not ApiToken.objects.exists()
    client.post(answer["Location"], {"password": "a-long-password-1"})
    found = SECRET.search(client.post(address, wanted).content.decode())
    assert found is not None
    assert tokens.recognise(found.group(1)).person == "reviewer"


def test_hostile_words_are_shown_as_words(page: tuple[Client, str], admin: Any) -> None:
    client, address = page
    callers.agent_token(by=admin, reason="<script>alert(1)</script>\u202e")
    shown = client.get(address).content.decode()
    assert "<script>alert(1)" not in shown
    assert "U+202E" in shown
