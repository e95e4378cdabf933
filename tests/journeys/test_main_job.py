"""The main job, as people do it in a browser: start, watch, find what waits, decide, see it leave exactly once."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.journeys import steps
from tests.journeys.steps import SOON


def test_from_the_link_in_the_terminal_to_a_payment_that_left_once(site, page, page_of) -> None:
    before = steps.payments(site)
    page.goto(steps.sign_in_link(site, "operator"))
    page.get_by_role("button", name="Sign in as Olivia Operator").click()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    page.get_by_role("link", name=re.compile("^Start (a|the first) run$")).first.click()
    page.get_by_role("link", name="Invoice settlement").click()
    page.get_by_label("Title").fill("November's invoices")
    page.get_by_role("button", name="Use the example files").click()
    run = steps.opened_run(page)

    # It is watched live: the mark would be gone after a reload.
    page.evaluate("window.watched = true")
    expect(page.locator("#run-lede")).to_contain_text("waiting", timeout=SOON)
    expect(page.locator("#run-strip .strip-verdict").filter(has_text="passed")).to_have_count(4)
    expect(page.locator("#run-notice")).to_contain_text("8 actions wait for a person")
    expect(page.locator("[data-trace-rows]")).to_contain_text("82,000.00 EUR")
    expect(page.locator("#live-line")).to_have_attribute("data-live", "live")
    largest = steps.case_over(site, run, "82000.00")

    reviewer: Page = page_of("reviewer")
    reviewer.goto("/")
    expect(reviewer.locator("#overview-waiting")).to_contain_text("Pay 82,000.00 EUR to ACME")
    reviewer.locator("#rail").get_by_role("link", name="Inbox").click()
    reviewer.locator(f"#case-{largest.id}").click()
    case = reviewer.locator("#case")
    expect(case.locator("#case-sentence")).to_contain_text("Pay 82,000.00 EUR to ACME Industrietechnik GmbH")
    expect(case).to_contain_text("is financial: a person always decides")
    reason, otherwise = case.locator(".claim").all()
    expect(reason).to_contain_text("Invoice RE-2026-1184 of ACME")
    expect(otherwise).to_contain_text("If it is rejected: Invoice RE-2026-1184 stays unpaid")
    expect(case.get_by_text("agent’s claim").first).to_be_visible()
    expect(case.get_by_text("verified").first).to_be_visible()
    expect(case).to_contain_text("82,000.00 EUR of 100,000.00 EUR that the scope allows")
    expect(case).to_contain_text(steps.RIGHT)
    case.get_by_role("button", name="Approve and pay 82,000.00 EUR").click()
    expect(reviewer.locator("body")).to_contain_text("Approved. The action runs now.")
    reviewer.goto(f"/inbox/{largest.id}/")
    expect(case.locator("#case-outcome")).to_contain_text("approved")
    expect(case.locator("#case-outcome")).to_contain_text("executed", timeout=SOON)

    # The starter's page, still the same document, shows that it was executed; the bank gets one file.
    expect(page.locator("[data-trace-rows]")).to_contain_text("executed", timeout=SOON)
    assert page.evaluate("window.watched") is True
    page.get_by_role("link", name="Actions").click()
    action = page.locator(f"#action-{largest.action}")
    expect(action).to_contain_text("executed")
    expect(action).to_contain_text("reviewer")
    written = steps.payments(site) - before
    assert len(written) == 1
    assert '<InstdAmt Ccy="EUR">82000.00</InstdAmt>' in written.pop().read_text()


def test_a_run_goes_on_after_a_rejection_and_says_how_many_were_refused(
    site, page_of, tmp_path: Path
) -> None:
    before = steps.payments(site)
    starter: Page = page_of("operator")
    files = steps.folder_of(tmp_path / "own", steps.RIGHT, "verdier_F2026-0388.xml")
    run = steps.start_with(starter, files, "Our own two")
    starter.evaluate("window.watched = true")
    expect(starter.locator("#run-notice")).to_contain_text("2 actions wait", timeout=SOON)
    large, small = steps.case_over(site, run, "82000.00"), steps.case_over(site, run, "3225.53")

    reviewer: Page = page_of("reviewer2")
    case = steps.open_case(reviewer, small)
    case.get_by_role("button", name="Reject").click()
    sheet = reviewer.locator("#reject-sheet")
    expect(sheet.get_by_role("button", name="Reject", exact=True)).to_be_disabled()
    sheet.get_by_role("textbox").fill("The goods came back yesterday.")
    sheet.get_by_role("button", name="Reject", exact=True).click()
    # The next case that waits opens by itself; this one is looked at again.
    expect(case.locator(f"#case-current[value='{large.id}']")).to_be_attached()
    reviewer.goto(f"/inbox/{small.id}/")
    expect(case.locator("#case-outcome")).to_contain_text("The goods came back yesterday.")
    expect(case.locator("[data-approve]")).to_have_count(0)

    steps.open_case(reviewer, large).get_by_role("button", name="Approve and pay 82,000.00 EUR").click()
    expect(starter.locator("#run-lede")).to_contain_text("succeeded", timeout=SOON)
    expect(starter.locator("#run-lede")).to_contain_text("1 refused")
    assert starter.evaluate("window.watched") is True
    assert steps.actions_of(site, run) == ["executed", "refused"]
    assert len(steps.payments(site) - before) == 1
    starter.get_by_role("link", name="Actions").click()
    expect(starter.locator(f"#action-{small.action}")).to_contain_text("The goods came back yesterday.")


def test_all_of_it_can_be_done_without_a_mouse(site, new_context) -> None:
    page: Page = new_context().new_page()
    page.goto("/account/login/")
    steps.tab_to(page, page.get_by_label("Username"))
    page.keyboard.type("operator")
    steps.tab_to(page, page.get_by_label("Password", exact=True))
    page.keyboard.type(site.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    expect(page.locator("#live-line")).to_have_attribute(
        "data-live", "live"
    )  # its scripts are there, keys included
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    steps.tab_to(page, page.get_by_role("link", name=re.compile("^Start (a|the first) run$")).first)
    page.keyboard.press("Enter")
    steps.tab_to(page, page.get_by_role("link", name="Invoice settlement"))
    page.keyboard.press("Enter")
    steps.tab_to(page, page.get_by_role("button", name="Use the example files"))
    page.keyboard.press("Enter")
    run = steps.opened_run(page)
    expect(page.locator("#run-notice")).to_contain_text("8 actions wait", timeout=SOON)

    reviewer: Page = new_context("reviewer3").new_page()
    reviewer.goto("/")
    expect(reviewer.locator("#live-line")).to_have_attribute("data-live", "live")
    reviewer.keyboard.press("g")
    reviewer.keyboard.press("i")
    expect(reviewer.get_by_role("heading", name="Inbox", level=1)).to_be_visible()
    _walk_to(reviewer, steps.case_over(site, run, "82000.00").id)
    approve = reviewer.get_by_role("button", name="Approve and pay 82,000.00 EUR")
    expect(approve).to_be_enabled()
    reviewer.wait_for_timeout(500)  # Keys are dead for a moment after the case has changed.
    reviewer.keyboard.press("a")  # so much is not approved by a key alone: a sheet asks what was checked
    expect(reviewer.get_by_label("What did you check?")).to_be_focused()
    reviewer.keyboard.type("The order and the receipt.")
    reviewer.keyboard.press("Control+Enter")
    expect(reviewer.locator("[data-just-decided]")).to_contain_text("Approved")

    _walk_to(reviewer, steps.case_over(site, run, "31000.00").id)
    reviewer.wait_for_timeout(500)
    reviewer.keyboard.press("d")
    reviewer.keyboard.type("Ask the carrier first.")
    reviewer.keyboard.press("Control+Enter")
    expect(reviewer.locator("[data-just-decided]")).to_contain_text("Rejected")

    # The run's control, too.
    steps.tab_to(page, page.get_by_role("button", name="Cancel"))
    page.keyboard.press("Enter")
    page.keyboard.type("The rest is for tomorrow.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#run-lede")).to_contain_text("cancelled", timeout=SOON)
    assert {case.status for case in steps.cases_of(site, run)} == {"approved", "rejected", "withdrawn"}
    assert steps.case_over(site, run, "31000.00").reason == "Ask the carrier first."


def _walk_to(page: Page, case: str) -> None:
    """With j, as far as it takes."""
    shown = page.locator(f"#case-current[value='{case}']")
    for _ in range(60):
        page.keyboard.press("j")
        page.wait_for_timeout(60)
        if page.locator(f"#case-{case}[aria-current=true]").count():
            break
    expect(shown).to_be_attached()


def test_who_starts_a_run_reads_why_they_may_not_approve_and_a_forged_answer_is_refused(
    site, page_of
) -> None:
    def both_roles() -> None:
        from django.contrib.auth.models import Group

        from config.models import User

        person, _ = User.objects.get_or_create(
            username="both", defaults={"first_name": "Both", "last_name": "Roles"}
        )
        person.groups.set(Group.objects.filter(name__in=["operator", "reviewer"]))

    site.database(both_roles)
    run = steps.start_payments(site, by="both")
    case = steps.held_case(site, run)
    page: Page = page_of("both")
    page.goto(f"/inbox/{case.id}/")
    approve = page.locator("[data-approve]")
    expect(approve).to_be_disabled()
    expect(page.locator("#case-because")).to_contain_text("started")

    # The button is off on the page; the answer is sent all the same, as a script would.
    form = page.locator("form:has([data-approve])")
    fields = dict(
        form.locator("input[type=hidden]").evaluate_all("all => all.map(one => [one.name, one.value])")
    )
    answer = page.request.post(
        f"/inbox/{case.id}/sign-off/", form=fields, headers={"Referer": page.url}, max_redirects=0
    )
    assert answer.status == 403
    assert "started" in answer.text()
    assert steps.actions_of(site, run) == ["held"]
    assert not [one for one in steps.cases_of(site, run) if one.status != "pending"]

    # The plain operator has no such form at all.
    operator: Page = page_of("operator")
    operator.goto(f"/inbox/{case.id}/")
    expect(operator.locator("[data-approve]:enabled")).to_have_count(0)
    token = operator.context.cookies(site.url)
    csrf = next((one["value"] for one in token if one["name"] == "csrftoken"), "")
    answer = operator.request.post(
        f"/inbox/{case.id}/sign-off/",
        form={**fields, "csrfmiddlewaretoken": csrf},
        headers={"Referer": operator.url},
    )
    assert answer.status == 403
    assert steps.actions_of(site, run) == ["held"]
