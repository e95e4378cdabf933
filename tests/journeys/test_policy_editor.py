"""An administrator writes a policy in a browser: words while typing, a trial, a dry run, a draft, a publication."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.steps import SOON
from tests.static.axe import violations

pytestmark = pytest.mark.browser


def test_a_policy_is_written_tried_kept_and_published(site: Any, page_of: Callable[..., Page]) -> None:
    page = page_of("admin")
    slug = f"branch-{secrets.token_hex(3)}"
    page.goto("/policies/new/")
    page.get_by_label("Short name").first.fill(slug)
    page.locator("[name=title]").fill("Payments of the branch")
    page.get_by_role("button", name="Add a rule").click()
    page.locator("[name=rule-0-title]").fill("Large amounts")
    page.locator("[name=rule-0-categories][value=outward]").check()
    page.locator("[name=rule-0-currency]").fill("EUR")
    page.locator("[name=rule-0-over]").fill("10000")
    page.locator("[name=rule-0-text]").fill("action.tol == 'x'")

    words = page.locator("#settings-words")
    expect(words).to_contain_text("Large amounts: Line 1, column 7", timeout=SOON)
    page.locator("[name=rule-0-text]").fill("")
    expect(words).to_contain_text(
        "Held when it is outward communication, and the amount is over 10,000.00 EUR (Large amounts).",
        timeout=SOON,
    )
    expect(words).not_to_contain_text("It cannot be published yet", timeout=SOON)

    page.locator("#trial-box summary").click()
    page.locator("[name=try-action-amount]").fill("12000.00")
    page.locator("[name=try-action-currency]").fill("EUR")
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.locator("#trial-answer")).to_contain_text(
        "12,000.00 EUR is over 10,000.00 EUR.", timeout=SOON
    )
    page.get_by_role("button", name="Assess again").click()
    expect(page.locator("#dry-answer")).not_to_contain_text("Nothing is changed by it", timeout=SOON)
    assert violations(page) == []

    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_text("This is a draft")).to_be_visible()
    page.get_by_role("button", name="Review the change").last.click()
    expect(page.get_by_text("money.amount > 1000000")).to_be_visible()
    expect(page.get_by_role("button", name="Assess again")).to_be_visible()
    page.get_by_label("What changed, and why").fill("The first one.")
    page.get_by_role("button", name="Publish the policy").click()

    expect(page.get_by_role("heading", name=slug, level=1)).to_be_visible()
    expect(page.locator(".plain-words")).to_contain_text("the amount is over 10,000.00 EUR")
    assert violations(page) == []


def test_three_levels_and_who_is_asked_when_all_are_silent_are_set_by_keyboard_alone(
    page_of: Callable[..., Page],
) -> None:
    page = page_of("admin")
    page.goto("/policies/new/")
    press(page, "Add a rule")
    rule = page.locator("#rule-0")
    expect(rule).to_be_visible()
    rule.locator("#rule-people-0 > summary").press("Enter")
    for at, group in enumerate(("reviewer", "admin", "operator")):
        rule.get_by_role("button", name="Add a level").press("Enter")
        # The new row has the focus: its group is typed at once, then how many, then when they are asked.
        expect(page.locator(f"[name=rule-0-level-{at}-group]")).to_be_focused(timeout=SOON)
        page.keyboard.type(group)
        page.keyboard.press("Tab")
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(str(at + 1))

    words = page.locator("#settings-words")
    expect(words).to_contain_text(
        "1 person of reviewer, then 2 people of admin, then 3 people of operator", timeout=SOON
    )
    press(page, "Move level 3 up")
    up = page.get_by_role("button", name="Move level 2 up")
    expect(up).to_be_focused(timeout=SOON)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Move level 1 down")).to_be_focused(timeout=SOON)
    expect(words).to_contain_text(
        "3 people of operator, then 1 person of reviewer, then 2 people of admin", timeout=SOON
    )
    expect(words).to_contain_text("It cannot be published yet")

    press(page, "Remove level 1")
    expect(rule.get_by_role("button", name="Add a level")).to_be_focused(timeout=SOON)
    rule.locator("summary", has_text="Stakes, time, silence").press("Enter")
    rule.locator("[name=rule-0-escalate_to][value=reviewer]").press("Space")
    rule.locator("[name=rule-0-escalate_minutes]").press("5")
    expect(words).to_contain_text(
        "needs 1 person of reviewer, then 2 people of admin; silence goes up to reviewer after 5 minutes",
        timeout=SOON,
    )
    assert violations(page) == []


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).press("Enter")
