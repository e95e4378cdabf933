"""An auditor finds a payment, follows it from goal to effect, verifies the record, takes it out and checks it alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys import steps
from tests.orchestrator.runs import settle
from tests.static.axe import violations
from tests.verifier.files import checked

pytestmark = pytest.mark.browser


def test_an_auditor_follows_a_payment_and_takes_the_record_out(
    site: Any, page_of: Any, tmp_path: Path
) -> None:
    run = steps.start_payments(site, steps.RIGHT)
    case = steps.held_case(site, run)
    site.database(settle)
    page = page_of("admin")
    page.goto("/audit/")
    page.get_by_label("Action, by its tool").fill("payments.pay")
    page.get_by_label("Kind of event").select_option("action.held")
    page.get_by_label("Words, an id, a digest").fill(run[:18])
    page.get_by_role("button", name="Search").click()
    page.wait_for_url(re.compile(r"tool=payments\.pay"))
    expect(page.locator(".audit-rows tbody tr")).to_have_count(1)
    page.get_by_role("link", name="the whole chain").click()
    expect(page.locator("h1")).to_contain_text("82,000.00 EUR")
    for part in ("Goal and input", "Assertions", "Proposed action", "Assessment", "Request"):
        expect(page.locator(".chain-part", has_text=part).first).to_be_visible()
    expect(page.locator("#link-request-1")).to_contain_text("Excluded")
    assert violations(page) == []
    page.emulate_media(media="print")
    expect(page.locator("p.print-only")).to_contain_text(case.id)
    expect(page.locator(".rail")).to_be_hidden()
    page.emulate_media(media="screen")
    page.locator("#link-run-1 h2 a").click()
    expect(page.locator("[data-drawer-body], .drawer").first).to_contain_text("Event 1")

    page.goto("/audit/record/")
    page.get_by_role("button", name="Verify the record").click()
    expect(page.locator("#verification tbody tr").first).to_contain_text("sound", timeout=steps.SOON)
    page.get_by_role("button", name="Sign all heads now").click()
    expect(page.get_by_text("Signed", exact=False).first).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "record.jsonl"
    downloading.value.save_as(file)
    said = checked(file)
    assert (said.code, said.findings) == (0, [])
    assert said.counts["events"] > 20
