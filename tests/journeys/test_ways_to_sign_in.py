"""A person sets up a passkey, signs in with it alone and removes it; another does so with an authenticator app."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.fixtures.sites import Site
from tests.static.axe import violations

pytestmark = pytest.mark.browser
PASSWORD = "of-my-own-choice"
# An authenticator that Chromium plays: it keeps passkeys, and says that it has looked at the finger.
VIRTUAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def nina(site: Site) -> str:
    """Somebody new with a password of their own."""
    username = f"nina.{secrets.token_hex(3)}"

    def invite() -> None:
        from django.contrib.auth.hashers import make_password
        from django.contrib.auth.models import Group

        from config.models import User

        # The tests hash passwords in a way that the site's own processes do not know.
        stored = make_password(PASSWORD, hasher="pbkdf2_sha256")
        person = User.objects.create(username=username, password=stored, first_name="Nina")
        person.groups.add(Group.objects.get(name="reviewer"))

    site.database(invite)
    return username


@pytest.fixture
def window(site: Site, new_context: Callable[..., BrowserContext]) -> tuple[Page, list[str]]:
    """A page under a name, which passkeys need, and what its console complained of."""
    page = new_context(base_url=site.url.replace("127.0.0.1", "localhost")).new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return page, said


def enter(page: Page, username: str) -> None:
    page.goto("/account/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm(page: Page) -> None:
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def leave(page: Page) -> None:
    page.locator(".person-button").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def in_both_themes(page: Page) -> list[str]:
    """What axe finds in the light and in the dark, without waiting for a colour that fades."""
    found = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {one}" for one in violations(page)]
    return found


def facts_about(site: Site, username: str) -> list[str]:
    def ask() -> list[str]:
        from config import people_record

        return [line.text for line in people_record.history_of_person(username).lines]

    return site.database(ask)


def test_a_passkey_is_added_signs_in_alone_and_is_removed(
    site: Site, nina: str, window: tuple[Page, list[str]]
) -> None:
    # axe looks through the debugger, and leaving that takes the authenticator away: the other test asks it.
    page, said = window
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": VIRTUAL})
    enter(page, nina)
    page.locator(".person-button").click()
    page.get_by_role("link", name="Ways to sign in").click()
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("Sign in with it alone").check()
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator("main")).to_contain_text("Laptop")
    leave(page)

    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("#rail")).to_be_visible()
    leave(page)
    enter(page, nina)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("#rail")).to_be_visible()

    page.goto("/account/ways/")
    page.get_by_role("link", name="Remove Laptop").click()
    page.get_by_role("link", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Remove this passkey").click()
    expect(page.locator("main")).to_contain_text("No passkey yet")
    assert facts_about(site, nina) == [
        "Removed recovery codes",
        "Removed a passkey",
        "Made recovery codes",
        "Added a passkey",
    ]
    assert said == []


def test_an_app_is_set_up_and_asked_for(site: Site, nina: str, window: tuple[Page, list[str]]) -> None:
    page, said = window
    enter(page, nina)
    expect(page.locator("#rail")).to_be_visible()
    page.goto("/account/ways/app/add/")
    confirm(page)
    expect(page.locator("img.qr-code")).to_have_js_property("complete", True)
    assert in_both_themes(page) == []
    secret = page.locator("#app-key").inner_text()
    page.get_by_label("Code shown by the app").fill(_code(site, secret))
    page.get_by_role("button", name="Use this app").click()
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    assert in_both_themes(page) == []
    page.goto("/account/ways/passkeys/add/")
    assert in_both_themes(page) == []
    leave(page)

    enter(page, nina)
    code = page.get_by_label("Code from your app, or a recovery code")
    assert in_both_themes(page) == []
    code.fill("not a code")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("main")).to_contain_text("This was not accepted.")
    code.fill(_code(site, secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("#rail")).to_be_visible()
    assert said == []


def _code(site: Site, secret: str) -> str:
    """What the app shows now; early in its period, so that it is still accepted when it arrives."""

    def compute() -> Any:
        import time

        from allauth.mfa.totp.internal import auth

        if time.time() % 30 > 25:
            time.sleep(30 - time.time() % 30)
        return auth.format_hotp_value(auth.hotp_value(secret, next(auth.yield_hotp_counters_from_time())))

    return str(site.database(compute))
