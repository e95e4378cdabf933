"""What a person, a fragment or a program is told when something goes wrong: status, what happened, what to do.

Every answer is built to survive what caused it: when even the page cannot be rendered, plain text says the same.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from orchestrator.domain import errors as families

log = logging.getLogger("config.errors")


class Refusals(logging.Filter):
    """Keeps a refusal to one line of the log: it is no fault, so where in our code it was made says nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True


@dataclass(frozen=True)
class Fault:
    """One failure, ready to print: what happened and what to do next."""

    status: int
    title: str
    message: str
    code: str
    next_step: str = ""
    retry_after: int = 0


_TITLES: dict[type[families.CountersignError], str] = {
    families.Refused: "Not allowed by a rule",
    families.NotPermitted: "You may not do this",
    families.NotFound: "Not found",
    families.Conflict: "Somebody was first",
    families.PortFailure: "Something outside failed",
    families.Corrupt: "The record is damaged",
}
NOT_FOUND = Fault(
    404,
    "Not found",
    "There is nothing under this address, or you may not see it.",
    "not_found",
    "Check the link, or go to the overview and find it from there.",
)
NOT_PERMITTED = Fault(
    403,
    "You may not do this",
    "Your role does not include this. Nothing was changed.",
    "not_permitted",
    "Ask an administrator for the role that does, or sign in as somebody else.",
)
BAD_REQUEST = Fault(
    400,
    "This request could not be read",
    "What the browser sent was incomplete or too large. Nothing was changed.",
    "bad_request",
    "Go back, reload the page and try again.",
)
STALE_FORM = Fault(
    403,
    "This form is no longer valid",
    "You signed in or out since the page was opened, or cookies are blocked. Nothing was changed.",
    "stale_form",
    "Go back, reload the page and send it again.",
)
TOO_OFTEN = Fault(
    429,
    "Too many tries",
    "This was tried too often in a short time, so for the moment it is not taken. Nothing was changed.",
    "too_often",
    "Wait a minute and try again. If it was not you, change your password and tell an administrator.",
    retry_after=60,
)
BROKEN = Fault(
    500,
    "Something broke on our side",
    "Countersign failed while answering. Nothing you had not already confirmed was changed; the log says more.",
    "broken",
    "Try again. If it happens twice, tell an administrator when it happened.",
)
UNAVAILABLE = Fault(
    503,
    "The database is not answering",
    "Countersign cannot reach PostgreSQL or Redis. Runs wait and go on when it is back; nothing is lost.",
    "unavailable",
    "Wait a few seconds and reload.",
    retry_after=5,
)


def fault_of(error: families.CountersignError) -> Fault:
    """What to say about one of our errors. The message was written to be read by a person."""
    title = next((words for family, words in _TITLES.items() if isinstance(error, family)), BROKEN.title)
    code = "".join(
        f"_{letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__
    ).lstrip("_")
    return Fault(error.status, title, error.message, code)


def answer(request: HttpRequest, fault: Fault) -> HttpResponse:
    """A full page, a fragment for htmx, or problem+json for a program: whatever was asked for."""
    response = _problem(fault) if _is_program(request) else _page(request, fault)
    if fault.retry_after:
        response["Retry-After"] = str(fault.retry_after)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, NOT_PERMITTED)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, NOT_FOUND)


def too_often(request: HttpRequest) -> HttpResponse:
    return answer(request, TOO_OFTEN)


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, BROKEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.warning("A form was refused: %s", reason)
    return answer(request, STALE_FORM)


def _is_program(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def _problem(fault: Fault) -> HttpResponse:
    detail = " ".join(filter(None, (fault.message, fault.next_step)))
    content = {
        "type": "about:blank",
        "title": fault.title,
        "status": fault.status,
        "detail": detail,
        "code": fault.code,
    }
    return JsonResponse(content, status=fault.status, content_type="application/problem+json")


def _page(request: HttpRequest, fault: Fault) -> HttpResponse:
    is_fragment = bool(request.headers.get("HX-Request")) and not request.headers.get("HX-Boosted")
    template = "_error.html" if is_fragment else "error.html"
    try:
        return HttpResponse(render_to_string(template, {"fault": fault}, request), status=fault.status)
    except Exception:
        # The page asks the database who is signed in; that may be what has just failed.
        log.exception("The error page could not be rendered")
        text = f"{fault.title}\n\n{fault.message}\n{fault.next_step}\n"
        return HttpResponse(text, status=fault.status, content_type="text/plain; charset=utf-8")
