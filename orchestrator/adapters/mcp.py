"""Tools of external MCP servers: what such a server offers, whether a tool still is the pinned one, and its call.

Every address passes the guard of outgoing calls. A tool that describes itself otherwise than it was pinned is not
called. Keys come from the environment: COUNTERSIGN_MCP_<HOST>_TOKEN.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from django.utils import timezone

from orchestrator import ports
from orchestrator.adapters import outgoing, said
from orchestrator.domain import errors
from orchestrator.domain.outside import OfferedTool
from orchestrator.domain.specs import ToolSpec
from orchestrator.services import outside_tools

log = structlog.get_logger(__name__)

Found = TypeVar("Found")
LIST_SECONDS = 15.0
MOST_TOOLS = 500


class NotReached(errors.PortFailure):
    """The MCP server could not be reached, or did not answer as one. Check its address and its key."""


def variable(server: str) -> str:
    """The environment variable that holds the key for a server."""
    host = urlsplit(server).hostname or ""
    return f"COUNTERSIGN_MCP_{re.sub(r'[^A-Za-z0-9]', '_', host).upper()}_TOKEN"


def offered(server: str) -> list[OfferedTool]:
    """What a server offers now. Raises NotReached, AddressNotAllowed."""
    outgoing.check_url(server)
    return _with_server(server, _list, LIST_SECONDS)


def find_offered(server: str, name: str) -> OfferedTool | None:
    """One tool as its server describes it now, or None. Raises NotReached, AddressNotAllowed."""
    return next((tool for tool in offered(server) if tool.name == name), None)


def call(request: ports.ExecutionRequest) -> Any:
    """The result of a tool on its server, called only when it still is the pinned one. Raises PortFailure."""
    tool = request.tool
    began = False

    async def look_and_call(client: Any) -> Any:
        nonlocal began
        now = next((one for one in await _list(client) if one.name == tool.remote), None)
        if now is None or now.digest != tool.pinned:
            return _Changed(now)
        began = True
        return await client.call_tool(tool.remote, dict(request.arguments))

    try:
        outgoing.check_url(tool.server)
        found = _with_server(tool.server, look_and_call, tool.timeout_seconds)
    except errors.Refused as refused:
        raise errors.PortFailure(refused.message, retry="permanent", uncertain=began) from None
    except NotReached as failure:
        if began:
            raise errors.PortFailure(
                f"The call of {tool.name} broke off or took too long; it may have done its work.",
                retry="transient",
                uncertain=True,
            ) from None
        # Nothing was called: only what may be repeated is tried again by itself.
        again = "transient" if tool.idempotent or not tool.is_consequential else "permanent"
        raise errors.PortFailure(failure.message, retry=again) from None
    if isinstance(found, _Changed):
        _keep(tool, found.now)
        raise errors.PortFailure(
            f"{tool.name} was not called: its server describes it otherwise than an administrator has seen it. "
            "Look at the tool's page, and declare it again if it is right.",
            retry="permanent",
        )
    value = found.structured_content
    if value is None:
        value = {"text": "\n".join(part.text for part in found.content if getattr(part, "text", None))}
    if found.is_error:
        raise errors.PortFailure(f"{tool.name} answered with an error: {str(value)[:500]}", retry="permanent")
    return said.to_json(value, f"The result of {tool.name}")


def look_at_all() -> int:
    """Look at every declared tool on its server; returns how many are not what was pinned."""
    changed = 0
    by_server: dict[str, list[ToolSpec]] = {}
    for spec in outside_tools.declared():
        by_server.setdefault(spec.server, []).append(spec)
    for server, specs in by_server.items():
        try:
            known = {tool.name: tool for tool in offered(server)}
        except errors.CountersignError as error:
            log.warning("mcp_not_reached", server=server, reason=error.message)
            continue
        for spec in specs:
            _keep(spec, known.get(spec.remote))
            changed += outside_tools.is_changed(spec)
    return changed


def _keep(spec: ToolSpec, now: OfferedTool | None) -> None:
    outside_tools.record_seen(
        tool=spec.name,
        seen=now.digest if now else "",
        words=now.description if now else "Its server does not offer it any more.",
        now=timezone.now(),
    )


class _Changed:
    def __init__(self, now: OfferedTool | None) -> None:
        self.now = now


async def _list(client: Any) -> list[OfferedTool]:
    found: list[OfferedTool] = []
    cursor = None
    while len(found) < MOST_TOOLS:
        page = await client.list_tools(cursor=cursor)
        found += [
            OfferedTool(name=one.name, description=one.description or "", parameters=dict(one.input_schema))
            for one in page.tools
        ]
        cursor = page.next_cursor
        if not cursor:
            break
    return found[:MOST_TOOLS]


def _with_server(server: str, do: Callable[[Any], Awaitable[Found]], seconds: float) -> Found:
    """Connect, do it, and leave. Whatever fails on the way is NotReached."""

    async def run() -> Found:
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client

        key = os.environ.get(variable(server), "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with (
            asyncio.timeout(seconds),
            httpx2.AsyncClient(
                transport=outgoing.transport(), headers=headers, timeout=seconds, follow_redirects=False
            ) as http,
            Client(streamable_http_client(server, http_client=http)) as client,
        ):
            return await do(client)

    try:
        return asyncio.run(run())
    except BaseException as error:
        ours = _inside(error, errors.CountersignError)
        if ours is not None:
            raise ours from None
        if not isinstance(error, Exception):
            raise
        log.warning("mcp_failed", server=server, kind=type(error).__name__)
        raise NotReached(
            f"The MCP server at {server[:200]} could not be reached, or did not answer as one "
            f"({type(error).__name__}). Check its address, and its key in {variable(server)}.",
            retry="transient",
        ) from None


def _inside(error: BaseException, kind: type[Any]) -> Any:
    """The error of this kind within groups of errors, or behind them."""
    if isinstance(error, kind):
        return error
    for inner in getattr(error, "exceptions", ()):
        found = _inside(inner, kind)
        if found is not None:
            return found
    return None
