"""The socket of real processes: who may open it, and that no event is lost or told twice, whatever breaks."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from monitoring import nudges
from orchestrator import dispatch, eventlog
from orchestrator.services import runs as services
from tests.fixtures.sites import Site
from tests.monitoring import runs
from tests.monitoring.sockets import Watcher, open_socket


def _code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def _frame(socket: ClientConnection, kind: str) -> dict[str, object]:
    while True:
        frame: dict[str, object] = json.loads(socket.recv(timeout=10))
        if frame["type"] == kind:
            return frame


def _watcher(site: Site, run: str) -> Watcher:
    return Watcher(site.url, site.session_of("operator"), run)


def _take_all(watcher: Watcher) -> None:
    while True:
        watcher.take(5)


def _head(site: Site, run: str) -> int:
    return site.database(lambda: eventlog.head_of(run))


def _ended(site: Site, run: str) -> int:
    site.wait_for(lambda: site.database(lambda: runs.state_of(run).is_over))
    return _head(site, run)


def test_who_is_not_signed_in_is_told_so(site: Site) -> None:
    assert _code(open_socket(site, None)) == 4401


def test_who_may_not_see_runs_is_told_so(site: Site) -> None:
    def make() -> None:
        from config.models import User

        User.objects.get_or_create(username="nobody")

    site.database(make)
    assert _code(open_socket(site, "nobody")) == 4403


def test_a_page_of_another_site_gets_no_socket(site: Site) -> None:
    with pytest.raises(InvalidStatus):
        open_socket(site, "operator", origin="https://elsewhere.example")


@pytest.mark.parametrize(
    "said", ["no json", "[1]", '{"type": 7}', '{"type":"join","cursor":"x"}', "x" * 5000]
)
def test_what_is_not_understood_ends_the_socket(site: Site, said: str) -> None:
    socket = open_socket(site, "operator")
    socket.send(said)
    assert _code(socket) == 4400


@pytest.mark.parametrize(
    "stream", ["run:nonsense", "policy:1", "", "run:00000000-0000-0000-0000-000000000000"]
)
def test_a_stream_that_does_not_exist_is_ignored(site: Site, stream: str) -> None:
    with open_socket(site, "operator") as socket:
        socket.send(json.dumps({"type": "join", "stream": stream, "cursor": 0}))
        socket.send('{"type":"ping"}')
        assert _frame(socket, "heartbeat")


def test_a_run_is_told_from_its_first_event_and_on_while_it_happens(site: Site) -> None:
    run = site.database(lambda: runs.start(spec=runs.STEADY, steps=60, pause=0.01))
    watcher = _watcher(site, run)
    watcher.join()
    watcher.until(_ended(site, run))
    assert watcher.is_whole()
    assert [event["title"] for event in watcher.events[:2]] == ["Run started", "counter is asked"]
    watcher.close()


def test_a_killed_web_process_costs_no_event_and_doubles_none(site: Site) -> None:
    run = site.database(lambda: runs.start(spec=runs.STEADY, steps=300, pause=0.01))
    watcher = _watcher(site, run)
    watcher.join()
    watcher.until(60)
    site.kill("web")
    with pytest.raises(ConnectionClosed):
        _take_all(watcher)
    site.wait_for(lambda: watcher.join() or True)
    watcher.until(_ended(site, run))
    assert watcher.is_whole()
    watcher.close()


def test_an_event_whose_nudge_was_lost_is_found_by_the_poll(site: Site) -> None:
    run = site.database(lambda: runs.held_run(title="Nudges lost"))
    watcher = _watcher(site, run)
    watcher.join()
    watcher.until(_head(site, run))

    def pause() -> None:
        from config.models import User

        services.pause_run(
            run=run, reason="a quiet pause", by=User.objects.get(username="operator"), now=timezone.now()
        )

    dispatch.is_deaf = True
    try:
        site.database(pause)
    finally:
        dispatch.is_deaf = False
    watcher.until(_head(site, run), seconds=10)
    assert watcher.is_whole()
    assert watcher.events[-1]["detail"] == "a quiet pause"
    watcher.close()


def test_many_watchers_of_one_run_are_all_told_everything(site: Site) -> None:
    run = site.database(lambda: runs.start(spec=runs.STEADY, steps=80, pause=0.005))
    watchers = [_watcher(site, run) for _ in range(12)]
    for watcher in watchers:
        watcher.join()
    head = _ended(site, run)
    for watcher in watchers:
        watcher.until(head)
        assert watcher.is_whole()
        watcher.close()


@pytest.mark.parametrize("cursor", [0, 10**9], ids=["far behind", "from another log"])
def test_a_cursor_that_cannot_be_served_loads_the_page_again(site: Site, cursor: int) -> None:
    run = site.database(lambda: runs.long_run(6000))
    with open_socket(site, "operator") as socket:
        socket.send(json.dumps({"type": "join", "stream": f"run:{run}", "cursor": cursor}))
        assert _frame(socket, "reload")


def test_lists_are_told_that_something_changed(site: Site) -> None:
    with open_socket(site, "operator") as socket:
        socket.send('{"type":"join","stream":"runs"}')
        socket.send('{"type":"ping"}')
        _frame(socket, "heartbeat")
        site.database(lambda: runs.start(title="Something new"))
        assert _frame(socket, "changed")["stream"] == "runs"


def test_text_is_shown_while_it_is_written(site: Site) -> None:
    run = site.database(lambda: runs.long_run(4))
    watcher = _watcher(site, run)
    watcher.join()
    watcher.until(4)
    nudges.publish_text(run, "t1", "Dear ")
    nudges.publish_text(run, "t1", "sirs")
    site.wait_for(
        lambda: watcher.take(1) and "sirs" in "".join(str(one.get("chunk")) for one in watcher.others)
    )
    assert {one["turn"] for one in watcher.others} == {"t1"}
    watcher.close()
