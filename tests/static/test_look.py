"""Every part of the pages in both themes and at both widths: accessible, nothing cut off, nothing hostile awake."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.static.axe import violations
from tests.static.fixtures import event, rendered, template
from tests.static.stage import Stage

pytestmark = pytest.mark.browser
WIDTHS = {1440: 900, 390: 844}


def _pages() -> dict[str, str]:
    link = template("account/sign_in_link.html", person="Rosa Reviewer")
    return {
        "parts": rendered("gallery"),
        "inbox": rendered("inbox"),
        "trace": rendered("trace", events=[event(seq) for seq in range(1, 400)], cursor=399),
        "error": template("error.html"),
        "link": link,
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["parts", "inbox", "trace", "error", "link"])
def test_the_page_is_accessible_and_fits(
    page: Page, stage: Stage, shots: Path | None, name: str, width: int, theme: str
) -> None:
    html = _pages()[name]
    stage.pages["/"] = lambda query: (200, html)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    page.goto(stage.url)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    if shots:
        page.wait_for_timeout(150)
        page.screenshot(path=shots / f"{name}-{width}-{theme}.png", full_page=True)
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate("() => document.scripts.length && !window.alerted")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_sheets_and_the_drawer_are_accessible(
    page: Page, stage: Stage, shots: Path | None, width: int, theme: str
) -> None:
    stage.pages["/"] = lambda query: (200, rendered("gallery"))
    stage.pages["/fragment/"] = lambda query: (200, "<h2>Event 12</h2><p>Intake finished</p>")
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    page.goto(stage.url)
    page.locator("[data-sheet-open='#sheet-cancel']").click()
    expect(page.locator("#sheet-cancel-reason")).to_be_focused()
    if shots:
        page.screenshot(path=shots / f"sheet-{width}-{theme}.png")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.locator("#to-drawer").click()
    expect(page.locator("#drawer h2")).to_have_text("Event 12")
    if shots:
        page.screenshot(path=shots / f"drawer-{width}-{theme}.png")
    assert violations(page) == []
