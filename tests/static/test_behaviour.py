"""What the small modules do for a person: keys, theme, sheets, the inbox, pushed fragments, files, copies, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from tests.static.fixtures import rendered, template
from tests.static.stage import Stage

pytestmark = pytest.mark.browser


class Pusher:
    """Keeps the page's socket, to push frames to it."""

    def __init__(self, stage: Stage) -> None:
        self.sockets: list[ServerConnection] = []
        stage.on_socket = self.serve

    def serve(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        try:
            for _ in socket:
                pass
        except ConnectionClosed:
            pass

    def push(self, **frame: Any) -> None:
        self.sockets[-1].send(json.dumps(frame))


@pytest.fixture
def parts(page: Page, stage: Stage) -> Page:
    stage.pages["/"] = lambda query: (200, rendered("gallery", messages=[]))
    stage.pages["/fragment/"] = lambda query: (200, "<h2>Event 12</h2>")
    stage.pages["/agents/"] = lambda query: (200, "<title>Agents</title>")
    return page


def show(page: Page, stage: Stage) -> Pusher:
    pusher = Pusher(stage)
    page.goto(stage.url)
    expect(page.locator("[data-live-line]")).to_have_text("Live")
    return pusher


def test_the_question_mark_lists_the_keys_and_esc_closes_them(parts: Page, stage: Stage) -> None:
    show(parts, stage)
    parts.keyboard.press("?")
    sheet = parts.locator("#keys-sheet")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("Go to Inbox")
    parts.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_g_a_goes_to_the_agents_and_no_key_counts_while_typing(parts: Page, stage: Stage) -> None:
    show(parts, stage)
    parts.locator("#swap-note").fill("")
    parts.locator("#swap-note").press_sequentially("ga?")
    expect(parts.locator("#swap-note")).to_have_value("ga?")
    parts.keyboard.press("Escape")
    parts.keyboard.press("g")
    parts.keyboard.press("a")
    expect(parts).to_have_url(f"{stage.url}/agents/")


def test_single_keys_can_be_switched_off_and_it_is_remembered(parts: Page, stage: Stage) -> None:
    show(parts, stage)
    parts.keyboard.press("?")
    parts.locator("[data-keys-switch]").uncheck()
    parts.keyboard.press("Escape")
    parts.reload()
    parts.keyboard.press("g")
    parts.keyboard.press("a")
    parts.keyboard.press("?")
    expect(parts.locator("[data-keys-switch]")).not_to_be_checked()
    expect(parts).to_have_url(f"{stage.url}/")


def test_theme_and_rail_are_remembered_and_applied_before_the_page_is_drawn(
    parts: Page, stage: Stage
) -> None:
    show(parts, stage)
    html = parts.locator("html")
    expect(html).to_have_attribute("data-theme-choice", "auto")
    parts.locator("[data-theme-switch]").click()
    parts.locator("[data-theme-switch]").click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    parts.locator("[data-rail-fold]").click()
    expect(html).to_have_attribute("data-rail", "folded")
    parts.add_init_script(
        "new MutationObserver(() => { window.atBody ??= document.body && document.documentElement.dataset.bsTheme; })"
        ".observe(document, { childList: true, subtree: true })"
    )
    parts.reload()
    assert parts.evaluate("() => window.atBody") == "dark"
    expect(html).to_have_attribute("data-rail", "folded")
    expect(parts.locator(".rail-link", has_text="Inbox")).to_be_visible()


def test_the_rail_opens_and_closes_on_a_phone(parts: Page, stage: Stage) -> None:
    parts.set_viewport_size({"width": 390, "height": 844})
    show(parts, stage)
    expect(parts.locator("#rail")).to_be_hidden()
    opener = parts.locator("button[data-rail-open]")
    opener.click()
    expect(parts.locator(".rail-link").first).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    parts.keyboard.press("Escape")
    expect(parts.locator("#rail")).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_sheet_asks_for_the_reason_before_it_can_be_confirmed(parts: Page, stage: Stage) -> None:
    show(parts, stage)
    opener = parts.locator("[data-sheet-open='#sheet-cancel']")
    opener.click()
    confirm = parts.locator("#sheet-cancel [data-sheet-confirm]")
    expect(confirm).to_be_disabled()
    parts.locator("#sheet-cancel-reason").fill("   ")
    expect(confirm).to_be_disabled()
    parts.locator("#sheet-cancel-reason").fill("Wrong folder")
    expect(confirm).to_be_enabled()
    parts.locator("#sheet-cancel [data-sheet-close]").last.click()
    expect(parts.locator("#sheet-cancel")).to_be_hidden()
    expect(opener).to_be_focused()


def test_the_drawer_opens_a_link_and_gives_the_focus_back(parts: Page, stage: Stage) -> None:
    show(parts, stage)
    parts.locator("#to-drawer").click()
    expect(parts.locator("#drawer h2")).to_have_text("Event 12")
    expect(parts.locator("#drawer-body")).to_be_focused()
    parts.keyboard.press("Escape")
    expect(parts.locator("#to-drawer")).to_be_focused()


def test_a_failed_request_says_why_in_the_place_that_asked(parts: Page, stage: Stage) -> None:
    stage.pages["/fragment/"] = lambda query: (409, template("_error.html"))
    show(parts, stage)
    parts.locator("#to-drawer").click()
    expect(parts.locator("#drawer-body")).to_contain_text("Somebody was first")
    stage.pages["/fragment/"] = lambda query: (502, "<html><body>bad gateway</body></html>")
    parts.keyboard.press("Escape")
    parts.locator("#to-drawer").click()
    expect(parts.locator("#toasts")).to_contain_text("The server answered 502")


def test_a_pushed_fragment_replaces_the_one_with_its_id(parts: Page, stage: Stage) -> None:
    pusher = show(parts, stage)
    pusher.push(
        type="page", html='<span class="rail-count" id="nav-count-inbox">7</span><p id="not-here">x</p>'
    )
    expect(parts.locator("#nav-count-inbox")).to_have_text("7")
    assert parts.locator("#not-here").count() == 0


def test_what_is_being_typed_survives_a_push(parts: Page, stage: Stage) -> None:
    pusher = show(parts, stage)
    parts.locator("#swap-note").fill("half a sent")
    pusher.push(
        type="page",
        html='<section class="panel" id="swapped"><div class="panel-body"><p id="swap-text">After</p>'
        '<label>Note <input id="swap-note" class="form-control"></label></div></section>',
    )
    expect(parts.locator("#swap-text")).to_have_text("After")
    expect(parts.locator("#swap-note")).to_have_value("half a sent")
    expect(parts.locator("#swap-note")).to_be_focused()


def test_nothing_moves_under_the_pointer_until_it_leaves(parts: Page, stage: Stage) -> None:
    pusher = show(parts, stage)
    parts.locator("#p2").hover()
    before = parts.locator("#p2").bounding_box()
    pusher.push(
        type="page",
        html='<ol class="panel" id="pushed"><li id="p0">zero</li><li id="p1">one</li><li id="p2">two</li></ol>',
    )
    note = parts.locator("#new-pushed")
    expect(note).to_have_text("1 new, show")
    assert parts.locator("#p2").bounding_box() == before
    parts.mouse.move(5, 5)
    expect(parts.locator("#pushed li")).to_have_count(3)
    expect(note).to_have_count(0)


POLLED = (
    '<ol id="rows" class="panel" hx-get="/rows/" hx-trigger="countersign:changed from:document" hx-target="this"'
    ' hx-swap="outerHTML">{}<li id="r1">one</li></ol>'
)


def test_a_poll_is_as_calm_as_a_push(page: Page, stage: Stage) -> None:
    gallery = rendered("gallery", messages=[])
    stage.pages["/"] = lambda query: (
        200,
        gallery.replace('<ol class="panel" id="pushed">', POLLED.format("") + "<ol>"),
    )
    stage.pages["/rows/"] = lambda query: (200, POLLED.format('<li id="r2">new</li>'))
    pusher = show(page, stage)
    page.locator("#r1").hover()
    before = page.locator("#r1").bounding_box()
    pusher.push(type="changed", stream="inbox")
    note = page.locator("#new-rows")
    expect(note).to_have_text("1 new, show")
    assert page.locator("#r1").bounding_box() == before
    note.click()
    expect(page.locator("#rows li")).to_have_text(["new", "one"])
    page.mouse.move(5, 5)
    stage.pages["/rows/"] = lambda query: (200, POLLED.format('<li id="r3">newest</li><li id="r2">new</li>'))
    pusher.push(type="changed", stream="inbox")
    expect(page.locator("#rows li")).to_have_text(["newest", "new", "one"])


def test_streamed_text_is_appended_as_text(parts: Page, stage: Stage) -> None:
    pusher = show(parts, stage)
    pusher.push(type="text", turn="t1", chunk=" the <b>invoice</b>\u202e")
    expect(parts.locator("[data-live-text=t1]")).to_have_text("Reading the <b>invoice</b>⟨U+202E⟩")


def test_a_payload_is_copied_exactly_as_it_is(parts: Page, stage: Stage) -> None:
    parts.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show(parts, stage)
    parts.locator(".payload-copy").click()
    expect(parts.locator("#toasts")).to_contain_text("Copied.")
    assert "\u202egpj.\u202c" in parts.evaluate("() => navigator.clipboard.readText()")
    parts.locator(".short-id").first.click()
    assert parts.evaluate("() => navigator.clipboard.readText()") == "7d793037-a076-4f2b-bf2e-1e1a1b2c3d4e"


def test_files_are_listed_taken_out_and_refused_before_they_are_sent(
    parts: Page, stage: Stage, tmp_path: Path
) -> None:
    show(parts, stage)
    for name, size in {
        "a.xml": 20,
        "big.xml": 5_000,
        "photo.png": 20,
        "empty.csv": 0,
        "b\u202e.csv": 30,
    }.items():
        (tmp_path / name).write_bytes(b"x" * size)
    field = parts.locator("[data-upload-input]")
    field.set_input_files(sorted(tmp_path.iterdir()))
    listed = parts.locator("[data-upload-list] .upload-name")
    expect(listed).to_have_text(["a.xml", "b⟨U+202E⟩.csv"])
    problem = parts.locator("[data-upload-problem]")
    expect(problem).to_contain_text("big.xml has 5.0 kB; one file may have 2.0 kB.")
    expect(problem).to_contain_text("photo.png is of a kind that is not read here")
    expect(problem).to_contain_text("empty.csv is empty.")
    expect(parts.locator("[data-upload-total]")).to_have_text("2 files, 50 B")
    parts.get_by_role("button", name="Take out a.xml").click()
    expect(listed).to_have_text(["b⟨U+202E⟩.csv"])
    assert field.evaluate("input => input.files.length") == 1


def test_relative_times_tick(parts: Page, stage: Stage) -> None:
    show(parts, stage)
    shown = parts.locator("time[data-ago]").first
    shown.evaluate("time => { time.dateTime = new Date(Date.now() - 125000).toISOString(); }")
    expect(shown).to_have_text("2 min ago")


def open_inbox(page: Page, stage: Stage) -> Pusher:
    stage.pages["/"] = lambda query: (200, rendered("inbox", messages=[]))
    for number in range(1, 25):
        body = f'<h2 id="case-sentence">Case {number}</h2><div class="action-bar"><p data-armed-words></p>'
        body += f'<form action="/done/{number}/"><button data-approve>Approve {number}</button></form></div>'
        stage.pages[f"/case/{number}/"] = lambda query, body=body: (200, body)
        stage.pages[f"/done/{number}/"] = lambda query: (200, "<title>Done</title>")
    return show(page, stage)


def test_j_and_k_move_and_open_the_case(page: Page, stage: Stage) -> None:
    open_inbox(page, stage)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#case-3")).to_have_attribute("aria-current", "true")
    expect(page.locator("#case-sentence")).to_have_text("Case 3")
    page.wait_for_timeout(500)
    page.keyboard.press("k")
    expect(page.locator("#case-sentence")).to_have_text("Case 2")


def test_a_case_that_was_chosen_opens_also_when_its_list_is_made_anew_meanwhile(
    page: Page, stage: Stage
) -> None:
    open_inbox(page, stage)
    page.evaluate(
        """() => {
            document.dispatchEvent(new KeyboardEvent("keydown", {key: "j", bubbles: true}));
            const row = document.getElementById("case-2");
            const anew = row.cloneNode(true);
            row.replaceWith(anew);
            htmx.process(anew);
        }"""
    )
    expect(page.locator("#case-sentence")).to_have_text("Case 2")


def test_one_key_never_decides_and_dead_keys_follow_a_change(page: Page, stage: Stage) -> None:
    pusher = open_inbox(page, stage)
    page.keyboard.press("j")
    expect(page.locator("#case-sentence")).to_have_text("Case 2")
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(page.locator(".is-armed")).to_have_count(0)
    page.wait_for_timeout(450)
    page.keyboard.press("a")
    expect(page.locator(".is-armed")).to_have_text("Approve 2")
    expect(page.locator("[data-armed-words]")).to_have_text("Press a once more: Approve 2")
    items = "".join(
        f'<li><a class="case-item" id="case-{n}" data-inbox-item href="/case/{n}/">Pay {n}</a></li>'
        for n in (3, 2, 1)
    )
    page.mouse.move(5, 5)
    pusher.push(type="page", html=f'<ol class="case-items" id="case-items">{items}</ol>')
    expect(page.locator(".case-item")).to_have_count(3)
    expect(page.locator(".is-armed")).to_have_count(0)
    page.keyboard.press("a")
    expect(page.locator(".is-armed")).to_have_count(0)
    page.wait_for_timeout(450)
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(page).to_have_url(f"{stage.url}/done/2/?")


def test_what_is_out_of_sight_is_only_shown_by_the_first_a(page: Page, stage: Stage) -> None:
    open_inbox(page, stage)
    page.keyboard.press("j")
    expect(page.locator("#case-sentence")).to_have_text("Case 2")
    page.wait_for_timeout(450)
    page.evaluate("document.getElementById('case-2').closest('li').style.marginTop = '3000px'")
    page.keyboard.press("a")
    expect(page.locator("#case-2")).to_be_in_viewport()
    page.keyboard.press("a")
    expect(page).to_have_url(f"{stage.url}/done/2/?")


def test_d_asks_for_the_reason(page: Page, stage: Stage) -> None:
    open_inbox(page, stage)
    page.keyboard.press("d")
    expect(page.locator("#sheet-reject-reason")).to_be_focused()


def test_a_phone_shows_the_case_and_leads_back_to_the_list(page: Page, stage: Stage) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_inbox(page, stage)
    expect(page.locator("#case-1")).to_be_hidden()
    page.get_by_role("button", name="All cases").click()
    page.locator("#case-4").click()
    expect(page.locator("#case-sentence")).to_have_text("Case 4")
    expect(page.locator("#case-4")).to_be_hidden()


def test_approve_and_reject_are_in_reach_on_a_phone(page: Page, stage: Stage) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_inbox(page, stage)
    for button in ("[data-approve]", "[data-reject]"):
        box = page.locator(button).bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["y"] + box["height"] <= 844
