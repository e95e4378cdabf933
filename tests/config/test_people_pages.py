"""People: invited with a password that is shown once, given roles, kept out; nobody locks everybody out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config import staff
from config.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(admin: Any, operator: Any) -> Client:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(admin)
    return client


def password_on(page: Any) -> str:
    found = re.search(r'id="initial-password">([^<]+)<', page.content.decode())
    assert found
    return found.group(1)


def test_an_invited_person_signs_in_with_the_password_that_was_shown_once(at: Client) -> None:
    page = at.post("/people/new/", {"username": "rosa.weber", "name": "Rosa Weber", "roles": ["reviewer"]})
    password = password_on(page)
    assert page.headers["Cache-Control"] == "no-store"
    assert password not in at.get("/people/rosa.weber/").content.decode()
    signed_in = Client(HTTP_HOST="127.0.0.1").post(
        "/account/login/", {"login": "rosa.weber", "password": password}
    )
    assert signed_in.status_code == 302
    person = User.objects.get(username="rosa.weber")
    assert person.has_perm("approvals.sign_off")
    assert not person.has_perm("config.manage_people")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"username": "operator"}, "this username already"),
        ({"username": "system"}, "small letters"),
        ({"username": "Rosa W"}, "small letters"),
        ({"username": "\u0430dmin"}, "small letters"),
        ({"name": "Ro\u200bsa"}, "nobody can see"),
        ({"name": " "}, "required"),
        ({"roles": []}, "at least one role"),
        ({"roles": ["owner"]}, "not one of the available choices"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_said_at_its_field(
    at: Client, change: dict[str, Any], words: str
) -> None:
    before = User.objects.count()
    page = at.post("/people/new/", {"username": "rosa", "name": "Rosa", "roles": ["reviewer"], **change})
    assert page.status_code == 422
    assert words in page.content.decode()
    assert User.objects.count() == before


def test_roles_are_exactly_what_was_chosen(at: Client, operator: User) -> None:
    at.post("/people/operator/", {"do": "roles", "roles": ["reviewer", "admin"]})
    operator.refresh_from_db()
    assert sorted(group.name for group in operator.groups.all()) == ["admin", "reviewer"]
    assert operator.is_staff


def test_a_deactivated_person_is_out_at_once_and_everywhere(at: Client, operator: User) -> None:
    theirs = Client(HTTP_HOST="127.0.0.1")
    theirs.force_login(operator)
    assert theirs.get("/agents/").status_code == 200
    at.post("/people/operator/", {"do": "deactivate"})
    assert theirs.get("/agents/").status_code == 302
    assert staff.find_person("operator").sessions == 0
    at.post("/people/operator/", {"do": "activate"})
    assert User.objects.get(username="operator").is_active


def test_signing_out_everywhere_ends_each_session_of_that_person_alone(at: Client, operator: User) -> None:
    for _ in range(2):
        Client(HTTP_HOST="127.0.0.1").force_login(operator)
    assert staff.find_person("operator").sessions == 2
    at.post("/people/operator/", {"do": "sign_out"})
    assert staff.find_person("operator").sessions == 0
    assert at.get("/people/").status_code == 200


def test_a_new_password_replaces_the_old_one(at: Client, operator: User) -> None:
    first = password_on(at.post("/people/operator/", {"do": "password"}))
    second = password_on(at.post("/people/operator/", {"do": "password"}))
    operator.refresh_from_db()
    assert not operator.check_password(first)
    assert operator.check_password(second)


@pytest.mark.parametrize("step", ["deactivate", "roles"])
def test_nobody_changes_their_own_standing(at: Client, step: str) -> None:
    page = at.post("/people/admin/", {"do": step, "roles": ["reviewer"]})
    assert page.status_code == 422
    assert "Ask another administrator" in page.content.decode()
    assert User.objects.get(username="admin").has_perm("config.manage_people")


def test_the_last_administrator_stays_one(admin: User, operator: User) -> None:
    with pytest.raises(staff.LastAdministrator):
        staff.set_active(username="admin", is_active=False, by=operator, now=timezone.now())
    with pytest.raises(staff.LastAdministrator):
        staff.set_roles(username="admin", roles=["operator"], by=operator, now=timezone.now())


@pytest.mark.parametrize("url", ["/people/", "/people/new/", "/people/operator/"])
@pytest.mark.parametrize("role", ["operator", "reviewer"])
def test_only_those_who_manage_people_see_them(at: Client, request: Any, role: str, url: str) -> None:
    at.force_login(request.getfixturevalue(role))
    assert at.get(url).status_code == 403


def test_an_unknown_person_or_deed_is_a_clear_answer(at: Client) -> None:
    assert at.get("/people/nobody/").status_code == 404
    assert at.post("/people/operator/", {"do": "promote"}).status_code == 409
