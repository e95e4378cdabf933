"""The door itself: who is let in, and a problem document for everything that goes wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests import callers
from tests.callers import Api, problem_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(admin: Any) -> Api:
    callers.publish_agent(owner=admin.username)
    return Api(callers.agent_token(by=admin).secret)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_address_is_a_problem(api: Api, method: str) -> None:
    assert problem_of(api.send(method, "/nothing/here")) == (404, "not_found")


def test_a_method_that_is_not_taken_is_a_problem(api: Api) -> None:
    answer = api.send("DELETE", "/runs")
    assert problem_of(answer) == (405, "method_not_allowed")
    assert sorted(answer["Allow"].split(", ")) == ["GET", "POST"]


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "Bearer cs_nothing", "Basic Y3M6Y3M=", "cs_x", "Bearer " + "x" * 5000]
)
def test_who_is_not_known_is_not_let_in(header: str) -> None:
    caller = Api()
    caller.headers = {"Authorization": header} if header else {}
    answer = caller.get("/runs")
    assert problem_of(answer)[0] == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_session_in_a_browser_opens_nothing_here(admin: Any) -> None:
    caller = Api()
    caller.client.force_login(admin)
    assert problem_of(caller.get("/runs")) == (401, "token_missing")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b'"x"',
        b'{"title": 7}',
        b'{"unknown": 1}',
        b'{"title": "' + b"x" * 300 + b'"}',
        b'{"input": []}',
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_read_is_a_problem_and_starts_nothing(api: Api, raw: bytes) -> None:
    status, _ = problem_of(api.send("POST", "/runs", raw=raw))
    assert status in {400, 422}
    assert api.get("/runs").json()["runs"] == []


def test_what_is_too_large_is_a_problem(api: Api, settings: Any) -> None:
    body = b'{"input": {"x": "' + b"x" * settings.API_MOST_BYTES + b'"}}'
    assert problem_of(api.send("POST", "/runs", raw=body)) == (413, "too_large")


def test_a_number_without_one_form_is_a_problem(api: Api) -> None:
    status, code = problem_of(api.send("POST", "/runs", raw=b'{"input": {"n": 9007199254740993}}'))
    assert (status, code) == (422, "not_canonical")


def test_an_address_with_a_zero_byte_is_a_problem(api: Api) -> None:
    assert problem_of(api.get("/policies/%00"))[0] in {400, 404}


def test_reads_past_the_ceiling_are_told_when_to_come_again(admin: Any) -> None:
    callers.publish_agent(owner=admin.username)
    api = Api(callers.agent_token(by=admin, per_minute=3).secret)
    callers.within_a_minute(2)
    answers = [api.get("/runs") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3]["Retry-After"]) <= 60


def test_the_api_describes_itself(api: Api) -> None:
    described = api.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/api/v1/runs/{run}/actions/{action}/claim" in described["paths"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"title":"a","title":"b"}', "'title' stands twice"),
        (b'{"input":{"a":{"b":1,"b":2}}}', "'b' stands twice"),
        (b'{"input":{"a":NaN}}', "NaN is no number"),
        (b'{"input":{"a":-Infinity}}', "-Infinity is no number"),
        (b'{"title":"\xff"}', "not UTF-8"),
        ('{"title":"x"}'.encode("utf-16"), "not UTF-8"),
        (b'{"title":', "not JSON"),
        (b'{"input":' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply"),
    ],
)
def test_a_body_that_two_readers_could_read_in_two_ways_is_refused(api: Api, body: bytes, said: str) -> None:
    answer = api.send("POST", "/runs", raw=body)
    assert problem_of(answer) == (400, "bad_request")
    assert said in answer.json()["detail"]


def test_every_operation_describes_its_problems_and_the_key_of_a_repeated_call() -> None:
    schema = Client().get("/api/v1/openapi.json").json()
    assert "detail" in schema["components"]["schemas"]["Problem"]["required"]
    for address, operations in schema["paths"].items():
        for method, operation in operations.items():
            shown = operation["responses"]["default"]["content"]
            assert list(shown) == ["application/problem+json"], address
            keys = [one for one in operation.get("parameters", []) if one["name"] == "Idempotency-Key"]
            changes = method == "post" and operation["operationId"] != "sign_off"
            assert len(keys) == int(changes), address
