"""The time slider and the lanes, as a person uses them: by keyboard, by address, without scripts, while a run goes on."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.fixtures.sites import Site
from tests.journeys.steps import SOON
from tests.journeys.watching import started, until_state
from tests.monitoring import runs


def test_the_slider_leads_to_a_moment_and_back_by_keyboard(site: Site, page_of: Callable[..., Page]) -> None:
    run = started(site, title="Looked back on", payments=[runs.payment()])
    until_state(site, run, "waiting")
    page = page_of("operator")
    page.goto(f"/runs/{run}/")
    slider = page.get_by_role("slider", name="As it was")
    last = int(slider.get_attribute("max") or 0)
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"\?at=2$"))
    expect(page.locator("#run-past")).to_contain_text(f"event 2 of {last}")
    expect(page.locator("#run-lede")).to_contain_text("running")
    expect(page.locator("#run-strip").get_by_text("not begun")).to_have_count(2)
    expect(page.locator("#run-cancel")).to_have_count(0)
    # The slider has the focus still: one goes on from where one was.
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"\?at=3$"))
    page.keyboard.press("n")
    page.wait_for_url(re.compile(rf"/runs/{run}/$"))
    expect(page.locator("#run-lede")).to_contain_text("waiting")


def test_without_scripts_the_form_leads_there_too(site: Site, new_context) -> None:  # type: ignore[no-untyped-def]
    run = started(site, title="Without scripts", payments=[runs.payment()])
    until_state(site, run, "waiting")
    page = new_context("operator", java_script_enabled=False).new_page()
    page.goto(f"/runs/{run}/actions/")
    page.get_by_label("Event", exact=True).fill("8")
    page.get_by_role("button", name="Go").click()
    assert page.url.endswith(f"/runs/{run}/actions/?at=8")
    expect(page.locator("#run-past")).to_contain_text("event 8 of")
    expect(page.locator("#action-a1")).to_contain_text("proposed")
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator("#action-a1")).to_contain_text("held")


def test_an_open_turn_has_an_open_end_until_it_is_answered(site: Site, page_of: Callable[..., Page]) -> None:
    run = site.database(lambda: runs.start(title="At work", spec=runs.STEADY, steps=3, pause=2))
    page = page_of("operator")
    page.goto(f"/runs/{run}/?trace=lanes")
    expect(page.locator("path.lanes-bar.is-open.tone-running")).to_have_count(1, timeout=SOON)
    expect(page.locator("#run-summary")).to_contain_text("At work: counter", timeout=SOON)
    until_state(site, run, "succeeded")
    expect(page.locator(".lanes-bar.is-open")).to_have_count(0, timeout=SOON)
    expect(page.locator("#run-summary")).to_contain_text("nothing is open", timeout=SOON)
    expect(page.locator("rect.lanes-bar")).to_have_count(3)


def test_ten_thousand_events_in_lanes_are_few_elements_and_every_mark_opens(
    site: Site, page_of: Callable[..., Page]
) -> None:
    run = site.database(lambda: runs.long_run(10_000))
    page = page_of("operator")
    page.goto(f"/runs/{run}/?trace=lanes")
    marks = page.locator(".lanes-mark")
    expect(page.locator("[data-lanes-count]")).to_have_text("10,000 events")
    expect(page.locator(".lanes-mark[data-seq='10000']")).to_be_in_viewport()
    assert marks.count() < 120
    page.locator(".lanes-mark[data-seq='10000']").focus()
    first = page.locator(".lanes-mark[data-seq='1']")
    for _ in range(100):  # what is not here yet comes a page at a time, and the focus stays where it is
        page.keyboard.press("Home")
        if first.count():
            break
        page.wait_for_timeout(100)
    expect(first).to_be_focused()
    assert marks.count() < 120
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_have_text("Run started")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Jump to the latest").click()
    expect(page.locator(".lanes-mark[data-seq='10000']")).to_be_in_viewport()
    page.locator("[data-lanes-kinds] [data-kind='run']").click()
    expect(page.locator("[data-lanes-count]")).to_have_text("1 of 10,000 events")
    assert page.url.endswith("kind=run")
