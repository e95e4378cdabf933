"""Somebody watches runs that real workers drive: everything moves without a reload, and survives what breaks."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from orchestrator import eventlog
from tests.fixtures.sites import Site
from tests.journeys.watching import look, started, until_state
from tests.monitoring import runs

PHONE = {"width": 390, "height": 844}


def _count(page: Page) -> int:
    words = page.locator("[data-trace-count]").text_content() or "0"
    return int(re.sub(r"\D", "", words.split(" of ")[0]) or 0)


def _is_live(page: Page) -> None:
    expect(page.locator("[data-live-line]")).to_have_attribute("data-live", "live", timeout=30_000)


def _head(site: Site, run: str) -> int:
    return site.database(lambda: eventlog.head_of(run))


def test_a_run_is_watched_to_its_end_without_a_reload(site: Site, page_of: Callable[..., Page]) -> None:
    run = started(site, spec=runs.STEADY, steps=80, pause=0.03, title="Steady work")
    page = page_of("operator")
    page.goto(f"/runs/{run}/")
    page.evaluate("window.sameDocument = true")
    _is_live(page)
    expect(page.locator("#run-lede .pill")).to_have_text("succeeded", timeout=30_000)
    expect(page.locator("#run-strip")).to_contain_text("passed")
    expect(page.locator("#run-controls button")).to_have_count(0)
    expect(page.locator("[data-trace-count]")).to_have_text(f"{_head(site, run)} events")
    assert page.evaluate("window.sameDocument") is True


def test_a_web_process_that_dies_costs_the_watcher_nothing(site: Site, page_of: Callable[..., Page]) -> None:
    run = started(site, spec=runs.STEADY, steps=250, pause=0.03)
    page = page_of("operator")
    page.goto(f"/runs/{run}/")
    page.evaluate("window.sameDocument = true")
    _is_live(page)
    site.wait_for(lambda: _count(page) > 20)
    site.kill("web")
    expect(page.locator("[data-live-line]")).not_to_have_attribute("data-live", "live")
    until_state(site, run, "succeeded")
    _is_live(page)
    expect(page.locator("[data-trace-count]")).to_have_text(f"{_head(site, run)} events", timeout=30_000)
    expect(page.locator("#run-lede .pill")).to_have_text("succeeded", timeout=30_000)
    assert page.evaluate("window.sameDocument") is True


def test_ten_thousand_events_open_at_once_and_the_oldest_are_found(
    site: Site, page_of: Callable[..., Page]
) -> None:
    run = site.database(lambda: runs.long_run(10_000))
    page = page_of("operator")
    page.goto(f"/runs/{run}/")
    count = page.locator("[data-trace-count]")
    expect(count).to_have_text("200 of 10,000 events")
    assert page.locator(".trace-row").count() < 90
    page.get_by_label("Filter the trace by text").fill("Row 16 was read")
    expect(count).to_have_text("1 of 10,000 events", timeout=30_000)
    expect(page.locator(".trace-row .trace-detail").first).to_contain_text("Row 16 was read")
    page.get_by_label("Filter the trace by text").fill("")
    expect(count).to_have_text("10,000 events")
    assert page.locator(".trace-row").count() < 90


def test_older_events_come_when_somebody_scrolls_up(site: Site, page_of: Callable[..., Page]) -> None:
    run = site.database(lambda: runs.long_run(3000))
    page = page_of("operator")
    page.goto(f"/runs/{run}/")
    expect(page.locator("[data-trace-count]")).to_have_text("200 of 3,000 events")
    page.locator("[data-trace-view]").focus()
    page.keyboard.press("Home")
    expect(page.locator("[data-trace-count]")).to_have_text("2,200 of 3,000 events")
    assert page.locator('.trace-row[aria-selected="true"] .trace-seq').text_content() == "2801"


def test_a_run_is_paused_resumed_and_cancelled_with_the_keyboard(
    site: Site, page_of: Callable[..., Page]
) -> None:
    run = started(site, title="To be stopped", payments=[runs.payment()])
    until_state(site, run, "waiting")
    page = page_of("operator")
    page.goto(f"/runs/{run}/")
    _is_live(page)
    page.locator("#run-pause").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#pause-sheet")).to_be_visible()
    expect(page.locator("#pause-sheet [data-sheet-confirm]")).to_be_disabled()
    page.keyboard.type("The auditor is here")
    assert look(page, "run-pause-sheet") == []
    page.keyboard.press("Control+Enter")
    expect(page.locator("#run-notice")).to_contain_text("The auditor is here")
    expect(page.locator("#run-lede .pill")).to_have_text("paused")
    # What took the place of the button has the focus, so that the next key reaches it.
    expect(page.locator("#run-resume")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#run-lede .pill")).to_have_text("waiting")
    expect(page.locator("#run-pause")).to_be_focused()
    page.locator("#run-cancel").press("Enter")
    expect(page.locator("#cancel-sheet")).to_contain_text(
        "1 action waiting for a person: withdrawn from the inbox."
    )
    page.keyboard.type("Wrong folder")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#run-lede .pill")).to_have_text("cancelled")
    expect(page.locator("#run-controls button")).to_have_count(0)
    expect(page.locator("#run-controls")).to_be_focused()


def test_the_controls_are_under_the_thumb_on_a_phone(site: Site, page_of: Callable[..., Page]) -> None:
    run = started(site, title="On the phone", payments=[runs.payment()])
    until_state(site, run, "waiting")
    page = page_of("operator", viewport=PHONE, has_touch=True)
    page.goto(f"/runs/{run}/")
    box = page.locator("#run-cancel").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= PHONE["height"]
    assert box["height"] >= 44
    page.locator("#run-cancel").tap()
    page.locator("#cancel-sheet textarea").fill("Wrong folder")
    assert look(page, "run-cancel-sheet") == []
    page.locator("#cancel-sheet [data-sheet-confirm]").tap()
    expect(page.locator("#run-lede .pill")).to_have_text("cancelled")


def test_what_happens_appears_on_the_overview_and_in_the_list_by_itself(
    site: Site, page_of: Callable[..., Page]
) -> None:
    overview, listed = page_of("reviewer"), page_of("operator")
    overview.goto("/")
    listed.goto("/runs/")
    _is_live(overview)
    _is_live(listed)
    run = started(site, title="Comes by itself", payments=[runs.payment("Nordwind AG", "77.00")])
    expect(listed.locator(f"#run-{run}")).to_contain_text("waiting")
    expect(overview.locator(f"#card-{run}")).to_contain_text("waits for 1 action to be decided")
    expect(overview.locator("#overview-waiting")).to_contain_text("Nordwind AG")


def test_a_chain_is_followed_from_an_action_to_its_goal_in_the_drawer(
    site: Site, page_of: Callable[..., Page]
) -> None:
    run = started(site, title="To be followed", payments=[runs.payment()])
    until_state(site, run, "waiting")
    page = page_of("reviewer")
    page.goto(f"/runs/{run}/actions/")
    page.get_by_role("link", name="payer proposes watch.pay").click()
    drawer = page.locator("#drawer")
    expect(drawer.locator("h2")).to_have_text("payer proposes watch.pay")
    drawer.get_by_role("link", name="payer answered").click()
    expect(drawer.locator("h2")).to_have_text("payer answered")
    page.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()


def test_text_is_seen_while_a_model_writes_it(site: Site, page_of: Callable[..., Page]) -> None:
    from monitoring import nudges

    run = site.database(lambda: runs.long_run(4, kind="model"))
    page = page_of("operator")
    page.goto(f"/runs/{run}/")
    _is_live(page)
    place = page.locator("[data-live-text]")
    turn = place.get_attribute("data-live-text")
    assert turn
    nudges.publish_text(run, turn, "Dear sirs, <b>the invoice</b> is right")
    expect(place).to_have_text("Dear sirs, <b>the invoice</b> is right")
