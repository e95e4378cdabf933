"""Two people at one run: what one does reaches the other's page, and what comes second says what came first.

Two reviewers at one case are in `test_inbox`; here one of the two is at the run's page.
"""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.journeys import steps
from tests.journeys.steps import SOON


def test_a_case_of_a_run_that_is_cancelled_meanwhile_is_withdrawn_on_the_reviewers_page(
    site, page_of
) -> None:
    run = steps.start_payments(site)
    case = steps.held_case(site, run)
    reviewer: Page = page_of("reviewer")
    reviewer.goto(f"/inbox/{case.id}/")
    reviewer.evaluate("window.watched = true")
    operator: Page = page_of("operator")
    operator.goto(f"/runs/{run}/")
    operator.get_by_role("button", name="Cancel").click()
    sheet = operator.locator("#cancel-sheet")
    expect(sheet).to_contain_text("1 action waiting for a person: withdrawn from the inbox.")
    sheet.get_by_role("textbox").fill("Ordered twice.")
    sheet.get_by_role("button", name="Cancel the run").click()

    expect(reviewer.locator("#case-outcome")).to_contain_text("withdrawn", timeout=SOON)
    expect(reviewer.locator("#case-outcome")).to_contain_text("Ordered twice.")
    expect(reviewer.locator("[data-approve]")).to_have_count(0)
    assert reviewer.evaluate("window.watched") is True
    expect(operator.locator("#run-lede")).to_contain_text("cancelled")
    expect(operator.locator("#run-controls button")).to_have_count(0)


def test_who_approves_what_was_just_cancelled_is_told_so_and_nothing_leaves(site, page_of) -> None:
    before = steps.payments(site)
    run = steps.start_payments(site)
    case = steps.held_case(site, run)
    reviewer: Page = page_of("reviewer")
    reviewer.goto(f"/inbox/{case.id}/")
    # Their page hears of nothing any more.
    reviewer.route(re.compile(r"token="), lambda route: route.abort())
    operator: Page = page_of("operator")
    operator.goto(f"/runs/{run}/")
    operator.get_by_role("button", name="Cancel").click()
    operator.locator("#cancel-sheet").get_by_role("textbox").fill("Ordered twice.")
    operator.get_by_role("button", name="Cancel the run").click()
    expect(operator.locator("#run-lede")).to_contain_text("cancelled", timeout=SOON)

    reviewer.locator("[data-approve]").click()

    expect(reviewer.locator("#case-problem")).to_contain_text("withdr")
    expect(reviewer.locator("[data-approve]")).to_have_count(0)
    assert steps.actions_of(site, run) == ["voided"]
    assert steps.payments(site) == before


def test_a_paused_run_shows_everybody_why_and_goes_on_where_it_was(site, page_of) -> None:
    run = steps.start_payments(site)
    case = steps.held_case(site, run)
    first, second = page_of("operator"), page_of("admin")
    first.goto(f"/runs/{run}/")
    second.goto(f"/runs/{run}/")
    first.get_by_role("button", name="Pause").click()
    first.locator("#pause-sheet").get_by_role("textbox").fill("The bank is closed.")
    first.get_by_role("button", name="Pause the run").click()

    expect(second.locator("#run-notice")).to_contain_text("The bank is closed.", timeout=SOON)
    resume = second.get_by_role("button", name="Resume")
    expect(resume).to_be_visible()
    # What waits may still be signed off; it leaves when the run goes on.
    steps.open_case(page_of("reviewer"), case).locator("[data-approve]").click()
    site.wait_for(lambda: steps.actions_of(site, run) == ["released"])
    resume.click()
    expect(first.locator("#run-lede")).to_contain_text("succeeded", timeout=SOON)
    assert steps.actions_of(site, run) == ["executed"]
