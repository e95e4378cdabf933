"""What is answered when something goes wrong: the family's status, the message, in the form that was asked for."""

from __future__ import annotations

import json

import pytest
import redis
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from orchestrator.domain import errors as families

RAISED: dict[str, Exception] = {
    "refused": families.Refused("Four eyes are needed; ask another reviewer."),
    "not_permitted": families.NotPermitted(),
    "not_found": families.NotFound(),
    "conflict": families.Conflict("Rosa approved this at 14:02."),
    "port_failure": families.PortFailure("The model does not answer."),
    "corrupt": families.Corrupt(),
    "database": OperationalError("the connection is lost"),
    "redis": redis.ConnectionError("the connection is refused"),
    "bug": ZeroDivisionError("a secret in an exception"),
}
STATUS = {
    "refused": 409,
    "not_permitted": 403,
    "not_found": 404,
    "conflict": 409,
    "port_failure": 502,
    "corrupt": 500,
    "database": 503,
    "redis": 503,
    "bug": 500,
}


def sync_view(request, name):
    raise RAISED[name]


async def async_view(request, name):
    raise RAISED[name]


def form(request):
    return HttpResponse("sent")


urlpatterns = [
    path("sync/<name>", sync_view),
    path("async/<name>", async_view),
    path("api/<name>", sync_view),
    path("form", form),
    path("", form, name="account_login"),
]
handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("name", RAISED)
def test_a_page_says_what_happened_with_the_familys_status(client, name):
    answer = client.get(f"/sync/{name}")
    assert answer.status_code == STATUS[name]
    assert "<html" in answer.text
    assert "secret" not in answer.text
    if isinstance(RAISED[name], families.Refused | families.Conflict):
        assert str(RAISED[name]) in answer.text


@pytest.mark.parametrize("name", RAISED)
def test_an_async_view_is_answered_for_in_the_same_way(name):
    answer = async_to_sync(AsyncClient(raise_request_exception=False).get)(f"/async/{name}")
    assert answer.status_code == STATUS[name]


@pytest.mark.parametrize("name", RAISED)
def test_htmx_gets_a_fragment(client, name):
    answer = client.get(f"/sync/{name}", HTTP_HX_REQUEST="true")
    assert answer.status_code == STATUS[name]
    assert "<html" not in answer.text
    assert "banner" in answer.text


@pytest.mark.parametrize("name", RAISED)
def test_a_program_gets_a_problem(client, name):
    answer = client.get(f"/api/{name}")
    assert answer["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.content)
    assert (answer.status_code, problem["status"]) == (STATUS[name], STATUS[name])
    assert problem["code"] == {"database": "unavailable", "redis": "unavailable", "bug": "broken"}.get(
        name, name
    )


def test_who_waits_is_told_for_how_long(client):
    assert client.get("/sync/database")["Retry-After"] == "5"


def test_an_unknown_address_is_a_page_of_ours(client):
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "overview" in answer.text.lower()


def test_a_form_without_its_token_is_told_to_reload():
    answer = Client(enforce_csrf_checks=True).post("/form")
    assert answer.status_code == 403
    assert "reload the page" in answer.text


def test_a_foreign_host_gets_an_answer_that_asks_nothing_of_the_session(client):
    assert client.get("/sync/refused", HTTP_HOST="evil.example").status_code == 400


def test_when_even_the_page_fails_plain_text_says_the_same(client, settings):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [], "APP_DIRS": False, "OPTIONS": {}}]
    answer = client.get("/sync/conflict")
    assert answer.status_code == 409
    assert answer["Content-Type"].startswith("text/plain")
    assert "Rosa approved this at 14:02." in answer.text
