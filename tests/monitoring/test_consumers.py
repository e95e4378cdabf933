"""The socket in this process: sessions that end, and browsers that take nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from monitoring import consumers, tails, viewers
from tests.monitoring import runs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


def _socket(client: Client) -> WebsocketCommunicator:
    from config.asgi import application

    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    headers = [(b"cookie", cookie.encode()), (b"origin", b"http://localhost"), (b"host", b"localhost")]
    return WebsocketCommunicator(application, "/ws/live/", headers=headers)


async def _closed_with(socket: WebsocketCommunicator, seconds: float = 5) -> int:
    while True:
        said: dict[str, Any] = await socket.receive_output(seconds)
        if said["type"] == "websocket.close":
            return int(said["code"])


@pytest.fixture
def signed_in(client: Client, operator) -> Client:  # type: ignore[no-untyped-def]
    client.force_login(operator)
    return client


async def test_signing_out_ends_the_socket(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    socket = _socket(signed_in)
    await socket.connect()
    assert json.loads(await socket.receive_from(5)) == {"type": "heartbeat"}
    await tails.in_thread(signed_in.logout)
    assert await _closed_with(socket) == 4401
    await socket.disconnect()


async def test_a_session_that_expires_ends_the_socket(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    socket = _socket(signed_in)
    await socket.connect()
    assert json.loads(await socket.receive_from(5)) == {"type": "heartbeat"}

    def expire() -> None:
        assert Session.objects.update(expire_date=timezone.now() - dt.timedelta(seconds=1)) == 1

    await tails.in_thread(expire)
    assert await _closed_with(socket) == 4401
    await socket.disconnect()


async def test_losing_the_role_ends_the_socket(
    signed_in: Client, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    socket = _socket(signed_in)
    await socket.connect()
    await tails.in_thread(operator.groups.clear)
    assert await _closed_with(socket) == 4403
    await socket.disconnect()


async def test_deactivating_somebody_ends_their_socket_and_their_session(
    signed_in: Client, operator: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from config import staff

    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    socket = _socket(signed_in)
    await socket.connect()
    await tails.in_thread(
        lambda: staff.set_active(username="operator", is_active=False, by=admin, now=timezone.now())
    )
    assert await _closed_with(socket) == 4401
    await socket.disconnect()
    answer = await tails.in_thread(signed_in.get, "/")
    assert answer.status_code == 302


async def test_a_browser_that_takes_nothing_is_let_go_and_not_remembered(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewers, "WINDOW", 1000)
    monkeypatch.setattr(tails, "SLOW_SECONDS", 0.2)
    run = await tails.in_thread(runs.long_run, 1200)
    socket = _socket(signed_in)
    await socket.connect()
    await socket.send_to(json.dumps({"type": "join", "stream": f"run:{run}", "cursor": 0}))
    assert len(json.loads(await socket.receive_from(5))["events"]) == 500
    assert await _closed_with(socket) == 1013
    await socket.disconnect()
    assert run not in tails.tails().tails


async def test_a_browser_that_says_what_it_has_is_given_the_rest(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewers, "WINDOW", 1000)
    run = await tails.in_thread(runs.long_run, 1200)
    socket = _socket(signed_in)
    await socket.connect()
    await socket.send_to(json.dumps({"type": "join", "stream": f"run:{run}", "cursor": 0}))
    seqs: list[int] = []
    while len(seqs) < 1200:
        events = json.loads(await socket.receive_from(5))["events"]
        assert len(events) <= 500
        seqs += [event["seq"] for event in events]
        await socket.send_to(json.dumps({"type": "ack", "stream": f"run:{run}", "cursor": seqs[-1]}))
    assert seqs == list(range(1, 1201))
    await socket.disconnect()


async def test_the_last_viewer_to_leave_ends_what_was_followed_for_it(signed_in: Client) -> None:
    run = await tails.in_thread(runs.long_run, 4)
    socket = _socket(signed_in)
    await socket.connect()
    await socket.send_to(json.dumps({"type": "join", "stream": f"run:{run}", "cursor": 0}))
    await socket.receive_from(5)
    assert tails.tails().tasks
    await socket.disconnect()
    await asyncio.sleep(0)
    assert tails.tails().tasks == {}
    assert tails.tails().topics == {}


async def test_frames_of_one_cursor_are_read_and_rendered_once_for_all(
    signed_in: Client,
) -> None:
    run = await tails.in_thread(runs.long_run, 40)
    followed = tails.Tail(run, 40)
    pages = await asyncio.gather(*(followed._page(0) for _ in range(20)))
    assert all(page is pages[0] for page in pages)


async def test_only_ones_own_notices_are_heard_and_at_once(signed_in: Client, reviewer: Any) -> None:
    theirs = Client()
    await tails.in_thread(theirs.force_login, reviewer)
    mine, other = _socket(signed_in), _socket(theirs)
    for socket in (mine, other):
        await socket.connect()
        for stream in ("notices", "notices:operator", "notices:reviewer"):
            await socket.send_to(json.dumps({"type": "join", "stream": stream}))
    while len(tails.tails().topics) < 2:
        await asyncio.sleep(0.01)
    await tails.tails()._take({"people": ["operator", "nobody"]})
    assert json.loads(await mine.receive_from(1)) == {"type": "notices"}
    assert await other.receive_nothing(0.1)
    assert set(tails.tails().topics) == {"notices:operator", "notices:reviewer"}
    for socket in (mine, other):
        await socket.disconnect()


async def test_a_session_that_runs_out_ends_the_socket(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.sessions.models import Session

    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    socket = _socket(signed_in)
    await socket.connect()
    await tails.in_thread(lambda: Session.objects.update(expire_date=timezone.now()))
    assert await _closed_with(socket) == 4401
    await socket.disconnect()
