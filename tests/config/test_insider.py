"""A bored insider tries the doors: settings of others, replayed and forged forms, ways out, accounts of colleagues."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from approvals.domain.notices import Preference
from approvals.models import ApprovalRequest, Delegation, Notice, NoticePreference, SavedFilter, SignOff
from approvals.services import delegations
from approvals.services.notifications import packing, preferences
from config import staff
from config.models import User
from orchestrator.domain import errors
from tests.approvals import runs
from tests.approvals.answers import approve
from tests.approvals.notifications.reading import gather
from tests.house.test_permissions import OPEN

pytestmark = pytest.mark.django_db


def browser(person: Any) -> Client:
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(person)
    return client


# ---- what belongs to others ----
def test_what_another_set_for_themselves_is_neither_seen_nor_changed(reviewer: User, reviewer2: User) -> None:
    preferences.save(subject="reviewer", wants=Preference(quiet_from=dt.time(22), quiet_until=dt.time(7)))
    kept = SavedFilter.objects.create(person="reviewer", name="big", query="least=500")
    until = timezone.now() + dt.timedelta(days=1)
    away = delegations.set_delegation(
        person="reviewer", is_leave=True, until=until, by=reviewer, now=timezone.now()
    )
    key = Authenticator.objects.create(user=reviewer, type="webauthn", data={"name": "Laptop"})

    insider = browser(reviewer2)
    page = insider.get(reverse("approvals:notifications"), {"person": "reviewer", "subject": "reviewer"})
    assert 'value="22:00"' not in page.content.decode()
    for given in ({"do": "reset", "subject": "reviewer"}, {"do": "reset", "person": "reviewer"}):
        insider.post(reverse("approvals:notifications"), given)
    insider.post(reverse("approvals:drop_filter", args=[kept.pk]))
    ended = insider.post(reverse("approvals:end_delegation", args=[away.id]))
    removed = insider.post(reverse("mfa_remove_webauthn", args=[key.pk]))

    assert ended.status_code == 403
    assert removed.status_code in {302, 404}
    assert NoticePreference.objects.get().subject == "reviewer"
    assert SavedFilter.objects.filter(pk=kept.pk).exists()
    assert Delegation.objects.get().ended_at is None
    assert Authenticator.objects.filter(pk=key.pk).exists()


def test_a_delegation_of_ones_own_names_nobody_else_as_who_is_away(reviewer: User, reviewer2: User) -> None:
    until = (timezone.now() + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    given = {"person": "reviewer", "stand_in-person": "reviewer", "is_leave": "on", "until": until}
    browser(reviewer2).post(reverse("approvals:delegations"), given)
    assert Delegation.objects.get().person == "reviewer2"


def test_notices_of_another_are_not_to_be_asked_for(reviewer: User, reviewer2: User) -> None:
    now = timezone.now()
    Notice.objects.create(
        event="s:1", kind="run_failed", to="reviewer", channel="browser", via="now", tier="high", agent="", by="",
        reason="secret", body="", due_at=now, made_at=now, state="sent", message="m", ended_at=now,
    )  # fmt: skip
    asked = {"after": "0.0.0", "person": "reviewer", "to": "reviewer"}
    answer = browser(reviewer2).get(reverse("approvals:browser_notices"), asked).json()
    assert answer["shown"] == []


# ---- forms from elsewhere, and ways out ----
def _account_doors() -> list[str]:
    return sorted(name for name in OPEN if name != "healthz" and not name.startswith("api:"))


@pytest.mark.parametrize("name", _account_doors())
def test_no_form_of_an_account_is_taken_from_another_site(name: str, reviewer: User) -> None:
    client = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1")
    client.force_login(reviewer)
    try:
        address = reverse(name)
    except NoReverseMatch:
        address = reverse(name, args=[7])
    answer = client.post(address, {"do": "forget", "password": "x"})
    assert answer.status_code in {403, 405}


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:evil.example"]
)  # fmt: skip
@pytest.mark.parametrize("name", ["account_login", "account_reauthenticate"])
def test_signing_in_and_confirming_lead_nowhere_outside(name: str, there: str, reviewer: User) -> None:
    reviewer.set_password("of-my-own-choice")
    reviewer.save()
    client = Client(SERVER_NAME="127.0.0.1")
    given = {"login": "reviewer", "password": "of-my-own-choice", "next": there}
    if name == "account_reauthenticate":
        client.post(reverse("account_login"), given)
    answer = client.post(reverse(name), given)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/")
    assert "evil" not in answer["Location"]


# ---- between opening and deciding ----
def test_who_left_the_group_between_opening_and_deciding_does_not_decide(
    operator: User, reviewer: User, reviewer2: User
) -> None:
    request = runs.request_of(runs.held_run())
    reviewer.groups.clear()
    with pytest.raises(errors.NotPermitted, match="does not decide requests"):
        approve(request, reviewer)
    assert not SignOff.objects.exists()
    assert ApprovalRequest.objects.get(pk=request.pk).status == "pending"


# ---- accounts of colleagues ----
@pytest.mark.django_db(transaction=True)
def test_who_takes_over_a_colleagues_account_is_seen_by_them_and_by_every_administrator(
    admin: User, reviewer: User
) -> None:
    chief = User.objects.create(username="chief", first_name="Carla")
    chief.groups.add(*admin.groups.all())
    preferences.save(
        subject="reviewer",
        wants=Preference(mail=(), browser=(), quiet_from=dt.time(0), quiet_until=dt.time(23, 59)),
    )
    gather()
    staff.reset_password(username="reviewer", by=admin, now=timezone.now())
    gather()
    told = list(Notice.objects.order_by("to"))
    assert [(one.to, one.kind, one.via) for one in told] == [
        ("chief", "account_of", "now"),
        ("reviewer", "account", "now"),
    ]
    theirs, own = (packing.messages_for_pages([[one]], timezone.now())[0] for one in told)
    assert own.headline == (
        "Your account was changed by admin: you were given a new password, and are signed out everywhere"
    )
    assert own.url.endswith("/account/ways/")
    assert theirs.headline == "An account was changed by admin: reviewer was given a new password"


def test_the_last_administrator_cannot_leave_by_any_door(admin: User, operator: User) -> None:
    at = browser(admin)
    for given in (
        {"do": "roles", "roles": ["operator"]},
        {"do": "roles", "roles": []},
        {"do": "groups", "groups": []},
        {"do": "deactivate"},
        {"do": "second_factor"},
    ):
        at.post("/people/admin/", given)
    at.post("/people/groups/admin/", {"do": "retire", "reason": "x"})
    at.post("/people/groups/admin/", {"do": "remove", "person": "admin"})
    found = User.objects.get(username="admin")
    assert found.is_active
    assert found.has_perm("config.manage_people")
    with pytest.raises(staff.LastAdministrator):
        staff.set_active(username="admin", is_active=False, by=operator, now=timezone.now())
