"""Every part of the pages in both themes and at both widths: accessible, nothing cut off, nothing hostile awake."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from django.contrib.auth.models import AnonymousUser
from playwright.sync_api import Page, expect

from tests.static.axe import violations
from tests.static.fixtures import event, rendered, template
from tests.static.stage import Stage

pytestmark = pytest.mark.browser
WIDTHS = {1440: 900, 390: 844}


NOBODY = {"user": AnonymousUser(), "navigation": [], "messages": []}
PAGES: dict[str, Callable[[], str]] = {
    "parts": lambda: rendered("gallery"),
    "inbox": lambda: rendered("inbox", messages=[]),
    "trace": lambda: rendered("trace", events=[event(seq) for seq in range(1, 400)], messages=[]),
    "run": lambda: rendered("gallery", messages=[]),
    "error": lambda: template("error.html"),
    "error-signed-out": lambda: template("error.html", **NOBODY),
    "login": lambda: template("account/login.html", form=LoginForm(), **NOBODY),
    "login-wrong": lambda: template(
        "account/login.html", form=LoginForm({"login": "", "password": ""}), **NOBODY
    ),
    "logout": lambda: template("account/logout.html", messages=[]),
    "password": lambda: template("account/password_change.html", form=ChangePasswordForm(), messages=[]),
    "reauthenticate": lambda: template(
        "account/reauthenticate.html", form=ReauthenticateForm(user=None), messages=[]
    ),
    "link": lambda: template("account/sign_in_link.html", person="Rosa Reviewer", **NOBODY),
}


# Pages once at each width and in each theme; the page with every part, and all when pictures are asked for, in all pairs.
ALL = list(product(WIDTHS, ["light", "dark"]))
SOME = ALL if os.environ.get("COUNTERSIGN_SHOTS") else [(1440, "light"), (390, "dark")]


@pytest.mark.parametrize(
    ("name", "width", "theme"),
    [(name, *pair) for name in sorted(PAGES) for pair in (ALL if name == "parts" else SOME)],
)
def test_the_page_is_accessible_and_fits(
    page: Page, stage: Stage, shots: Path | None, name: str, width: int, theme: str
) -> None:
    html = PAGES[name]()
    stage.pages["/"] = lambda query: (200, html)
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    page.goto(stage.url)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    if shots:
        page.wait_for_timeout(150)
        page.screenshot(path=shots / f"{name}-{width}-{theme}.png", full_page=name == "parts")
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize(("width", "theme"), SOME)
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
