"""A program that is told of events: an HTTP server on a real socket that keeps what it was sent.

It answers with the next scripted status, 204 when there is none. It knows nothing of Countersign.
"""

from __future__ import annotations

import collections
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Received(NamedTuple):
    """One call: its headers, by small letters, and its body."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """Use it as a context manager; `url` is where it listens. A scripted status below 0 is silence, in seconds."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: collections.deque[int] = collections.deque()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                owner.received.append(Received(headers, body))
                status = owner.statuses.popleft() if owner.statuses else 204
                if status < 0:
                    time.sleep(-status)
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", owner.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/told"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
