"""The one API: who calls, the routers of the apps, and a problem document (RFC 9457) for everything that goes wrong."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer

import approvals.api
import orchestrator.api
from approvals.services import tokens
from config import errors
from config.api_bodies import Exact, Strict, Unreadable
from config.api_problems import problem
from config.api_schema import described
from orchestrator.api.calling import code_of
from orchestrator.domain.callers import Caller
from orchestrator.domain.errors import Corrupt, CountersignError, Refused

log = logging.getLogger("config.errors")

# What an error knows besides its words, and a program may be told.
TOLD = ("status", "by", "at", "reason", "scope", "actions")


class TooLarge(Refused):
    """What was sent is larger than one call may be. Send less at a time."""

    status = 413


class TokenAuth(HttpBearer):
    """Puts the caller on `request.auth`. Answers at once in a thread, and as a coroutine on the event loop."""

    is_async = True

    def __call__(self, request: HttpRequest) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._caller(request)
        return sync_to_async(self._caller_and_let_go)(request)

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        return tokens.recognise(token)

    def _caller(self, request: HttpRequest) -> Caller:
        _bounded(request)
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise tokens.NotAuthentic(code="token_missing")
        return self.authenticate(request, secret.strip())

    def _caller_and_let_go(self, request: HttpRequest) -> Caller:
        try:
            return self._caller(request)
        finally:
            if not connection.in_atomic_block:
                connection.close()


def _bounded(request: HttpRequest) -> None:
    try:
        size = len(request.body)
    except RequestDataTooBig:
        raise TooLarge() from None
    if size > settings.API_MOST_BYTES:
        raise TooLarge(f"One call may bring {settings.API_MOST_BYTES:,} bytes, and this brought {size:,}.")


class DocumentedApi(NinjaAPI):
    """Describes what every operation has beside its own: problem documents, and keys for calls that are repeated."""

    def get_openapi_schema(self, **more: Any) -> Any:
        return described(super().get_openapi_schema(**more))


api = DocumentedApi(
    title="Countersign",
    version="1",
    description="The gate for agents that run elsewhere, and sign-offs for people's own programs.",
    urls_namespace="api",
    docs_url=None,
    auth=TokenAuth(),
    renderer=Exact(),
    parser=Strict(),
)
api.add_router("/runs", orchestrator.api.runs)
api.add_router("/runs", orchestrator.api.actions)
api.add_router("/runs", orchestrator.api.statements)
api.add_router("/runs", orchestrator.api.commitments)
api.add_router("/commitments", orchestrator.api.all_commitments)
api.add_router("/approval-requests", approvals.api.requests)
api.add_router("/policies", approvals.api.policies)


@api.exception_handler(CountersignError)
def _ours(request: HttpRequest, error: CountersignError) -> HttpResponse:
    fault = errors.fault_of(error)
    code, status = code_of(error)
    if isinstance(error, Corrupt):
        log.error("The record is damaged: %s %s", error.message, error.facts, exc_info=error)
    more = {}
    for name in TOLD:
        if error.facts.get(name):
            # The member "status" of a problem document is its HTTP status.
            more["state" if name == "status" else name] = error.facts[name]
    response = problem(status, fault.title, fault.message, code, **more)
    if error.facts.get("retry_after"):
        response["Retry-After"] = str(error.facts["retry_after"])
    return response


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    wrong = [
        {"field": ".".join(str(part) for part in one["loc"]), "problem": str(one["msg"])}
        for one in error.errors[:20]
    ]
    named = "; ".join(f"{one['field']}: {one['problem']}" for one in wrong[:3])
    return problem(
        422, "Not what is expected", f"Correct this and send it again. {named}", "invalid", errors=wrong
    )


@api.exception_handler(AuthenticationError)
def _unknown_caller(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return _ours(request, tokens.NotAuthentic(code="token_missing"))


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    because = error.__cause__
    said = str(because) if isinstance(because, Unreadable) else str(error)
    return problem(error.status_code, "This call could not be read", said, "bad_request")


@api.exception_handler(Http404)
def _nothing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(404, errors.NOT_FOUND.title, errors.NOT_FOUND.message, "not_found")


@api.exception_handler(Exception)
def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    if isinstance(error, DataError):
        return problem(400, errors.BAD_REQUEST.title, errors.BAD_REQUEST.message, "bad_request")
    if isinstance(error, OperationalError | InterfaceError):
        log.error("A server does not answer: %s", error)
        response = problem(503, errors.UNAVAILABLE.title, errors.UNAVAILABLE.message, "unavailable")
        response["Retry-After"] = str(errors.UNAVAILABLE.retry_after)
        return response
    log.exception("An API call failed: %s %s", request.method, request.path, exc_info=error)
    return problem(500, errors.BROKEN.title, errors.BROKEN.message, "broken")
