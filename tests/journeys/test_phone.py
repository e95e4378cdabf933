"""On a phone of 390 pixels: from the Overview to a decision, and a run stopped, with a thumb alone.

A single approval is in `test_inbox`; here is the way to it and back, a rejection, and the run's control.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys import steps
from tests.journeys.steps import SOON

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
THUMB = 40


def _tap(target: Locator) -> None:
    """Tap what is large enough for a thumb and lies on the screen by itself or after scrolling."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box is not None
    assert box["height"] >= THUMB, f"{target} is {box['height']} pixels high"
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    target.tap()


def _fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_reviewer_comes_from_the_overview_to_a_case_rejects_it_and_goes_back_to_the_list(
    site, page_of
) -> None:
    run = steps.start_payments(site)
    case = steps.held_case(site, run)
    page: Page = page_of("reviewer", **PHONE)
    page.goto("/")
    _fits(page)
    _tap(page.get_by_role("button", name="Open the navigation"))
    _tap(page.locator("#rail").get_by_role("link", name="Inbox"))
    page.wait_for_url(re.compile("/inbox/"))
    _fits(page)
    _tap(page.locator(f"#case-{case.id}"))
    expect(page.locator("#case-sentence")).to_contain_text("Pay 82,000.00 EUR")
    expect(page.locator(".case-list")).to_be_hidden()
    _fits(page)
    for button in (page.locator("[data-approve]"), page.locator("[data-reject]")):
        expect(button).to_be_in_viewport(ratio=1)

    _tap(page.locator("[data-reject]"))
    _fits(page)
    page.locator("#reject-sheet-reason").fill("Not before Friday.")
    _tap(page.locator("#reject-sheet [data-sheet-confirm]"))
    expect(page.locator("[data-just-decided]")).to_contain_text("Rejected")
    _tap(page.get_by_role("button", name="All cases"))
    expect(page.locator(".case-list")).to_be_visible()
    site.wait_for(lambda: steps.actions_of(site, run) == ["refused"])
    assert [one.reason for one in steps.cases_of(site, run)] == ["Not before Friday."]


def test_an_operator_pauses_resumes_and_cancels_a_run(site, page_of) -> None:
    run = steps.start_payments(site)
    steps.held_case(site, run)
    page: Page = page_of("operator", **PHONE)
    page.goto(f"/runs/{run}/")
    _fits(page)
    bar = page.locator("#run-controls")
    expect(bar).to_be_in_viewport(ratio=1)
    page.mouse.wheel(0, 2000)
    expect(bar).to_be_in_viewport(ratio=1)

    _tap(page.get_by_role("button", name="Pause", exact=True))
    page.locator("#pause-sheet-reason").fill("A moment.")
    _tap(page.locator("#pause-sheet [data-sheet-confirm]"))
    expect(page.locator("#run-notice")).to_contain_text("A moment.", timeout=SOON)
    _tap(page.get_by_role("button", name="Resume"))
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible(timeout=SOON)
    _tap(page.get_by_role("button", name="Cancel", exact=True))
    page.locator("#cancel-sheet-reason").fill("Not needed.")
    _tap(page.locator("#cancel-sheet [data-sheet-confirm]"))
    expect(page.locator("#run-lede")).to_contain_text("cancelled", timeout=SOON)


@pytest.mark.parametrize("path", ["/runs/", "/workflows/invoice_settlement/start/", "/agents/treasurer/"])
def test_nothing_is_wider_than_the_phone(site, page_of, path: str) -> None:
    page: Page = page_of("operator", **PHONE)
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _fits(page)
