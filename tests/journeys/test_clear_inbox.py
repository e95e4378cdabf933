"""A reviewer clears a full inbox by keyboard alone, and answers several requests at once.

`make test` clears what one run asks for; COUNTERSIGN_JOURNEY_REQUESTS=100 clears a hundred and says how long it took.
"""

from __future__ import annotations

import contextlib
import os
import time

from playwright.sync_api import Locator, Page, expect

from tests.fixtures.sites import Site
from tests.journeys import steps

OF_A_RUN = 8
KEYS_ARE_DEAD = 450


def _full(site: Site, count: int) -> dict[str, str]:
    """So many runs that at least `count` requests wait; their ids with their tiers."""
    names = sorted(path.name for path in steps.EXAMPLES.glob("*.xml"))
    runs = [steps.start_payments(site, *names) for _ in range(-(-count // OF_A_RUN))]

    def waiting() -> dict[str, str] | None:
        from approvals.models import ApprovalRequest

        found = ApprovalRequest.objects.filter(run__in=runs, status="pending")
        return {str(one.id): one.tier for one in found} if found.count() == OF_A_RUN * len(runs) else None

    return site.wait_for(lambda: site.database(waiting), seconds=60 + count)


def _sum_of(site: Site, keys: list[str]) -> str:
    """What the sheet says of these requests, all in euros."""

    def ask() -> str:
        from approvals.models import ApprovalRequest

        found = ApprovalRequest.objects.filter(pk__in=keys)
        assert {one.currency for one in found} == {"EUR"}
        return f"{sum(one.amount for one in found):,.2f} EUR in all"

    return site.database(ask)


def _statuses(site: Site, keys: dict[str, str]) -> dict[str, str]:
    def ask() -> dict[str, str]:
        from approvals.models import ApprovalRequest

        return {str(one.id): one.status for one in ApprovalRequest.objects.filter(pk__in=keys)}

    return site.database(ask)


def _write(page: Page, sheet: str, words: str) -> None:
    """Write into a sheet once it is open, and confirm it."""
    expect(page.locator(f"{sheet} [data-sheet-reason]")).to_be_focused()
    page.keyboard.type(words)
    page.keyboard.press("Control+Enter")


def _press(page: Page, key: str, wanted: Locator) -> None:
    """Press a key until it does something, as people do: the list may have moved just then, and keys were dead."""
    for _ in range(5):
        page.keyboard.press(key)
        with contextlib.suppress(AssertionError):
            expect(wanted.first).to_be_visible(timeout=1_000)
            return
    expect(wanted.first).to_be_visible()


def _approve(page: Page) -> None:
    """`a` opens a sheet or arms the button; an armed one is submitted by the next, or opens its sheet when the first
    key only brought it into sight."""
    sheet, armed = page.locator("#approve-sheet[open]"), page.locator("[data-approve].is-armed")
    _press(page, "a", sheet.or_(armed))
    opens = page.locator("[data-approve][data-sheet-open], [data-approve][data-key-sheet]").count() > 0
    if not sheet.count():
        page.keyboard.press("a")
    if opens:
        _write(page, "#approve-sheet", "Order and goods match.")


def test_a_reviewer_clears_mixed_requests_by_keyboard_with_no_wrong_answer(site: Site, page_of) -> None:
    asked = int(os.environ.get("COUNTERSIGN_JOURNEY_REQUESTS", "8"))
    tiers = _full(site, asked)
    page: Page = page_of("reviewer")
    page.goto("/inbox/")
    expect(page.locator("[data-inbox-item]").first).to_be_visible()
    meant: dict[str, str] = {}
    began = time.monotonic()
    _press(page, "j", page.locator("#case [data-approve]:enabled"))
    for turn in range(len(tiers)):
        page.wait_for_selector("#case [data-approve]:enabled")
        page.wait_for_timeout(KEYS_ARE_DEAD)
        key = page.locator("#case-current").input_value()
        meant[key] = "rejected" if turn % 4 == 3 else "approved"
        if meant[key] == "rejected":
            _press(page, "d", page.locator("#reject-sheet[open]"))
            _write(page, "#reject-sheet", "Not ordered.")
        else:
            _approve(page)
        answered = f"#case:has(#case-current[value='{key}']):not(:has(#case-outcome))"
        expect(page.locator(answered)).to_have_count(0, timeout=15_000)
    seconds = time.monotonic() - began

    assert _statuses(site, tiers) == meant
    expect(page.locator("#inbox-rows")).to_contain_text("Nothing waits for you")
    expect(page.locator("#inbox-rows")).not_to_contain_text("pproved")
    each = seconds / len(tiers)
    print(f"{len(tiers)} requests cleared by keyboard in {seconds:.0f} s, {each:.2f} s each")


def test_several_of_one_tool_are_answered_at_once_and_who_was_first_is_named(site: Site, page_of) -> None:
    tiers = _full(site, OF_A_RUN)
    page: Page = page_of("reviewer")
    page.goto("/inbox/?tier=medium")
    boxes = page.locator("[data-select]")
    expect(boxes.first).to_be_visible()
    _press(page, "j", page.locator("#case-sentence"))
    page.wait_for_timeout(KEYS_ARE_DEAD)
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-words]")).to_have_text("1 selected: payments.pay")
    page.keyboard.press("Shift+J")
    expect(page.locator("[data-bulk-words]")).to_have_text("2 selected: payments.pay")
    chosen = [
        value[:36]
        for value in page.locator("[data-select]:checked").evaluate_all("all => all.map(one => one.value)")
    ]

    page.route("**/inbox/rows/**", lambda route: route.abort())
    colleague: Page = page_of("reviewer2")
    colleague.goto(f"/inbox/{chosen[0]}/")
    colleague.locator("[data-reject]").click()
    colleague.locator("#reject-sheet-reason").fill("Paid already.")
    colleague.locator("#reject-sheet [data-sheet-confirm]").click()
    site.wait_for(lambda: _statuses(site, tiers)[chosen[0]] == "rejected")
    page.locator("[data-bulk-verb=approve]").click()
    expect(page.locator("#bulk-sheet-title")).to_have_text("Approve 2 requests")
    expect(page.locator("[data-bulk-sum]")).to_have_text(_sum_of(site, chosen))
    page.keyboard.type("All ordered and received.")
    page.keyboard.press("Control+Enter")

    done = page.locator("#bulk-done")
    expect(done).to_contain_text("1 of 2 approved, the rest skipped")
    expect(done).to_contain_text("reviewer2")
    expect(done).to_contain_text("Paid already.")
    assert [_statuses(site, tiers)[key] for key in chosen] == ["rejected", "approved"]


def test_what_a_colleague_decides_under_an_open_sheet_is_named_in_its_result(site: Site, page_of) -> None:
    tiers = _full(site, OF_A_RUN)
    page: Page = page_of("reviewer")
    page.goto("/inbox/?tier=medium")
    boxes = page.locator("[data-select]")
    for place in (0, 1):
        boxes.nth(place).check()
    chosen = [box.input_value()[:36] for box in (boxes.nth(0), boxes.nth(1))]
    page.locator("[data-bulk-verb=approve]").click()
    expect(page.locator("#bulk-sheet-title")).to_have_text("Approve 2 requests")

    colleague: Page = page_of("reviewer2")
    colleague.goto(f"/inbox/{chosen[0]}/")
    colleague.locator("[data-reject]").click()
    colleague.locator("#reject-sheet-reason").fill("Paid already.")
    colleague.locator("#reject-sheet [data-sheet-confirm]").click()
    expect(page.locator(f"[data-select][value^='{chosen[0]}']")).to_have_count(0)
    page.locator("#bulk-sheet-reason").fill("All ordered and received.")
    page.keyboard.press("Control+Enter")

    done = page.locator("#bulk-done")
    expect(done).to_contain_text("1 of 2 approved, the rest skipped")
    expect(done).to_contain_text("reviewer2")
    assert [_statuses(site, tiers)[key] for key in chosen] == ["rejected", "approved"]
