"""A page's socket without a page: joins, keeps what came, and says whether a number was missing or came twice."""

from __future__ import annotations

import json
import time
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.fixtures.sites import Site


def socket_at(url: str, session: str = "", *, origin: str = "") -> ClientConnection:
    headers = {"Cookie": f"sessionid={session}"} if session else {}
    base = url.rstrip("/")
    return connect(
        base.replace("http", "ws", 1) + "/ws/live/",
        additional_headers=headers,
        origin=origin or base,  # type: ignore[arg-type]
        max_size=None,
        legacy=True,
    )


def open_socket(site: Site, username: str | None, *, origin: str = "") -> ClientConnection:
    return socket_at(site.url, site.session_of(username) if username else "", origin=origin)


class Watcher:
    """One stream over one socket at a time. `seqs` holds every event's number as it came."""

    def __init__(self, url: str, session: str, run: str) -> None:
        self.url = url
        self.session = session
        self.run = run
        self.seqs: list[int] = []
        self.events: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.socket: ClientConnection | None = None

    @property
    def cursor(self) -> int:
        return self.seqs[-1] if self.seqs else 0

    def join(self) -> None:
        self.socket = socket_at(self.url, self.session)
        self.socket.send(json.dumps({"type": "join", "stream": f"run:{self.run}", "cursor": self.cursor}))

    def take(self, seconds: float) -> bool:
        """One frame, if one comes in time."""
        assert self.socket is not None
        try:
            frame = json.loads(self.socket.recv(timeout=seconds))
        except TimeoutError:
            return False
        if frame["type"] == "events":
            self.seqs += [event["seq"] for event in frame["events"]]
            self.events += frame["events"]
        else:
            self.others.append(frame)
        return True

    def until(self, seq: int, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while self.cursor < seq:
            if time.monotonic() > deadline:
                raise AssertionError(f"Only {self.cursor} of {seq} events came within {seconds} s.")
            self.take(0.2)

    def is_whole(self) -> bool:
        return self.seqs == list(range(1, len(self.seqs) + 1))

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
