"""A small server for pages without the product: rendered templates, the static files, and a socket that follows a script.

It listens on one port of the loopback, so that the pages' Content-Security-Policy holds for the socket too.
"""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

STATIC = Path(__file__).resolve().parents[2] / "static"
Page = Callable[[str], tuple[int, str]]


def _listen_only(socket: ServerConnection) -> None:
    for _ in socket:
        pass


def policy() -> str:
    """The Content-Security-Policy that the product sends, as a header."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    return "; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())


class Stage:
    """Serves `pages` (path -> answer for a query) and hands every socket to `on_socket`."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.on_socket: Callable[[ServerConnection], object] = _listen_only
        self.server: Server = self._listen(0)
        self.port: int = self.server.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def _listen(self, port: int) -> Server:
        server = serve(self._socket, "127.0.0.1", port, process_request=self._answer, compression=None)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def restart(self) -> None:
        """End the server with all its sockets and start it anew on the same port."""
        self.server.shutdown()
        self.server = self._listen(self.port)

    def stop(self) -> None:
        self.server.shutdown()

    def _socket(self, socket: ServerConnection) -> None:
        self.on_socket(socket)

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        address = urlsplit(request.path)
        if address.path.startswith("/static/"):
            path = STATIC / address.path.removeprefix("/static/")
            if not path.is_file():
                return _response(404, b"", "text/plain")
            return _response(200, path.read_bytes(), mimetypes.guess_type(path.name)[0] or "text/plain")
        page = self.pages.get(address.path)
        if page is None:
            return _response(404, b"<p>Nothing here.</p>", "text/html")
        status, body = page(address.query)
        return _response(status, body.encode(), "text/html; charset=utf-8")


def _response(status: int, body: bytes, content_type: str) -> Response:
    headers = Headers(
        {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy(),
            "Connection": "close",
        }
    )
    return Response(status, HTTPStatus(status).phrase, headers, body)
