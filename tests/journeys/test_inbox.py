"""Reviewers at their browsers: a payment signed off by keyboard, two people at once, a phone, a broken network."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.fixtures.sites import Site
from tests.journeys import steps
from tests.static import axe

TABLES = ("purchase_orders.csv", "goods_receipts.csv", "suppliers.csv", "paid_invoices.csv")
INVOICES = settings.BASE_DIR / "examples" / "invoice_settlement" / "files"


def held(site: Site, invoice: str = "acme_RE-2026-1184.xml") -> dict[str, str]:
    """Start a run over one right invoice; the request that its payment waits for."""

    def start() -> str:
        from django.utils import timezone

        from config.models import User
        from orchestrator.services import files, runs

        named = [(name, (INVOICES / name).read_bytes()) for name in (*TABLES, invoice)]
        return runs.start_run(
            workflow="invoice_settlement",
            inputs={"files": files.keep_files(files=named)},
            key=secrets.token_hex(8),
            by=User.objects.get(username="operator"),
            now=timezone.now(),
        )

    def waiting() -> dict[str, str] | None:
        from approvals.models import ApprovalRequest

        found = ApprovalRequest.objects.filter(run=run, status="pending").first()
        return {"id": str(found.id), "run": run, "sentence": found.sentence} if found else None

    run = site.database(start)
    return site.wait_for(lambda: site.database(waiting))


def state(site: Site, request: dict[str, str]) -> tuple[str, str]:
    """How the request stands, and how often its payment was released."""

    def ask() -> tuple[str, str]:
        from approvals.models import ApprovalRequest
        from orchestrator.queries.actions import action_card

        found = ApprovalRequest.objects.get(pk=request["id"])
        return found.status, action_card(request["run"], found.action).state

    return site.database(ask)


def without_refresh(page: Page) -> Page:
    """A page that hears nothing of what others do: its polls are lost on the way."""
    page.route(re.compile(r"/inbox/.*token="), lambda route: route.abort())
    return page


@pytest.fixture
def open_case(site: Site, page_of: Callable[..., Page]) -> Callable[..., Page]:
    def open_case(username: str, request: dict[str, str], **options: Any) -> Page:
        page = page_of(username, **options)
        page.goto(f"{site.url}inbox/{request['id']}/")
        return page

    return open_case


def test_a_payment_is_found_understood_and_signed_off_by_keyboard(site, page_of):
    request = held(site)
    page = page_of("reviewer")
    page.goto(f"{site.url}inbox/")
    row = page.locator(f"#case-{request['id']}")
    expect(row).to_contain_text("Pay 82,000.00 EUR to ACME Industrietechnik GmbH")

    page.keyboard.press("j")
    while row.get_attribute("aria-current") is None:
        page.keyboard.press("j")
    expect(page.locator("#case-sentence")).to_contain_text("Pay 82,000.00 EUR")
    button = page.locator("[data-approve]")
    expect(button).to_have_text("Approve and pay 82,000.00 EUR")
    expect(button).to_be_in_viewport()
    page.wait_for_timeout(450)  # keys are dead for 400 ms after the case has changed
    page.keyboard.press("a")
    expect(page.locator("#approve-sheet-reason")).to_be_focused()
    page.keyboard.press("Control+Enter")  # nothing is sent without the reason
    assert state(site, request)[0] == "pending"
    page.keyboard.type("The order and the goods match.")
    page.keyboard.press("Control+Enter")

    expect(page.locator("#case-outcome")).to_contain_text("approved by reviewer")
    site.wait_for(lambda: state(site, request) == ("approved", "executed"))
    expect(page.locator("#case-outcome")).to_contain_text("executed")


def test_who_comes_second_reads_who_decided_how_and_why_and_has_no_buttons_left(site, open_case):
    request = held(site)
    first = open_case("reviewer", request)
    second = without_refresh(open_case("reviewer2", request))

    first.click("[data-reject]")
    first.fill("#reject-sheet-reason", "wrong IBAN")
    first.click("#reject-sheet [data-sheet-confirm]")
    expect(first.locator("#case-outcome")).to_contain_text("rejected by reviewer")
    second.click("[data-approve]")

    problem = second.locator("#case-problem")
    expect(problem).to_contain_text("rejected this")
    expect(problem).to_contain_text("wrong IBAN")
    expect(second.locator("[data-approve]")).to_have_count(0)
    assert state(site, request) == ("rejected", "refused")


def test_buttons_die_by_themselves_when_a_colleague_decides(site, open_case):
    request = held(site)
    first, second = open_case("reviewer", request), open_case("reviewer2", request)
    expect(second.locator("[data-approve]")).to_be_enabled()

    first.click("[data-approve]")

    expect(second.locator("#case-outcome")).to_contain_text("approved by reviewer")
    expect(second.locator("[data-approve]")).to_have_count(0)


def test_a_payment_is_signed_off_with_a_thumb(site, open_case):
    request = held(site)
    page = open_case("reviewer", request, viewport={"width": 390, "height": 844}, has_touch=True)

    button = page.locator("[data-approve]")
    expect(button).to_be_in_viewport()
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    button.tap()

    expect(page.locator("#case-outcome")).to_contain_text("approved by reviewer")
    expect(page.locator("[data-just-decided]")).to_contain_text("Approved. The action runs now.")


def unusual(site: Site) -> dict[str, str]:
    """A request of which two things are unusual: it was rejected before, and is over several times the usual amount."""
    before = held(site)

    def reject() -> None:
        from django.utils import timezone

        from approvals.models import ApprovalRequest
        from approvals.services import sign_offs
        from config.models import User

        found = ApprovalRequest.objects.get(pk=before["id"])
        sign_offs.sign_off(
            request=before["id"],
            by=User.objects.get(username="reviewer2"),
            verb="reject",
            reason="wrong IBAN",
            seen_digest=found.digest,
            seen_version=found.version,
            now=timezone.now(),
        )

    site.database(reject)
    others = steps.start_payments(site, *sorted(path.name for path in INVOICES.glob("*.xml")))
    site.wait_for(lambda: len(steps.cases_of(site, others)) >= 8)
    return held(site)


def test_a_case_fits_on_one_screen_from_its_sentence_to_its_buttons(site, open_case):
    page = open_case("reviewer", unusual(site))
    expect(page.locator("[data-approve]")).to_be_enabled()
    expect(page.locator("[data-unusual]")).to_have_count(2)
    expect(page.locator("#case-otherwise")).to_be_visible()

    box = page.locator("#case").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 800
    for part in (
        "#case-sentence",
        "#case-quorum",
        ".case-why",
        ".claim",
        ".case-turns li >> nth=-1",
        "#case-call .payload-text",
        "[data-reject]",
    ):
        expect(page.locator(part).first).to_be_in_viewport(ratio=1)


def test_a_page_that_hears_nothing_any_more_takes_no_answer(site, open_case):
    request = held(site)
    page = open_case("reviewer", request)
    expect(page.locator("[data-approve]")).to_be_enabled()

    page.context.set_offline(True)
    expect(page.locator("[data-approve]")).to_be_disabled()
    expect(page.locator("[data-reject]")).to_be_disabled()
    expect(page.locator(".stale-note")).to_be_visible()
    page.keyboard.press("a")
    page.context.set_offline(False)
    expect(page.locator("[data-approve]")).to_be_enabled()
    assert state(site, request)[0] == "pending"


def test_of_two_who_answer_at_once_one_wins_and_the_other_reads_who_it_was(site, open_case):
    request = held(site)
    pages = [without_refresh(open_case(name, request)) for name in ("reviewer", "reviewer2")]
    pages[1].click("[data-reject]")
    pages[1].fill("#reject-sheet-reason", "wrong IBAN")
    pages[0].evaluate("setTimeout(() => document.querySelector('[data-approve]').click(), 50)")
    pages[1].click("#reject-sheet [data-sheet-confirm]")

    site.wait_for(lambda: state(site, request)[0] != "pending")
    winner, loser = pages if state(site, request)[0] == "approved" else pages[::-1]
    expect(winner.locator("[data-just-decided]")).not_to_be_empty()
    expect(loser.locator("#case-problem")).to_contain_text(
        "approved this" if winner is pages[0] else "wrong IBAN"
    )
    expect(loser.locator("[data-approve]")).to_have_count(0)


def test_news_of_the_winner_that_comes_before_the_losers_answer_does_not_take_its_place(site, open_case):
    request = held(site)
    first, second = open_case("reviewer", request), open_case("reviewer2", request)
    broken: list[str] = []
    second.on("pageerror", lambda error: broken.append(str(error)))
    sent: list[Any] = []
    second.route("**/sign-off/", lambda route: sent.append(route))
    second.click("[data-approve]")
    expect(second.locator("#case form.htmx-request")).to_have_count(1)

    with second.expect_response(re.compile(r"/inbox/.*token=")):
        first.click("[data-approve]")
    second.wait_for_timeout(200)
    sent[0].continue_()

    expect(second.locator("#case-problem")).to_contain_text("(reviewer) approved this")
    expect(second.locator("[data-approve]")).to_have_count(0)
    second.wait_for_timeout(600)
    expect(second.locator("#case-problem")).to_contain_text("(reviewer) approved this")
    assert broken == []


def test_a_browser_without_scripts_decides_too(site, open_case):
    request = held(site)
    page = open_case("reviewer", request, java_script_enabled=False)

    page.click("text=Approve and pay 82,000.00 EUR")

    assert "Approved. The action runs now." in page.content()
    assert state(site, request)[0] == "approved"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_inbox_and_a_case_have_nothing_that_axe_objects_to(site, open_case, scheme):
    request = held(site)
    page = open_case("reviewer", request, color_scheme=scheme)
    page.wait_for_load_state("networkidle")

    assert axe.violations(page) == []
    page.goto(f"{site.url}inbox/?tab=all")
    assert axe.violations(page) == []
