"""Second factors: set up by each person for themselves, asked for at sign-in, taken off unseen by an administrator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as METHODS
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings as configured
from django.contrib import admin as record_browser
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from django.utils import timezone

from config import people_record, second_factor, sign_in_links, staff
from config.models import User
from tests.config.test_groups import facts_of

pytestmark = pytest.mark.django_db
PASSWORD = "of-my-own-choice"
WAYS = "/account/ways/"


@pytest.fixture(autouse=True)
def _no_throttle_left_over() -> Iterator[None]:
    yield
    with redis.Redis.from_url(configured.REDIS_URL) as server:
        for key in server.scan_iter(match=f"{configured.CACHES['default']['KEY_PREFIX']}:1:*"):
            server.delete(key)


@pytest.fixture
def rosa(reviewer: User) -> User:
    reviewer.set_password(PASSWORD)
    reviewer.save()
    return reviewer


def browser() -> Client:
    return Client(SERVER_NAME="127.0.0.1")


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def signed_in(person: User) -> Client:
    """With the password, and confirmed once more."""
    client = browser()
    client.post("/account/login/", {"login": person.username, "password": PASSWORD})
    assert is_signed_in(client)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def code_of(secret: str) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))


def with_app(client: Client) -> tuple[str, list[str]]:
    """Set up an app; returns its key and the recovery codes as they were shown."""
    shown = client.get(f"{WAYS}app/add/")
    assert shown["Cache-Control"] == "no-store"
    found = re.search(r'id="app-key">([A-Z2-7]+)<', shown.content.decode())
    assert found
    answer = client.post(f"{WAYS}app/add/", {"code": code_of(found[1])})
    assert answer["Location"] == f"{WAYS}recovery-codes/"
    codes = client.get(f"{WAYS}recovery-codes/")
    assert codes["Cache-Control"] == "no-store"
    return found[1], re.findall(r"<li><code>(\d{8})</code>", codes.content.decode())


def test_an_app_is_asked_for_after_the_password(rosa: User) -> None:
    secret, _ = with_app(signed_in(rosa))
    client = browser()
    answer = client.post("/account/login/", {"login": "reviewer", "password": PASSWORD})
    assert answer["Location"] == f"{WAYS}code/"
    assert not is_signed_in(client)
    client.post(f"{WAYS}code/", {"code": "000000"})
    assert not is_signed_in(client)
    client.post(f"{WAYS}code/", {"code": code_of(secret)})
    assert is_signed_in(client)


def test_a_passkey_is_asked_for_only_of_whoever_has_one(rosa: User) -> None:
    with_app(signed_in(rosa))
    client = Client(SERVER_NAME="localhost")
    client.post("/account/login/", {"login": "reviewer", "password": PASSWORD})
    page = client.get(f"{WAYS}code/").content.decode()
    assert "a code of your app or a recovery code" in page
    assert "passkey" not in page.lower()


def test_a_code_signs_in_once(rosa: User) -> None:
    secret, codes = with_app(signed_in(rosa))
    for code in (code_of(secret), codes[0]):
        for is_first in (True, False):
            client = browser()
            client.post("/account/login/", {"login": "reviewer", "password": PASSWORD})
            client.post(f"{WAYS}code/", {"code": code})
            assert is_signed_in(client) == is_first


def test_recovery_codes_are_shown_once(rosa: User) -> None:
    client = signed_in(rosa)
    _, codes = with_app(client)
    assert len(codes) == 10
    again = client.get(f"{WAYS}recovery-codes/").content.decode()
    assert not [code for code in codes if code in again]
    assert client.head(f"{WAYS}recovery-codes/").status_code == 405
    client.post(f"{WAYS}recovery-codes/make/")
    assert re.findall(r"<code>(\d{8})</code>", client.get(f"{WAYS}recovery-codes/").content.decode())


def test_each_change_is_a_fact_without_a_secret(rosa: User) -> None:
    client = signed_in(rosa)
    secret, codes = with_app(client)
    client.post(f"{WAYS}recovery-codes/make/")
    client.post(f"{WAYS}app/remove/")
    facts = facts_of(people_record.stream_of_person("reviewer"))
    assert [(name.removeprefix("person."), fact.get("factor"), by) for name, fact, by in facts] == [
        ("second_factor_added", "an authenticator app", "user:reviewer"),
        ("recovery_codes_made", None, "user:reviewer"),
        ("recovery_codes_made", None, "user:reviewer"),
        ("second_factor_removed", "an authenticator app", "user:reviewer"),
        ("second_factor_removed", "recovery codes", "user:reviewer"),
    ]
    assert not [one for one in (secret, *codes) if one in str(facts)]
    assert not Authenticator.objects.exists()


def test_a_change_that_cannot_be_written_down_is_not_made(
    rosa: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.services import journal

    client = signed_in(rosa)
    with_app(client)
    monkeypatch.setattr(journal, "KINDS", frozenset())
    assert client.post(f"{WAYS}app/remove/").status_code == 409
    assert Authenticator.objects.filter(type="totp").exists()


@pytest.mark.parametrize("address", ["app/add/", "app/remove/", "passkeys/add/", "recovery-codes/make/"])
def test_an_open_browser_is_not_enough_to_change_how_one_signs_in(rosa: User, address: str) -> None:
    with_app(signed_in(rosa))
    client = browser()
    client.force_login(rosa)
    for answer in (client.get(WAYS + address), client.post(WAYS + address)):
        expected = f"{WAYS}app/remove/" if address == "app/add/" else "/account/reauthenticate/"
        assert answer["Location"].startswith(("/account/reauthenticate/", expected))
    assert client.get(f"{WAYS}recovery-codes/")["Location"].startswith("/account/reauthenticate/")
    assert Authenticator.objects.count() == 2


@pytest.mark.parametrize("address", ["", "app/add/", "app/remove/", "passkeys/add/", "passkeys/1/remove/"])
def test_whoever_is_not_signed_in_is_sent_to_sign_in(address: str) -> None:
    assert browser().get(WAYS + address)["Location"].startswith("/account/login/?next=")


def test_nobody_removes_the_passkey_of_another(rosa: User, reviewer2: User) -> None:
    theirs = Authenticator.objects.create(
        user=reviewer2, type="webauthn", data={"name": "x", "credential": {}}
    )
    assert signed_in(rosa).post(f"{WAYS}passkeys/{theirs.pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(pk=theirs.pk).exists()


def test_the_secrets_in_the_database_are_encrypted_and_read_by_an_earlier_key(
    rosa: User, settings: Any
) -> None:
    secret, codes = with_app(signed_in(rosa))
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not [code for code in codes if code in stored]
    app = Authenticator.objects.get(type="totp")
    settings.SECRET_KEY, before = "another key", settings.SECRET_KEY
    assert not app.wrap().validate_code(code_of(secret))
    settings.SECRET_KEY_FALLBACKS = [before]
    assert app.wrap().validate_code(code_of(secret))


def test_under_a_lost_key_no_recovery_code_and_no_code_of_nothing_is_taken(rosa: User, settings: Any) -> None:
    RecoveryCodes.activate(rosa)
    kept = Authenticator.objects.get(type="recovery_codes")
    settings.SECRET_KEY = "another key"
    first, second = kept.wrap().generate_codes(), kept.wrap().generate_codes()
    assert not set(first) & set(second)


def test_guessing_codes_is_slowed_down(rosa: User) -> None:
    secret, _ = with_app(signed_in(rosa))
    client = browser()
    client.post("/account/login/", {"login": "reviewer", "password": PASSWORD})
    for _ in range(6):
        client.post(f"{WAYS}code/", {"code": "000000"})
    client.post(f"{WAYS}code/", {"code": code_of(secret)})
    assert not is_signed_in(client)


def test_confirming_is_limited_and_says_so_in_our_words(rosa: User) -> None:
    client = signed_in(rosa)
    for _ in range(10):
        answer = client.post("/account/reauthenticate/", {"password": "a wrong guess"})
    assert answer.status_code == 429
    assert "Wait a minute" in answer.content.decode()
    assert answer["Retry-After"] == "60"


def test_an_administrator_takes_it_off_without_seeing_it(rosa: User, admin: User) -> None:
    theirs = signed_in(rosa)
    secret, codes = with_app(theirs)
    at = browser()
    at.force_login(admin)
    page = at.get("/people/reviewer/").content.decode()
    assert "an authenticator app, recovery codes" in page
    assert not [one for one in (secret, *codes) if one in page]
    at.post("/people/reviewer/", {"do": "second_factor"})
    name, fact, by = facts_of(people_record.stream_of_person("reviewer"))[-1]
    assert (name, by) == ("person.second_factor_reset", "user:admin")
    assert (fact["factors"], fact["sessions"]) == (["an authenticator app", "recovery codes"], 1)
    assert not is_signed_in(theirs)
    signed_in(rosa)
    assert at.post("/people/reviewer/", {"do": "second_factor"}).status_code == 422


def test_nobody_takes_their_own_off_past_the_password(admin: User) -> None:
    RecoveryCodes.activate(admin)
    with pytest.raises(staff.OwnStanding):
        staff.reset_second_factor(username="admin", by=admin, now=timezone.now())


def test_the_record_browser_shows_no_second_factor() -> None:
    assert not record_browser.site.is_registered(Authenticator)


def test_a_sign_in_link_stands_in_for_the_password_alone(rosa: User) -> None:
    secret, _ = with_app(signed_in(rosa))
    [token] = sign_in_links.make_links(usernames=["reviewer"], now=timezone.now()).values()
    client = browser()
    assert client.post(f"/sign-in/{token}/")["Location"] == f"{WAYS}code/"
    assert not is_signed_in(client)
    client.post(f"{WAYS}code/", {"code": code_of(secret)})
    assert is_signed_in(client)


def test_a_sign_in_link_is_noted_as_such(rosa: User) -> None:
    [token] = sign_in_links.make_links(usernames=["reviewer"], now=timezone.now()).values()
    client = browser()
    client.post(f"/sign-in/{token}/")
    assert [record["method"] for record in client.session[METHODS]] == ["link"]
    assert client.get(f"{WAYS}app/add/")["Location"].startswith("/account/reauthenticate/")


def test_a_new_password_of_ones_own_ends_the_other_sessions_and_is_a_fact(rosa: User) -> None:
    here, elsewhere = signed_in(rosa), signed_in(rosa)
    sent = {"oldpassword": PASSWORD, "password1": "another-of-mine", "password2": "another-of-mine"}
    assert here.post("/account/password/change/", sent).status_code == 302
    assert here.get(WAYS).status_code == 200
    assert elsewhere.get(WAYS).status_code == 302
    assert [name for name, _, _ in facts_of(people_record.stream_of_person("reviewer"))] == [
        "person.password_changed"
    ]


def test_signing_out_elsewhere_leaves_this_session(rosa: User) -> None:
    here, elsewhere = signed_in(rosa), signed_in(rosa)
    assert here.get("/account/elsewhere/").status_code == 405
    here.post("/account/elsewhere/")
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)


@pytest.mark.parametrize(
    ("host", "works", "place"),
    [
        ("127.0.0.1:8000", False, "http://localhost:8000/account/ways/"),
        ("[::1]:8000", False, "http://localhost:8000/account/ways/"),
        ("localhost:8000", True, ""),
        ("192.0.2.7", False, ""),
        ("countersign.example.org", True, ""),
    ],
)
def test_passkeys_are_offered_where_a_browser_takes_them(
    settings: Any, host: str, works: bool, place: str
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    request = RequestFactory().get(WAYS, HTTP_HOST=host)
    assert second_factor.passkeys_work_here(request) == works
    assert second_factor.place_for_passkeys(request) == place


def test_nobody_is_led_away_from_the_page_that_confirms(rosa: User) -> None:
    page = signed_in(rosa).get("/account/reauthenticate/?next=https://example.org/").content.decode()
    assert 'href="https://example.org' not in page
    assert (
        'href="javascript'
        not in signed_in(rosa).get("/account/reauthenticate/?next=javascript:1").content.decode()
    )


def test_the_machines_own_command_takes_it_off_and_is_on_the_record(rosa: User) -> None:
    RecoveryCodes.activate(rosa)
    call_command("reset_second_factor", "reviewer", verbosity=0)
    assert not Authenticator.objects.exists()
    name, _, by = facts_of(people_record.stream_of_person("reviewer"))[-1]
    assert (name, by) == ("person.second_factor_reset", "system")
    for username in ("reviewer", "nobody"):
        with pytest.raises(CommandError):
            call_command("reset_second_factor", username)
