"""A reviewer lets the browser notify them, is told of a request on any page, and sees it close when it is decided."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.journeys import steps

SEVERAL = ("silta_100834.xml", "vandermeulen_VF-20416.xml", steps.RIGHT)
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


def test_one_notification_of_several_follows_each_of_them(site, page_of) -> None:
    page: Page = page_of("reviewer")
    page.add_init_script(WATCH)
    page.context.grant_permissions(["notifications"], origin=site.url.rstrip("/"))
    page.goto("/")
    site.wait_for(lambda: page.evaluate("localStorage.getItem('cs-notices-reviewer') !== null"))
    run = steps.start_payments(site, *SEVERAL)
    site.wait_for(lambda: len(steps.cases_of(site, run)) == len(SEVERAL))
    cases = {case.id for case in steps.cases_of(site, run)}
    site.wait_for(lambda: site.database(lambda: _are_due(cases)))

    def bundle() -> list[str]:
        """The requests of the notification that stands for several of these."""
        held = json.loads(page.evaluate("localStorage.getItem('cs-notices-reviewer-open') ?? '[]'"))
        found = [one["requests"] for _, one in held if len(cases & set(one["requests"])) > 1]
        return found[0] if found else []

    site.wait_for(bundle)
    many = bundle()
    first = next(case for case in many if case in cases)
    site.database(lambda: _reject(first))
    words = f"{len(many) - 1} of {len(many)} requests still wait"
    site.wait_for(lambda: words in page.evaluate("window.shown.map(([, title]) => title)"))
    assert first not in bundle()


def _are_due(cases: set[str]) -> bool:
    """Whether all of them are planned; what waits for the window of their agent is then due now, together."""
    from django.utils import timezone

    from approvals.models import Notice

    mine = Notice.objects.filter(request__in=cases, to="reviewer", channel="browser", kind="opened")
    if mine.count() < len(cases):
        return False
    mine.filter(state="waiting").update(due_at=timezone.now())
    return True


def _reject(case: str) -> None:
    from approvals.models import ApprovalRequest
    from config.models import User
    from tests.approvals.answers import reject

    reject(ApprovalRequest.objects.get(pk=case), User.objects.get(username="reviewer2"), "wrong IBAN")
