"""The trace of a run in a real browser: a hundred thousand events, the keys, the filters, and a socket that breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from tests.static.fixtures import event, rendered
from tests.static.stage import Stage

pytestmark = pytest.mark.browser
MOST_ROWS = 90


class Log:
    """A stream that the stage serves as the product does: from a cursor, in frames of at most 500 events."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.joined: list[int] = []
        self.acknowledged = 0
        self.drop_after: int | None = None
        self.skip: set[int] = set()

    def serve(self, socket: ServerConnection) -> None:
        try:
            for message in socket:
                frame = json.loads(message)
                if frame["type"] == "ack":
                    self.acknowledged = frame["cursor"]
                if frame["type"] != "join":
                    continue
                self.joined.append(frame["cursor"])
                self._replay(socket, frame["cursor"])
        except ConnectionClosed:
            return

    def _replay(self, socket: ServerConnection, cursor: int) -> None:
        for first in range(cursor + 1, self.length + 1, 500):
            seqs = [seq for seq in range(first, min(first + 500, self.length + 1)) if seq not in self.skip]
            self.skip -= set(range(first, first + 500))
            send(socket, [event(seq) for seq in seqs], self.length)
            if self.drop_after is not None and first >= self.drop_after:
                self.drop_after = None
                socket.close(1011)
                return


def send(socket: ServerConnection, events: list[dict[str, Any]], head: int) -> None:
    socket.send(json.dumps({"type": "events", "stream": "run:1", "head": head, "events": events}))


def seqs(page: Page) -> list[int]:
    return [int(text) for text in page.locator(".trace-row .trace-seq").all_text_contents()]


def open_trace(page: Page, stage: Stage, log: Log | None = None, **context: Any) -> None:
    if log is not None:
        stage.on_socket = log.serve
    stage.pages["/"] = lambda query: (200, rendered("trace", messages=[], **context))
    for seq in range(1, 60):
        stage.pages[f"/event/{seq}/"] = lambda query, seq=seq: (200, f"<h2>Event {seq}</h2>")
    page.goto(stage.url)


def count_is(page: Page, words: str) -> None:
    expect(page.locator("[data-trace-count]")).to_have_text(words, timeout=30_000)


@pytest.mark.parametrize("length", [10_000, 100_000])
def test_only_the_rows_in_sight_exist_however_long_the_run(page: Page, stage: Stage, length: int) -> None:
    open_trace(page, stage, Log(length))
    count_is(page, f"{length:,} events")
    view = page.locator("[data-trace-view]")
    expect(view).to_have_attribute("aria-rowcount", str(length + 1))
    shown = seqs(page)
    assert shown[-1] == length
    assert shown == list(range(shown[0], length + 1))
    assert len(shown) < MOST_ROWS
    for place in (0.0, 0.25, 0.5, 0.9):
        view.evaluate("(view, place) => { view.scrollTop = view.scrollHeight * place; }", place)
        page.wait_for_timeout(80)
        shown = seqs(page)
        assert shown == list(range(shown[0], shown[0] + len(shown)))
        assert shown[0] <= length * place + 1 <= shown[-1] + 1
        assert len(shown) < MOST_ROWS
    assert page.evaluate("() => document.querySelectorAll('*').length") < 2_500


def test_the_keys_move_through_the_list_and_open_the_drawer(page: Page, stage: Stage) -> None:
    open_trace(page, stage, Log(3_000))
    count_is(page, "3,000 events")
    view = page.locator("[data-trace-view]")
    view.focus()
    page.keyboard.press("Home")
    chosen = page.locator(".trace-row[aria-selected=true]")
    expect(chosen.locator(".trace-seq")).to_have_text("1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(chosen.locator(".trace-seq")).to_have_text("3")
    expect(chosen).to_have_attribute("aria-rowindex", "4")
    assert view.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_have_text("Event 3")
    assert "event=3" in page.url
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    expect(view).to_be_focused()
    assert "event=" not in page.url
    page.keyboard.press("End")
    expect(chosen.locator(".trace-seq")).to_have_text("3000")
    page.keyboard.press("PageUp")
    assert 2_900 < int(chosen.locator(".trace-seq").inner_text()) < 3_000


def test_filters_by_text_kind_and_agent_are_in_the_address(page: Page, stage: Stage) -> None:
    open_trace(page, stage, Log(2_000))
    count_is(page, "2,000 events")
    page.keyboard.press("/")
    page.keyboard.type("event 199")
    count_is(page, "11 of 2,000 events")
    page.locator("[data-kind=turn]").click()
    count_is(page, "2 of 2,000 events")
    assert seqs(page) == [1993, 1997]
    page.locator("[data-trace-lane]").select_option("matcher")
    assert "text=event+199" in page.url
    assert "kind=turn" in page.url
    assert "agent=matcher" in page.url
    page.reload()
    count_is(page, "2 of 2,000 events")
    expect(page.locator("[data-trace-text]")).to_have_value("event 199")
    expect(page.locator("[data-kind=turn]")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-trace-text]").fill("nothing like it")
    expect(page.locator("[data-trace-empty]")).to_have_text("No event fits this filter.")


def test_a_person_who_scrolled_away_is_told_how_many_came(page: Page, stage: Stage) -> None:
    log = Log(500)
    sockets: list[ServerConnection] = []

    def on_socket(socket: ServerConnection) -> None:
        sockets.append(socket)
        log.serve(socket)

    stage.on_socket = on_socket
    open_trace(page, stage)
    count_is(page, "500 events")
    view = page.locator("[data-trace-view]")
    view.evaluate("view => { view.scrollTop = 3000; }")
    latest = page.locator("[data-trace-latest]")
    expect(latest).to_be_visible()
    expect(latest).to_have_text("Jump to the latest")
    before = seqs(page)
    send(sockets[0], [event(501), event(502), event(503)], 503)
    expect(latest).to_have_text("3 new, show")
    assert seqs(page) == before
    latest.click()
    expect(page.locator(".trace-row .trace-seq").last).to_have_text("503")
    expect(latest).to_be_hidden()
    page.mouse.move(5, 5)
    send(sockets[0], [event(504)], 504)
    expect(page.locator(".trace-row .trace-seq").last).to_have_text("504")


def test_nothing_is_lost_or_doubled_when_the_socket_breaks(page: Page, stage: Stage) -> None:
    log = Log(4_000)
    log.drop_after = 1_001
    page.add_init_script(
        "window.got = []; document.addEventListener('cs:events', e => window.got.push(...e.detail.events.map(x => x.seq)))"
    )
    open_trace(page, stage, log)
    count_is(page, "4,000 events")
    log.length = 4_400
    stage.restart()
    count_is(page, "4,400 events")
    expect(page.locator("[data-live-line]")).to_have_text("Live")
    assert page.evaluate("() => window.got") == list(range(1, 4_401))
    assert log.joined == [0, 1_500, 4_000]


def test_a_gap_is_asked_for_again_and_a_repeat_is_dropped(page: Page, stage: Stage) -> None:
    log = Log(40)
    log.skip = {17}
    sockets: list[ServerConnection] = []

    def on_socket(socket: ServerConnection) -> None:
        sockets.append(socket)
        log.serve(socket)

    stage.on_socket = on_socket
    open_trace(page, stage)
    count_is(page, "40 events")
    assert log.joined == [0, 16]
    send(sockets[0], [event(39), event(40), event(41)], 41)
    count_is(page, "41 events")
    assert len(set(seqs(page))) == len(seqs(page))


def test_a_head_that_stays_ahead_is_asked_for(page: Page, stage: Stage) -> None:
    log = Log(10)
    sockets: list[ServerConnection] = []

    def on_socket(socket: ServerConnection) -> None:
        sockets.append(socket)
        log.serve(socket)

    stage.on_socket = on_socket
    open_trace(page, stage)
    count_is(page, "10 events")
    log.length = 12
    send(sockets[0], [], 12)
    count_is(page, "12 events")


def test_the_page_goes_on_from_the_events_it_was_rendered_with(page: Page, stage: Stage) -> None:
    log = Log(30)
    open_trace(page, stage, log, events=[event(seq) for seq in range(1, 21)])
    count_is(page, "30 events")
    assert log.joined == [20]
    page.wait_for_timeout(1500)  # what is not a round number of events is acknowledged within a second
    assert log.acknowledged == 30


def test_what_an_agent_says_is_shown_and_never_run(page: Page, stage: Stage) -> None:
    hostile = event(1) | {
        "title": "<img src=x onerror=alert(1)>\u202egpj", "lane": "<b>x</b>", "state": '"><script>', "detail": "\u200b",
    }  # fmt: skip
    open_trace(page, stage, events=[hostile])
    row = page.locator(".trace-row")
    expect(row.locator(".trace-title")).to_have_text("<img src=x onerror=alert(1)>⟨U+202E⟩gpj")
    expect(row.locator(".trace-detail")).to_have_text("⟨U+200B⟩")
    assert row.locator("img, script, b").count() == 0


def test_a_refused_socket_says_so_and_is_not_tried_again(page: Page, stage: Stage) -> None:
    opened: list[int] = []

    def refuse(socket: ServerConnection) -> None:
        opened.append(1)
        socket.close(4403)

    stage.on_socket = refuse
    open_trace(page, stage)
    expect(page.locator("[data-live-line]")).to_have_text("Not live: sign in again")
    page.wait_for_timeout(1200)
    assert opened == [1]


def test_the_page_says_since_when_it_is_stale(page: Page, stage: Stage, shots: Path | None) -> None:
    open_trace(page, stage, Log(5))
    count_is(page, "5 events")
    stage.stop()
    expect(page.locator("[data-live-line]")).to_have_text("Reconnecting")
    expect(page.locator("[data-live-line]")).to_contain_text("Stale since ", timeout=15_000)
    if shots:
        page.screenshot(path=shots / "stale.png")
