"""People as a quorum sees them: read afresh, and exactly as Django's permissions say."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.queries import people
from config.models import User
from orchestrator import sql

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_roles")]


def grant(person: User) -> None:
    person.user_permissions.add(Permission.objects.get(codename="sign_off"))


@pytest.mark.parametrize(
    "prepare",
    [
        lambda person: None,
        lambda person: person.groups.add(Group.objects.get(name="reviewer")),
        lambda person: person.groups.add(*Group.objects.all()),
        lambda person: person.groups.add(Group.objects.get(name="operator")),
        grant,
        lambda person: User.objects.filter(pk=person.pk).update(is_superuser=True),
    ],
    ids=["nobody", "reviewer", "everything", "operator", "own permission", "superuser"],
)
def test_a_reviewer_is_what_django_says_of_the_account(prepare):
    person = User.objects.create(username="p1")
    prepare(person)
    fresh = User.objects.get(pk=person.pk)

    found = people.reviewer(person)

    assert found.may_sign_off == fresh.has_perm("approvals.sign_off")
    assert found.groups == frozenset(fresh.groups.values_list("name", flat=True))
    assert (found.is_active, found.is_service) == (True, False)


def test_accounts_that_are_gone_deactivated_or_services_are_known_as_such():
    User.objects.create(username="left", is_active=False)
    User.objects.create(username="robot").groups.add(Group.objects.create(name="service"))

    found = people.reviewers(["left", "robot", "never", "left"])

    assert (found["left"].is_active, found["never"].is_active) == (False, False)
    assert found["robot"].is_service
    assert set(found) == {"left", "robot", "never"}


def test_however_many_people_are_asked_about_it_is_one_read(reviewer, reviewer2, operator, monkeypatch):
    asked = []
    run = sql.run
    monkeypatch.setattr(sql, "run", lambda text, values: asked.append(values) or run(text, values))

    with CaptureQueriesContext(connection) as others:
        found = people.reviewers(["reviewer", "reviewer2", "operator", "nobody"])

    assert (len(asked), len(others), len(found)) == (1, 0, 4)


def test_a_person_is_named_as_colleagues_know_them(reviewer):
    assert people.name_of("reviewer") == "reviewer"
    User.objects.filter(username="reviewer").update(first_name="Dana", last_name="Reyes")

    assert people.name_of("reviewer") == "Dana Reyes (reviewer)"
    assert people.name_of("gone") == "gone"
