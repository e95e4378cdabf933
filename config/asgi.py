"""The door for HTTP, MCP and WebSockets. Sockets are opened only from our own pages and know who is signed in."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
api = get_asgi_application()  # before the rest: it loads the apps that they import

from channels.auth import AuthMiddlewareStack  # noqa: E402  after the apps are loaded, as all below
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from config.api_problems import ROOT  # noqa: E402
from config.mcp_mount import PATH, McpMount  # noqa: E402
from config.pages import Pages  # noqa: E402
from monitoring.routing import websocket_urlpatterns  # noqa: E402

mcp = McpMount()
pages = Pages()


async def by_path(scope: Any, receive: Any, send: Any) -> None:
    """Agents that speak MCP to their server, programs to the API, where they may wait, everybody else to pages."""
    path = scope["path"]
    served = mcp if path == PATH else api if path.startswith(ROOT) else pages
    await served(scope, receive, send)


application = ProtocolTypeRouter(
    {
        "http": by_path,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
