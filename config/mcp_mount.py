"""Where the MCP server hangs in this server: at /mcp, on the event loop that serves, from its first call on."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.http.request import split_domain_port, validate_host

log = structlog.get_logger(__name__)

PATH = "/mcp"


class McpMount:
    """Starts the server's own work with the first call, because the web server announces no start.

    Hosts and origins are checked as for pages: by ALLOWED_HOSTS, and only from this site when a browser calls.
    """

    def __init__(self) -> None:
        self._started: dict[asyncio.AbstractEventLoop, tuple[Any, asyncio.Event, asyncio.Task[None]]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wrong = _refusal(scope)
        if wrong:
            await _say(send, *wrong)
            return
        if scope["method"] != "POST":
            # Each call is answered by itself: there is no stream to listen to, and no session to end.
            await _say(send, 405, "This address takes POST.", (b"allow", b"POST"))
            return
        loop = asyncio.get_running_loop()
        if loop not in self._started:
            self._started[loop] = self._start(loop)
        app, ready, _ = self._started[loop]
        await ready.wait()
        await app(scope, receive, send)

    def _start(self, loop: asyncio.AbstractEventLoop) -> tuple[Any, asyncio.Event, asyncio.Task[None]]:
        from mcp.server.transport_security import TransportSecuritySettings

        from approvals.mcp import build_server

        server = build_server()
        app = server.streamable_http_app(
            streamable_http_path=PATH,
            stateless_http=True,
            json_response=True,
            max_request_body_size=settings.API_MOST_BYTES,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        ready = asyncio.Event()
        return app, ready, loop.create_task(self._run(server.session_manager, ready))

    async def _run(self, manager: Any, ready: asyncio.Event) -> None:
        async with manager.run():
            ready.set()
            await asyncio.Event().wait()


def _refusal(scope: Any) -> tuple[int, str] | None:
    """Why this call is not passed on: a host that is not ours, or a page of another site."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return 421, "This host is not served here."
    origin = headers.get(b"origin", "")
    if origin and urlsplit(origin).netloc != host and origin not in settings.CSRF_TRUSTED_ORIGINS:
        return 403, "Pages of other sites may not call this."
    return None


async def _say(send: Any, status: int, text: str, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
