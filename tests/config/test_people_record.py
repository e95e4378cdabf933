"""Every change to a person is a fact with who made it, in the transaction of the change, without a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from config import people_record, staff
from config.models import User
from orchestrator.services import journal, rebuild
from tests.config.test_groups import facts_of

pytestmark = pytest.mark.django_db

Deed = Callable[[User], Any]


def _common(admin: User) -> dict[str, Any]:
    return {"username": "operator", "by": admin, "now": timezone.now()}


DEEDS: dict[str, tuple[Deed, dict[str, Any]]] = {
    "roles_set": (
        lambda admin: staff.set_roles(roles=["reviewer"], **_common(admin)),
        {"roles": ["reviewer"], "before": ["operator"]},
    ),
    "password_reset": (lambda admin: staff.reset_password(**_common(admin)), {"sessions": 1}),
    "deactivated": (lambda admin: staff.set_active(is_active=False, **_common(admin)), {"sessions": 1}),
    "signed_out": (lambda admin: staff.sign_out_everywhere(**_common(admin)), {"sessions": 1}),
}


@pytest.mark.parametrize("name", DEEDS)
def test_a_change_is_one_fact_with_who_made_it(name: str, admin: User, operator: User) -> None:
    Client().force_login(operator)
    deed, facts = DEEDS[name]
    deed(admin)
    assert facts_of(people_record.stream_of_person("operator")) == [
        (f"person.{name}", {"person": "operator", **facts}, "user:admin")
    ]


def test_an_invitation_and_each_new_standing_follow_one_another(admin: User) -> None:
    common = {"username": "nina", "by": admin, "now": timezone.now()}
    staff.invite_person(name="Nina Neu", roles=["reviewer"], **common)
    staff.set_active(is_active=False, **common)
    staff.set_active(is_active=False, **common)
    staff.set_active(is_active=True, **common)
    names = [name for name, _, _ in facts_of(people_record.stream_of_person("nina"))]
    assert names == ["person.invited", "person.deactivated", "person.activated"]


def test_no_password_and_no_name_stands_in_a_fact(admin: User) -> None:
    common = {"username": "nina", "by": admin, "now": timezone.now()}
    given = [
        staff.invite_person(name="Nina Neu", roles=["reviewer"], **common),
        staff.reset_password(**common),
        User.objects.get(username="nina").password,
        "Neu",
    ]
    told = str(facts_of(people_record.stream_of_person("nina")))
    assert [secret for secret in given if secret in told] == []


def test_a_change_that_cannot_be_written_down_is_not_made(
    admin: User, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "KINDS", frozenset())
    with pytest.raises(Exception, match="not written through the journal"):
        staff.set_active(is_active=False, username="operator", by=admin, now=timezone.now())
    assert User.objects.get(username="operator").is_active


def test_the_record_stays_whole_and_the_rows_exact(admin: User, operator: User) -> None:
    for deed, _ in DEEDS.values():
        deed(admin)
    call_command("verify_log", verbosity=0)
    assert list(rebuild.differences()) == []


def test_the_page_shows_the_newest_first_and_counts_the_rest(admin: User, operator: User) -> None:
    for at in range(people_record.SHOWN + 5):
        people_record.note_person("operator", "signed_out", by="admin", now=timezone.now(), sessions=at)
    shown = people_record.history_of_person("operator")
    assert (shown.count, len(shown.lines)) == (people_record.SHOWN + 5, people_record.SHOWN)
    assert shown.lines[0].text == f"Signed out at {people_record.SHOWN + 4} places"
    client = Client()
    client.force_login(admin)
    assert (
        f"newest {people_record.SHOWN} of {people_record.SHOWN + 5}"
        in client.get("/people/operator/").content.decode()
    )
