"""Sign-in links and demonstration passwords: once, by the button, on this machine."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.test import Client as AnyClient
from django.utils import timezone

from config import embedded, sign_in, sign_in_links
from config.models import SignInLink, User

pytestmark = pytest.mark.django_db
ELSEWHERE = [
    {"REMOTE_ADDR": "192.0.2.7"},
    {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
    {"HTTP_FORWARDED": "for=192.0.2.7"},
]


class Client(AnyClient):
    """A browser on the machine that runs Countersign."""

    def __init__(self, **options: object) -> None:
        super().__init__(SERVER_NAME="127.0.0.1", **options)


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def link(operator):
    [token] = sign_in_links.make_links(usernames=["operator"], now=timezone.now()).values()
    return f"/sign-in/{token}/"


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_opening_a_link_signs_nobody_in_and_uses_nothing_up(client, link):
    for ask in (client.get, client.head, client.get):
        assert ask(link).status_code == 200
        assert not is_signed_in(client)


def test_the_button_signs_in_once(client, link):
    answer = client.post(link)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_signed_in(client)
    again = Client()
    assert again.post(link).status_code == 410
    assert again.get(link).status_code == 410
    assert not is_signed_in(again)


def test_the_button_needs_the_token_of_the_form(link):
    client = Client(enforce_csrf_checks=True)
    assert client.post(link).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_a_link_is_refused_from_elsewhere_and_stays_usable_here(client, link, origin):
    assert client.post(link, **origin).status_code == 403
    assert client.get(link, **origin).status_code == 403
    assert client.post(link).status_code == 302


def test_a_link_is_refused_under_a_name_that_is_not_this_machine(client, link, settings):
    settings.ALLOWED_HOSTS = ["countersign.example.org"]
    assert client.post(link, HTTP_HOST="countersign.example.org").status_code == 403


def test_a_link_ends_with_its_time_with_the_next_start_and_with_the_person(client, link, operator):
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.post(link).status_code == 410
    SignInLink.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    User.objects.filter(pk=operator.pk).update(is_active=False)
    assert client.post(link).status_code == 410
    User.objects.filter(pk=operator.pk).update(is_active=True)
    sign_in_links.make_links(usernames=["operator"], now=timezone.now())
    assert client.post(link).status_code == 410


def test_only_the_hash_of_a_token_is_kept(link):
    token = link.split("/")[2]
    assert token not in str(SignInLink.objects.values_list("digest", "person__username").get())


@pytest.fixture
def var(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    return tmp_path


def enter(client: Client, username: str, password: str, **origin: str) -> bool:
    client.post("/account/login/", {"login": username, "password": password}, **origin)
    return is_signed_in(client)


def test_the_seeded_people_have_random_passwords_kept_under_var(client, var):
    sign_in.ensure_sign_ins(var=var)
    assert User.objects.filter(username__in=[each[0] for each in sign_in.SIGN_INS]).count() == 5
    assert enter(client, "reviewer2", embedded.secret(var, "password_reviewer2"))


def test_the_demonstration_password_works_here_and_is_refused_elsewhere(var):
    sign_in.ensure_sign_ins(var=var, password="demonstration-only")
    assert enter(Client(), "admin", "demonstration-only")
    for origin in ELSEWHERE:
        assert not enter(Client(), "admin", "demonstration-only", **origin)


def test_a_start_without_it_ends_the_demonstration_password(client, var):
    sign_in.ensure_sign_ins(var=var, password="demonstration-only")
    sign_in.ensure_sign_ins(var=var)
    assert not enter(client, "operator", "demonstration-only")
    assert enter(client, "operator", embedded.secret(var, "password_operator"))


@pytest.mark.parametrize("demonstration", ["", "demonstration-only"])
def test_a_password_that_a_person_chose_survives_the_next_start(client, var, demonstration):
    sign_in.ensure_sign_ins(var=var, password=demonstration)
    person = User.objects.get(username="operator")
    person.set_password("of-my-own-choice")
    person.save()
    sign_in.ensure_sign_ins(var=var, password=demonstration)
    assert enter(client, "operator", "of-my-own-choice")


def test_nobody_signs_up(client):
    assert client.get("/account/signup/").status_code == 404
    assert not sign_in.ClosedAccounts().is_open_for_signup(None)


def test_guessing_is_slowed_down(client, var):
    sign_in.ensure_sign_ins(var=var)
    for _ in range(6):
        assert not enter(client, "reviewer3", "a wrong guess")
    assert not enter(client, "reviewer3", embedded.secret(var, "password_reviewer3"))


def test_signing_out_needs_the_button(client, operator):
    client.force_login(operator)
    client.get("/account/logout/")
    assert is_signed_in(client)
    client.post("/account/logout/")
    assert not is_signed_in(client)


@pytest.fixture(autouse=True)
def _no_throttle_left_over():
    """Not `cache.clear()`, which would also empty the queues of the tests that run beside this one."""
    yield
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        for key in server.scan_iter(match=f"{settings.CACHES['default']['KEY_PREFIX']}:1:*"):
            server.delete(key)
