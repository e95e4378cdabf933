"""The page's one socket: who may open it, what it may ask for, when it ends. It renders nothing itself."""

from __future__ import annotations

import asyncio
import random
import uuid
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import msgspec
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user

from monitoring.tails import in_thread, notices_of, tails
from monitoring.viewers import Viewer

HEARTBEAT_SECONDS = 20.0
HEARTBEAT = '{"type":"heartbeat"}'
NOT_SIGNED_IN, NOT_PERMITTED, NOT_UNDERSTOOD = 4401, 4403, 4400
MOST_STREAMS = 20
MOST_CHARACTERS = 4096
TOPICS = frozenset({"runs", "inbox", "notices"})


class Asked(msgspec.Struct):
    """What a page may say: join (with a cursor, to get events), ack, ping."""

    type: str
    stream: str = ""
    cursor: int | None = None


class LiveConsumer(AsyncWebsocketConsumer):
    """One browser tab. Its session is looked at again with every heartbeat: signing out ends the socket."""

    viewer: Viewer | None = None
    person = ""
    beating: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # Accepted before it is refused: a browser only sees the code of a socket that was open.
        await self.accept()
        code = await in_thread(self._objection)
        if code:
            await self.close(code)
            return
        self.streams: set[str] = set()
        self.viewer = Viewer(self._write, self.close)
        self.beating = asyncio.ensure_future(self._beat())

    async def disconnect(self, code: int) -> None:
        if self.beating is not None:
            self.beating.cancel()
        if self.viewer is not None:
            self.viewer.stop()
            tails().leave(self.viewer)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.viewer is None:
            return
        asked = _understood(text_data)
        if asked is None:
            await self.close(NOT_UNDERSTOOD)
        elif asked.type == "ping":
            self.viewer.put_once(HEARTBEAT)
        elif asked.type == "ack" and asked.cursor is not None:
            self.viewer.acknowledge(asked.stream, asked.cursor)
        elif asked.type == "join":
            self.streams.add(asked.stream)
            if len(self.streams) > MOST_STREAMS or not _exists(asked.stream):
                self.streams.discard(asked.stream)
                return
            is_own = asked.stream == "notices"
            stream, cursor = (notices_of(self.person), None) if is_own else (asked.stream, asked.cursor)
            await tails().join(self.viewer, stream, cursor)

    async def _beat(self) -> None:
        while True:
            # Never all at once: five hundred tabs that came back together would ask the database together.
            await asyncio.sleep(HEARTBEAT_SECONDS * random.uniform(0.5, 1.0))
            try:
                code = await in_thread(self._objection)
            except Exception:
                code = 0  # the database is away: who was allowed stays until it can be asked
            if code:
                await self.close(code)
                return
            if self.viewer is not None:
                self.viewer.put(HEARTBEAT)

    async def _write(self, text: str) -> None:
        await self.base_send({"type": "websocket.send", "text": text})

    def _objection(self) -> int:
        """The code to close with, 0 when this person may watch. Reads the session and the person anew."""
        key = getattr(self.scope.get("session"), "session_key", None)
        if not key:
            return NOT_SIGNED_IN
        session: Any = import_module(settings.SESSION_ENGINE).SessionStore(session_key=key)
        # It reads nothing of a request but its session.
        person = get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]
        if not person.is_authenticated or not person.is_active:
            return NOT_SIGNED_IN
        self.person = person.get_username()
        return 0 if person.has_perm("orchestrator.view_run") else NOT_PERMITTED


def _understood(text: str | None) -> Asked | None:
    if text is None or len(text) > MOST_CHARACTERS:
        return None
    try:
        return msgspec.json.decode(text, type=Asked)
    except msgspec.DecodeError:
        return None


def _exists(stream: str) -> bool:
    """Whether this names something that can be watched."""
    if stream in TOPICS:
        return True
    kind, _, run = stream.partition(":")
    try:
        return kind == "run" and str(uuid.UUID(run)) == run
    except ValueError:
        return False
