"""Groups that quorums ask for: made, filled and retired by an administrator; never renamed, never pulled from under."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from approvals.domain import terms
from approvals.queries import people as quorum_people
from approvals.services import policies
from config import groups, people_record, staff
from config.models import User

pytestmark = pytest.mark.django_db
MISLEADING = (
    "",
    "a",
    "Finance",
    "fin ance",
    "9lives",
    "x/y",
    "f\u0456nance",
    "fin\u200bance",
    "<b>x</b>",
    "x" * 41,
)
KEPT_WORDS = ("admin", "reviewer", "operator", "service", "system")


@pytest.fixture
def at(admin: Any, reviewer: Any) -> Client:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(admin)
    return client


@pytest.fixture
def finance(admin: User) -> str:
    groups.create_group(name="finance", by=admin, now=timezone.now())
    return "finance"


def facts_of(stream: str) -> list[tuple[str, dict[str, Any], str]]:
    from orchestrator.services import journal

    return [(name, payload, actor) for _, name, payload, actor, _ in journal.facts(stream)]


def policy_asking(group: str) -> terms.Policy:
    level = terms.Level(name="money", group=group, need=1)
    return msgspec.structs.replace(terms.STRICT, slug="asking", levels=(level,))


@pytest.mark.parametrize("name", [*MISLEADING, *KEPT_WORDS])
def test_a_name_that_could_mislead_makes_no_group(at: Client, name: str) -> None:
    before = Group.objects.count()
    assert at.post("/people/groups/", {"name": name}).status_code == 422
    assert Group.objects.count() == before


def test_a_group_is_made_once(at: Client) -> None:
    assert at.post("/people/groups/", {"name": "finance"})["Location"] == "/people/groups/finance/"
    page = at.post("/people/groups/", {"name": "finance"})
    assert page.status_code == 422
    assert "such a group already" in page.content.decode()


def test_membership_set_on_the_group_counts_in_a_quorum_and_is_on_both_streams(
    at: Client, finance: str, reviewer: User
) -> None:
    at.post("/people/groups/finance/", {"do": "add", "username": "reviewer"})
    assert quorum_people.reviewer(reviewer).groups == {"reviewer", "finance"}
    at.post("/people/groups/finance/", {"do": "remove", "username": "reviewer"})
    assert quorum_people.reviewer(reviewer).groups == {"reviewer"}
    person = facts_of(people_record.stream_of_person("reviewer"))
    assert [(name, fact["added"], fact["removed"], by) for name, fact, by in person] == [
        ("person.groups_set", ["finance"], [], "user:admin"),
        ("person.groups_set", [], ["finance"], "user:admin"),
    ]
    assert [name for name, _, _ in facts_of(people_record.stream_of_group("finance"))] == [
        "group.created",
        "group.members_set",
        "group.members_set",
    ]
    page = at.get("/people/groups/finance/").content.decode()
    assert "Members changed, in: reviewer" in page


def test_membership_set_on_the_person_leaves_the_roles_and_roles_leave_the_groups(
    at: Client, finance: str, reviewer: User
) -> None:
    at.post("/people/reviewer/", {"do": "groups", "groups": ["finance"]})
    at.post("/people/reviewer/", {"do": "roles", "roles": ["operator"]})
    card = staff.find_person("reviewer")
    assert (card.roles, card.groups) == (["operator"], ["finance"])
    at.post("/people/reviewer/", {"do": "groups", "groups": []})
    card = staff.find_person("reviewer")
    assert (card.roles, card.groups) == (["operator"], [])


@pytest.mark.parametrize("group", ["admin", "service", "nothing"])
def test_a_role_is_not_given_as_a_group(at: Client, group: str) -> None:
    assert at.post("/people/reviewer/", {"do": "groups", "groups": [group]}).status_code == 422
    assert at.get(f"/people/groups/{group}/").status_code == 404
    assert staff.find_person("reviewer").roles == ["reviewer"]


def test_nobody_puts_themselves_into_a_group(at: Client, finance: str) -> None:
    assert at.post("/people/groups/finance/", {"do": "add", "username": "admin"}).status_code == 422
    assert at.post("/people/admin/", {"do": "groups", "groups": ["finance"]}).status_code == 422
    assert staff.find_person("admin").groups == []


def test_an_unknown_member_is_said_on_the_page(at: Client, finance: str) -> None:
    page = at.post("/people/groups/finance/", {"do": "add", "username": "nobody"})
    assert page.status_code == 422
    assert "There is no person" in page.content.decode()
    assert at.post("/people/groups/finance/", {"do": "rename", "name": "money"}).status_code == 409


def test_a_group_that_a_published_policy_asks_for_stays_until_a_newer_one_does_not(
    at: Client, finance: str, admin: User
) -> None:
    policies.publish_policy(policy=policy_asking("finance"), by=admin, now=timezone.now())
    page = at.post("/people/groups/finance/", {"do": "retire"})
    assert page.status_code == 422
    assert "the policy asking (revision 1)" in page.content.decode()
    policies.publish_policy(policy=policy_asking("reviewer"), by=admin, now=timezone.now())
    assert at.post("/people/groups/finance/", {"do": "retire"}).status_code == 302
    assert not Group.objects.filter(name="finance").exists()


def test_a_policy_that_cannot_be_read_may_ask_for_any_group(at: Client, finance: str) -> None:
    from approvals.models import PolicyRevision

    PolicyRevision.objects.create(
        slug="broken", revision=1, parameters="{", published_at=timezone.now(), title="", digest="", notes=""
    )
    with pytest.raises(groups.StillAsked):
        groups.retire_group(name="finance", by=User.objects.get(username="admin"), now=timezone.now())


@pytest.mark.parametrize(
    ("state", "stays"),
    [
        ({"status": "pending"}, True),
        ({"status": "approved", "decided_by": "rosa", "execute_by": timedelta(minutes=5)}, True),
        ({"status": "approved", "decided_by": "rosa", "execute_by": timedelta(minutes=-5)}, False),
        ({"status": "rejected", "decided_by": "rosa"}, False),
    ],
)
def test_a_group_that_a_request_can_still_need_stays(
    at: Client, finance: str, state: dict[str, Any], stays: bool
) -> None:
    from tests.config import requests

    requests.row(levels=[{"name": "money", "group": "finance", "need": 1}], **state)
    assert at.post("/people/groups/finance/", {"do": "retire"}).status_code == (422 if stays else 302)
    assert Group.objects.filter(name="finance").exists() == stays


def test_retiring_takes_everybody_out_and_says_so_on_each_stream(
    at: Client, finance: str, admin: User, reviewer: User
) -> None:
    groups.move(name="finance", username="reviewer", is_in=True, by=admin, now=timezone.now())
    at.post("/people/groups/finance/", {"do": "retire"})
    name, fact, by = facts_of(people_record.stream_of_person("reviewer"))[-1]
    assert (name, fact["removed"], by) == ("person.groups_set", ["finance"], "user:admin")
    name, fact, _ = facts_of(people_record.stream_of_group("finance"))[-1]
    assert (name, fact["members"]) == ("group.retired", ["reviewer"])


@pytest.mark.parametrize("role", ["operator", "reviewer"])
def test_only_those_who_manage_people_see_groups(request: Any, role: str) -> None:
    client = Client()
    client.force_login(request.getfixturevalue(role))
    assert client.get("/people/groups/").status_code == 403
    assert client.post("/people/groups/", {"name": "mine"}).status_code == 403
