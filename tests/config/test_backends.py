"""Who is signed in, as one statement reads it: the same person, with the same permissions, as Django's own reading."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.backends import Backend
from config.people import User
from config.sessions import SessionStore

pytestmark = pytest.mark.django_db


def read(person):
    found = Backend().get_user(person.pk)
    assert found is not None
    return found


@pytest.mark.parametrize("role", ["operator", "admin", "reviewer"])
def test_a_person_is_read_as_the_orm_reads_them(request, role):
    person = User.objects.get(pk=request.getfixturevalue(role).pk)
    found = read(person)
    assert found == person
    assert {field.attname: getattr(found, field.attname) for field in User._meta.concrete_fields} == {
        field.attname: getattr(person, field.attname) for field in User._meta.concrete_fields
    }
    assert found.get_all_permissions() == person.get_all_permissions() != set()


def test_a_permission_of_ones_own_counts_beside_those_of_the_groups(reviewer):
    reviewer.user_permissions.add(Permission.objects.get(codename="publish_agent"))
    found = read(reviewer)
    assert found.has_perm("orchestrator.publish_agent")
    assert found.has_perm("approvals.sign_off")
    assert not found.has_perm("config.manage_people")


def test_what_a_group_loses_its_members_lose_with_the_next_reading(reviewer):
    before = read(reviewer)
    reviewer.groups.remove(Group.objects.get(name="reviewer"))
    assert before.has_perm("approvals.sign_off")
    assert read(reviewer).get_all_permissions() == set()


def test_asking_what_a_person_may_not_do_reads_nothing_more(reviewer):
    found = read(reviewer)
    with CaptureQueriesContext(connection) as asked:
        assert not found.has_perm("config.manage_people")
        assert found.has_perm("approvals.sign_off")
    assert len(asked) == 0


def test_who_is_deactivated_or_gone_is_nobody(reviewer):
    User.objects.filter(pk=reviewer.pk).update(is_active=False)
    assert Backend().get_user(reviewer.pk) is None
    assert Backend().get_user(0) is None


def test_whoever_may_everything_may_everything(reviewer):
    User.objects.filter(pk=reviewer.pk).update(is_superuser=True)
    assert read(reviewer).has_perm("config.manage_people")


def test_a_session_is_read_until_it_ends_and_not_after():
    store = SessionStore()
    store["seen"] = [1, {"two": "\u202e"}]
    store.create()
    again = SessionStore(store.session_key)
    assert again["seen"] == [1, {"two": "\u202e"}]
    Session.objects.filter(pk=store.session_key).update(expire_date=timezone.now() - dt.timedelta(seconds=1))
    late = SessionStore(store.session_key)
    assert late.get("seen") is None
    assert late.session_key is None


def test_a_session_nobody_began_is_empty():
    assert SessionStore("x" * 32).get("seen") is None
