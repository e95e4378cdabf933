"""What every operation shares: the scope it needs, the count of calls, the answer that is kept for a repeat.

`config.api` puts the caller on `request.auth`; an operation without `needs` is found by the permissions matrix.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, TypeVar

import msgspec
from asgiref.sync import sync_to_async
from django.http import HttpRequest, JsonResponse
from ninja import Path, Query, Schema
from pydantic import AfterValidator, ConfigDict, Field

from orchestrator.domain import errors
from orchestrator.domain.callers import Caller, CallScope
from orchestrator.services import once, rates

View = TypeVar("View", bound=Callable[..., Any])

IDEMPOTENCY = "Idempotency-Key"
# A name inside a run, as in a12.
Name = Annotated[str, Path(max_length=40, pattern=r"^[a-z][0-9]{1,9}$")]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str, Query(max_length=200)]


def _plainly(said: str) -> str:
    """Words for people, which rows hold too: a NUL stands in no row."""
    return said.replace("\0", "\ufffd")


Reason = Annotated[str, Field(max_length=2000), AfterValidator(_plainly)]
Word = Annotated[str, Field(max_length=200), AfterValidator(_plainly)]


# Errors whose code other programs rely on, where it is not the error's own name.
CODES = {
    "digest_mismatch": ("changed", 412),
    "changed": ("changed", 412),
    "too_late": ("expired", 410),
    "decided": ("decided", 409),
    "unknown_request": ("not_found", 404),
    "not_yours": ("not_found", 404),
    "unknown_action": ("not_found", 404),
    "unknown_commitment": ("not_found", 404),
    "no_moment": ("invalid", 422),
    "commitment_is_overdue": ("expired", 410),
    "not_canonical": ("not_canonical", 422),
    "reason_missing": ("reason_missing", 422),
}


def code_of(error: errors.CountersignError) -> tuple[str, int]:
    """The code that a program acts upon, and the status: the error's own name, unless it says another."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__)
    name = name.lstrip("_")
    return CODES.get(name, (str(error.facts.get("code") or name), error.status))


class Asked(Schema):
    """A body that a caller sends: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid")


def needs(scope: CallScope, *, permission: str = "", counted_as: str = "calls") -> Callable[[View], View]:
    """Let in callers with this scope only, at most so often a minute. `permission` is asked of people's programs.

    The scope stays on the view as `call_scope`, where the permissions matrix finds it.
    """

    def guard(view: View) -> View:
        def check(request: HttpRequest) -> None:
            caller = caller_of(request)
            caller.must_hold(scope, permission)
            if counted_as:
                rates.take(caller, counted_as)

        if inspect.iscoroutinefunction(view):

            @wraps(view)
            async def waits(request: HttpRequest, *args: Any, **values: Any) -> Any:
                await sync_to_async(check)(request)
                return await view(request, *args, **values)

            guarded: Any = waits
        else:

            @wraps(view)
            def answers(request: HttpRequest, *args: Any, **values: Any) -> Any:
                check(request)
                return view(request, *args, **values)

            guarded = answers
        guarded.call_scope, guarded.call_permission = scope, permission
        # Annotations name what the view's module knows, which is not what this one knows.
        guarded.__signature__ = inspect.signature(view, eval_str=True)
        found: View = guarded
        return found

    return guard


def caller_of(request: HttpRequest) -> Caller:
    """Whose token this is: the API's guard has put it on the request."""
    found: Caller = vars(request)["auth"]
    return found


def answer_once(
    request: HttpRequest,
    asked: Mapping[str, Any],
    do: Callable[[], Mapping[str, Any]],
    *,
    status: int = 200,
) -> JsonResponse:
    """Do what is asked, and keep the answer under the call's idempotency key, if it has one."""
    key = request.headers.get(IDEMPOTENCY, "")
    if len(key) > once.KEY_LENGTH:
        raise once.KeyReused(
            f"An idempotency key has at most {once.KEY_LENGTH} characters.", code="key_too_long"
        )

    def answer() -> once.Answer:
        # As it is kept and as it is sent are the same, so that a repeat gets the same answer to the letter.
        body = msgspec.json.decode(msgspec.json.encode(do()))
        return once.Answer(body.pop("_status", status), body)

    found = once.once(
        token=caller_of(request).token,
        key=key,
        asked={"method": request.method, "path": request.path, **asked},
        do=answer,
    )
    kind = "application/json" if found.status < 400 else "application/problem+json"
    response = JsonResponse(found.body, status=found.status, content_type=kind)
    if found.repeated:
        response["Idempotency-Replayed"] = "true"
    return response
