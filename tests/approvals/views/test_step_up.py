"""Step-up: a critical action is approved only by whoever showed within the last minutes that it is they."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as METHODS
from django.test import Client
from django.urls import reverse

from approvals.models import ApprovalRequest, SignOff
from approvals.views import step_up
from config.models import User
from tests.approvals import runs

pytestmark = pytest.mark.django_db
PASSWORD = "of-my-own-choice"
HTMX = {"HX-Request": "true"}
TYPED = "I called the payee"


@pytest.fixture(autouse=True)
def _people(operator: Any, admin: Any) -> None:
    runs.paid.clear()


@pytest.fixture
def rosa(reviewer: User) -> User:
    reviewer.set_password(PASSWORD)
    reviewer.save()
    return reviewer


@pytest.fixture
def at(rosa: User) -> Client:
    client = Client()
    client.force_login(rosa)
    return client


@pytest.fixture
def critical() -> ApprovalRequest:
    return runs.request_of(runs.held_run({**runs.PAYMENT, "amount": "100000.00"}))


def proved(client: Client, person: User, seconds_ago: float, method: str = "password") -> None:
    session = client.session
    session[METHODS] = [{"method": method, "at": time.time() - seconds_ago}]
    session[f"{METHODS}_user"] = str(person.pk)
    session.save()


def answer(client: Client, request: ApprovalRequest, verb: str = "approve", **more: Any) -> Any:
    form = {
        "verb": verb,
        "seen_digest": request.digest,
        "seen_version": request.version,
        "reason": more.get("reason", TYPED),
        "amount": "100000.00",
    }
    return client.post(
        reverse("approvals:sign_off", args=[request.id]), form, headers=more.get("headers", {})
    )


def state_of(request: ApprovalRequest) -> tuple[str, int]:
    request.refresh_from_db()
    return request.status, SignOff.objects.filter(request=request).count()


@pytest.mark.parametrize("method", ["password", "mfa", "link"])
def test_whoever_has_just_shown_who_they_are_approves_at_once(
    at: Client, rosa: User, critical: ApprovalRequest, method: str
) -> None:
    proved(at, rosa, 60, method)
    answer(at, critical)
    assert state_of(critical) == ("approved", 1)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_old_session_is_sent_to_confirm_and_decides_nothing(
    at: Client, critical: ApprovalRequest, headers: dict[str, str]
) -> None:
    response = answer(at, critical, headers=headers)
    address = response["HX-Redirect"] if headers else response["Location"]
    assert response.status_code == (204 if headers else 302)
    assert address.startswith(reverse("account_reauthenticate") + "?next=")
    assert state_of(critical) == ("pending", 0)


@pytest.mark.parametrize(
    ("seconds_ago", "status"), [(14 * 60 + 50, "approved"), (15 * 60, "pending"), (-60, "pending")]
)
def test_the_proof_lasts_as_long_as_the_setting_says(
    at: Client, rosa: User, critical: ApprovalRequest, seconds_ago: float, status: str
) -> None:
    proved(at, rosa, seconds_ago)
    answer(at, critical)
    assert state_of(critical)[0] == status


def test_the_proof_of_somebody_else_in_the_same_browser_counts_for_nothing(
    at: Client, reviewer2: User, critical: ApprovalRequest
) -> None:
    proved(at, reviewer2, 1)
    answer(at, critical)
    assert state_of(critical) == ("pending", 0)


def test_whoever_confirms_comes_back_to_the_undecided_case_with_what_they_typed(
    at: Client, rosa: User, critical: ApprovalRequest
) -> None:
    confirm = answer(at, critical)["Location"]
    assert "Nothing is decided yet" in at.get(confirm).content.decode()
    assert at.post(confirm, {"password": "a wrong guess"}).status_code == 200
    case = reverse("approvals:case", args=[critical.id])
    back = at.post(confirm, {"password": PASSWORD})
    assert (back.status_code, back["Location"]) == (302, case)
    shown = at.get(case)
    assert shown.context["typed"] == {"reason": TYPED, "amount": "100000.00"}
    assert state_of(critical) == ("pending", 0)
    answer(at, critical)
    assert state_of(critical) == ("approved", 1)
    assert at.get(case).context["typed"] == {}


def test_rejecting_and_lesser_tiers_ask_for_no_proof(at: Client, critical: ApprovalRequest) -> None:
    high = runs.request_of(runs.held_run())
    answer(at, high)
    answer(at, critical, verb="reject")
    assert (state_of(high)[0], state_of(critical)[0]) == ("approved", "rejected")


def test_what_was_decided_meanwhile_is_said_without_asking(
    at: Client, reviewer2: User, critical: ApprovalRequest
) -> None:
    other = Client()
    other.force_login(reviewer2)
    answer(other, critical, verb="reject")
    assert answer(at, critical).status_code == 409


def test_whoever_has_nothing_to_confirm_with_cannot_approve(
    reviewer2: User, critical: ApprovalRequest
) -> None:
    client = Client()
    client.force_login(reviewer2)
    response = answer(client, critical)
    assert response.status_code == 403
    assert "Ask an administrator for one" in response.content.decode()
    assert state_of(critical) == ("pending", 0)


def test_what_is_kept_is_little_and_not_for_long(at: Client, critical: ApprovalRequest) -> None:
    kept = [
        critical,
        *(runs.request_of(runs.held_run({**runs.PAYMENT, "amount": "100000.00"})) for _ in range(3)),
    ]
    for request in kept:
        answer(at, request, reason="x" * 2000)
    stored = at.session[step_up.SESSION_KEY]
    assert list(stored) == [str(request.id) for request in kept[1:]]
    assert len(str(stored)) < step_up.MOST_CASES * step_up.MOST_FIELDS * step_up.MOST_CHARACTERS
    session = at.session
    for one in session[step_up.SESSION_KEY].values():
        one["at"] -= step_up.KEPT_SECONDS
    session.save()
    assert at.get(reverse("approvals:case", args=[kept[-1].id])).context["typed"] == {}
