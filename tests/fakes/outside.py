"""Other people's servers on real sockets: one that is posted to, and one that takes mail. They know no Countersign.

Each keeps what it was sent and answers as scripted.
"""

from __future__ import annotations

import collections
import email
import email.policy
import gzip
import socketserver
import threading
import time
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self, cast


class Posted(NamedTuple):
    """One call: its path, its headers by small letters, and its body."""

    path: str
    headers: dict[str, str]
    body: bytes


class HttpServer:
    """`url` is where it listens. A scripted status below 0 is silence for so many seconds; 3xx point to `elsewhere`."""

    def __init__(self, *statuses: float, elsewhere: str = "http://127.0.0.1:9/") -> None:
        self.posted: list[Posted] = []
        self.statuses = collections.deque(statuses)
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                owner.posted.append(Posted(self.path, headers, body))
                status = owner.statuses.popleft() if owner.statuses else 200
                if status < 0:
                    time.sleep(-status)
                    return
                said = b"no room here" if status >= 400 else b""
                self.send_response(int(status))
                if 300 <= status < 400:
                    self.send_header("Location", elsewhere)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/told"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class HostileServer:
    """Answers with far more than anybody should read: without end, packed a thousandfold, or byte by byte.

    `sent` counts what went out before the other side hung up.
    """

    MOST = 100_000_000

    def __init__(self, how: str, status: int) -> None:
        self.sent = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(status)
                if how == "packed":
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                piece = b"x" if how == "dripping" else b"x" * 65_536
                if how == "packed":
                    piece = gzip.compress(b"\0" * 50_000_000)
                try:
                    while owner.sent < owner.MOST:
                        owner.sent += self.wfile.write(piece)
                        self.wfile.flush()
                        time.sleep(0.05 if how == "dripping" else 0)
                except OSError:
                    return

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/told"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """Takes mail by SMTP. Addresses in `refused` are answered with that code; with `is_away` it hangs up at once."""

    def __init__(self, refused: dict[str, int] | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.refused = refused or {}
        self.is_away = False
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                if owner.is_away:
                    return
                self._say("220 here")
                while line := self.rfile.readline():
                    if not self._answer(line.decode("utf-8", "replace").strip()):
                        return

            def _answer(self, line: str) -> bool:
                verb = line[:4].upper()
                if verb == "RCPT":
                    address = line.partition("<")[2].partition(">")[0]
                    code = owner.refused.get(address, 250)
                    self._say(f"{code} {'ok' if code == 250 else 'no such box'}")
                elif verb == "DATA":
                    self._say("354 go on")
                    data = b""
                    while (piece := self.rfile.readline()) not in {b".\r\n", b""}:
                        data += piece[1:] if piece.startswith(b"..") else piece
                    owner.mails.append(
                        cast(EmailMessage, email.message_from_bytes(data, policy=email.policy.default))
                    )
                    self._say("250 taken")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return False
                else:
                    self._say("250 ok")
                return True

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
