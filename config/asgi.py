"""The door for HTTP, MCP and WebSockets. Sockets are opened only from our own pages and know who is signed in."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()  # before the rest: it loads the apps that they import

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from config.mcp_mount import PATH, McpMount  # noqa: E402
from monitoring.routing import websocket_urlpatterns  # noqa: E402

mcp = McpMount()


async def by_path(scope: Any, receive: Any, send: Any) -> None:
    """Agents that speak MCP to their server, everybody else to Django."""
    await (mcp if scope["path"] == PATH else http)(scope, receive, send)


application = ProtocolTypeRouter(
    {
        "http": by_path,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
