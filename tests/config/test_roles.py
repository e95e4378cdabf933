"""Who may do what, and what each person's rail shows."""

from __future__ import annotations

import pytest

from config.roles import PERMISSIONS, ROLES, ensure_roles, navigation

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("operator", "orchestrator.start_run", "approvals.sign_off"),
        ("operator", "orchestrator.control_run", "orchestrator.publish_agent"),
        ("reviewer", "approvals.sign_off", "orchestrator.start_run"),
        ("reviewer", "orchestrator.view_run", "config.manage_people"),
        ("admin", "config.manage_people", "approvals.sign_off"),
        ("admin", "orchestrator.publish_workflow", "approvals.sign_off"),
    ],
)
def test_a_role_holds_its_permissions_and_no_more(request, role, may, may_not):
    person = request.getfixturevalue(role)
    assert person.has_perm(may)
    assert not person.has_perm(may_not)


def test_every_permission_belongs_to_some_role():
    assert set().union(*ROLES.values()) == set(PERMISSIONS)


def test_ensuring_the_roles_again_takes_back_what_was_added_by_hand(reviewer):
    from django.contrib.auth.models import Group, Permission

    Group.objects.get(name="reviewer").permissions.add(Permission.objects.get(codename="publish_agent"))
    ensure_roles()
    assert not type(reviewer).objects.get(pk=reviewer.pk).has_perm("orchestrator.publish_agent")


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("operator", ["Overview", "Runs", "Inbox", "Grants", "Workflows", "Agents", "Policies", "Audit"]),
        ("reviewer", ["Overview", "Runs", "Inbox", "Grants", "Workflows", "Agents", "Policies", "Audit"]),
        (
            "admin",
            [
                "Overview",
                "Runs",
                "Inbox",
                "Grants",
                "Workflows",
                "Agents",
                "Policies",
                "Audit",
                "Outgoing",
                "People",
            ],
        ),
    ],
)
def test_the_rail_shows_what_works_and_what_the_role_may_see(request, rf, role, shown):
    asked = rf.get("/runs/new/")
    asked.user = request.getfixturevalue(role)
    rail = navigation(asked)["navigation"]
    assert [entry.label for entry in rail] == shown
    assert [entry.label for entry in rail if entry.is_current] == ["Runs"]


def test_the_rail_is_empty_before_anybody_has_signed_in(rf):
    assert navigation(rf.get("/"))["navigation"] == []
