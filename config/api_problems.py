"""Problem documents (RFC 9457), and a middleware that words what the API itself never sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, JsonResponse

ROOT = "/api/v1/"


def problem(status: int, title: str, detail: str, code: str, **more: Any) -> JsonResponse:
    """A problem document. `code` is what programs act upon, `detail` what people read."""
    content = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    response = JsonResponse(content, status=status, content_type="application/problem+json")
    response["Cache-Control"] = "no-store"
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="countersign"'
    return response


class ApiProblems:
    """Words what the API itself never sees: a method that an address does not take."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self.get_response):
            return self._later(request)
        return self._worded(request, self.get_response(request))

    async def _later(self, request: HttpRequest) -> Any:
        return self._worded(request, await self.get_response(request))

    def _worded(self, request: HttpRequest, response: Any) -> Any:
        if response.status_code != 405 or not request.path.startswith(ROOT):
            return response
        allowed = response.get("Allow", "")
        detail = f"This address takes {allowed}." if allowed else "This address does not take that method."
        worded = problem(405, "Method not allowed", detail, "method_not_allowed")
        worded["Allow"] = allowed
        return worded
