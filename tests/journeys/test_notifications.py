"""A reviewer lets the browser notify them, is told of a request on any page, and sees it close when it is decided."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.journeys import steps

# The browser's own class, with a list of what it showed and closed.
WATCH = """
window.shown = [];
const Real = window.Notification;
window.Notification = class extends Real {
  constructor(title, options) { super(title, options); window.shown.push(["show", title, options.tag]); }
  close() { window.shown.push(["close", this.title, this.tag]); super.close(); }
};
"""


def test_a_request_is_shown_wherever_the_reviewer_is_and_closes_when_somebody_else_decides(
    site, page_of
) -> None:
    page: Page = page_of("reviewer")
    page.add_init_script(WATCH)
    refused: list[str] = []
    heard: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    page.on("console", lambda line: refused.append(line.text) if line.type == "error" else None)
    page.goto("/notifications/")
    ask = page.get_by_role("button", name="Let this browser show them")
    expect(page.locator("[data-notices-words]")).to_contain_text("not been asked")
    assert page.evaluate("localStorage.getItem('cs-notices-reviewer')") is None
    page.context.grant_permissions(["notifications"], origin=site.url.rstrip("/"))
    page.goto("/")
    # The policy of the page lets nothing be evaluated inside it over and over, so it is asked from outside.
    site.wait_for(lambda: page.evaluate("localStorage.getItem('cs-notices-reviewer') !== null"))

    run = steps.start_payments(site)
    case = steps.held_case(site, run)
    site.wait_for(lambda: page.evaluate("window.shown.length > 0"))
    verb, title, tag = page.evaluate("window.shown[0]")
    assert [frame for frame in heard if '"notices"' in frame]
    assert (verb, tag) == ("show", case.id)
    assert title.startswith("Waits for you: ")

    other: Page = page_of("reviewer2")
    other.goto(f"/inbox/{case.id}/")
    other.click("[data-reject]")
    other.fill("#reject-sheet-reason", "wrong IBAN")
    other.click("#reject-sheet [data-sheet-confirm]")
    site.wait_for(
        lambda: ["close", case.id] in page.evaluate("window.shown.map(([verb, , one]) => [verb, one])")
    )
    page.goto("/notifications/")
    expect(page.locator("[data-notices-words]")).to_contain_text("shows notifications")
    expect(ask).to_be_hidden()
    assert refused == []
