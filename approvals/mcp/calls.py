"""Who calls, how often, and in which thread: the same tokens and counts as REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import connection
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from approvals.services import tokens
from orchestrator.api.calling import code_of
from orchestrator.domain import errors
from orchestrator.domain.callers import Caller
from orchestrator.services import rates

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class Tokens:
    """Recognises the same tokens as REST."""

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            caller = await apart(lambda: tokens.recognise(token))
        except tokens.NotAuthentic:
            return None
        return AccessToken(token=token, client_id=caller.token, scopes=sorted(caller.scopes))


async def answer(kind: type[Any], do: Callable[[Caller], Any], *, counted_as: str = "calls") -> Any:
    """Do it as the caller of this request, and make a refusal a value."""
    shown = get_access_token()

    def work() -> Any:
        caller = tokens.recognise(shown.token if shown is not None else "")
        if counted_as:
            rates.take(caller, counted_as)
        return do(caller)

    try:
        return await apart(work)
    except errors.Corrupt as corrupt:
        log.exception("mcp_corrupt")
        return kind(ok=False, code="corrupt", detail=corrupt.message)
    except errors.CountersignError as refused:
        return kind(ok=False, code=code_of(refused)[0], detail=refused.message)


async def apart(do: Callable[[], Result]) -> Result:
    """In a thread of its own, whose connection goes back to the pool afterwards."""

    def work() -> Result:
        try:
            return do()
        finally:
            connection.close()

    found: Result = await sync_to_async(work, thread_sensitive=False)()
    return found
