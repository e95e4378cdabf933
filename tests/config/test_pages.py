"""Pages are served in one thread from the first middleware to the last; the API keeps the chain that can wait."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from config.asgi import by_path
from config.pages import Pages

_threads: list[str] = []


class Notes:
    """A middleware with hooks, as Django's own are: in an async chain each hook runs in a thread of its own turn."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _threads.append(threading.current_thread().name)
        response: HttpResponse = self.get_response(request)
        _threads.append(threading.current_thread().name)
        return response


def _view(request: HttpRequest) -> HttpResponse:
    _threads.append(threading.current_thread().name)
    return HttpResponse("here")


async def _later(request: HttpRequest) -> HttpResponse:
    return HttpResponse("later")


urlpatterns = [path("here/", _view), path("later/", _later)]


async def _ask(application: Any, address: str) -> tuple[int, bytes]:
    scope = {
        "type": "http",
        "method": "GET",
        "path": address,
        "raw_path": address.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "scheme": "http",
    }
    asked = ApplicationCommunicator(application, scope)
    await asked.send_input({"type": "http.request", "body": b""})
    start = await asked.receive_output(10)
    body = await asked.receive_output(10)
    await asked.wait(10)
    return start["status"], body["body"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("address", "said"), [("/here/", b"here"), ("/later/", b"later")])
async def test_a_page_stays_in_one_thread(address: str, said: bytes) -> None:
    _threads.clear()
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.Notes"] * 3):
        assert await _ask(Pages(), address) == (200, said)
    assert len(set(_threads)) == 1
    assert threading.current_thread().name not in _threads


@pytest.mark.asyncio
async def test_an_address_of_the_api_is_not_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def served(name: str) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            seen.append(name)

        return serve

    for name in ("api", "pages", "mcp"):
        monkeypatch.setattr(f"config.asgi.{name}", served(name))
    for address in ("/api/v1/runs", "/inbox/", "/mcp"):
        await by_path({"path": address}, None, None)
    assert seen == ["api", "pages", "mcp"]
