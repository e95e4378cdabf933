"""An administrator invites somebody, who signs in, does what their role allows, and is kept out again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_an_invited_operator_signs_in_and_is_signed_out_when_deactivated(
    site: Any, page: Page, page_of: Callable[..., Page]
) -> None:
    admin, username = page_of("admin"), f"nina.{secrets.token_hex(3)}"
    admin.goto("/")
    admin.locator("#rail").get_by_role("link", name="People").click()
    admin.get_by_role("link", name="Invite somebody").click()
    admin.get_by_label("Name", exact=True).fill("Nina Neu")
    admin.get_by_label("Username").fill(username)
    admin.get_by_label("Operator: starts runs").check()
    admin.get_by_role("button", name="Create their sign-in").click()
    expect(admin.get_by_role("heading", name="Nina Neu can sign in")).to_be_visible()
    password = admin.locator("#initial-password").inner_text()

    page.goto("/account/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#rail")).to_contain_text("Workflows")
    expect(page.locator("#rail")).not_to_contain_text("People")

    admin.goto(f"/people/{username}/")
    expect(admin.locator("main")).to_contain_text("Signed in at 1 place now.")
    admin.get_by_role("button", name="Deactivate").click()
    expect(admin.locator("#toasts").get_by_text("deactivated and signed out")).to_be_visible()
    page.goto("/workflows/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
