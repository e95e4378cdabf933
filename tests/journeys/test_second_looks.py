"""Approvals that take more than a click: one's identity shown once more, and a second person after a change."""

from __future__ import annotations

import time

from playwright.sync_api import Page, expect

from tests.fixtures.sites import Site
from tests.journeys import steps
from tests.journeys.steps import SOON

HOUR = 3600


def _start_paying(site: Site) -> str:
    """A run whose one agent asks for one payment and reads what became of it."""

    def start() -> str:
        import msgspec
        from django.utils import timezone

        from orchestrator.domain import digests, ids
        from orchestrator.domain.specs import StageSpec, WorkflowSpec
        from orchestrator.models import WorkflowRevision
        from orchestrator.services import runs

        newest = WorkflowRevision.objects.filter(workflow_id="invoice_settlement").latest("revision")
        given = msgspec.json.decode(newest.spec.encode(), type=WorkflowSpec)
        agent = msgspec.structs.replace(
            given.agents["treasurer"], reference="journeys.pays", output_schema={}
        )
        spec = msgspec.structs.replace(
            given,
            stages=(StageSpec(name="treasurer", agent="treasurer"),),
            agents={"treasurer": agent},
            input_schema={},
        )
        return runs.start_revision(
            spec=digests.canonical(msgspec.to_builtins(spec)),
            inputs={},
            key=ids.from_key("test", str(timezone.now())),
            by="operator",
            now=timezone.now(),
        )

    return site.database(start)


def _shown_long_ago(site: Site, page: Page) -> None:
    """Let it be hours since the person at this page proved who they are."""
    (key,) = [one["value"] for one in page.context.cookies() if one["name"] == "sessionid"]

    def age() -> None:
        from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as METHODS

        from config.sessions import SessionStore

        session = SessionStore(key)
        session[METHODS] = [{"method": "password", "at": time.time() - 9 * HOUR}]
        session.save()

    site.database(age)


def _change(page: Page, case: steps.Case, amount: str, why: str) -> None:
    steps.open_case(page, case).locator("[data-change]").click()
    page.get_by_label("amount", exact=True).fill(amount)
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("#case-sentence")).to_be_visible()


def test_who_must_show_again_who_they_are_loses_nothing_and_then_approves(site: Site, page_of) -> None:
    run = _start_paying(site)
    editor: Page = page_of("reviewer2")
    _change(editor, steps.held_case(site, run), "100000.00", "The second invoice is part of it.")
    case = steps.held_case(site, run)
    page: Page = page_of("reviewer")
    _shown_long_ago(site, page)
    steps.open_case(page, case)
    page.locator("[data-approve]").click()
    page.locator("#approve-sheet-amount").fill("100,000.00")
    page.locator("#approve-sheet-reason").fill("I called the payee.")
    page.locator("#approve-sheet [data-sheet-confirm]").click()

    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    assert steps.held_case(site, run).id == case.id
    page.locator("input[type=password]").fill("not this one")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    page.locator("input[type=password]").fill(site.password)
    page.get_by_role("button", name="Confirm").click()

    page.wait_for_url(f"**/inbox/{case.id}/")
    page.locator("[data-approve]").click()
    expect(page.locator("#approve-sheet-amount")).to_have_value("100,000.00")
    expect(page.locator("#approve-sheet-reason")).to_have_value("I called the payee.")
    page.locator("#approve-sheet [data-sheet-confirm]").click()
    expect(page.locator("#case-outcome")).to_contain_text("approved by reviewer")
    site.wait_for(lambda: steps.actions_of(site, run) == ["executed"])


def test_what_one_person_changed_another_approves_and_the_agent_reads_what_ran(site: Site, page_of) -> None:
    before = steps.payments(site)
    run = _start_paying(site)
    first = steps.held_case(site, run)
    colleague: Page = page_of("reviewer2")
    colleague.goto(f"/inbox/{first.id}/")
    editor: Page = page_of("reviewer")
    _change(editor, first, "8200.00", "A digit too many.")

    # Whoever changed it reads why they cannot approve it, and the old case leads to the new one.
    expect(editor.locator("#case")).to_contain_text("Changed by reviewer")
    expect(editor.locator("[data-approve]")).to_be_disabled()
    expect(editor.locator("#case-because")).to_contain_text("changed")
    expect(colleague.locator("#case-outcome")).to_contain_text("superseded", timeout=SOON)
    expect(colleague.locator("[data-approve]")).to_have_count(0)
    case = steps.held_case(site, run)
    shown = steps.open_case(colleague, case)
    expect(shown.locator(".diff del")).to_have_text("82,000.00 EUR")
    expect(shown.locator(".diff ins")).to_have_text("8,200.00 EUR")
    expect(shown).to_contain_text("A digit too many.")
    button = shown.locator("[data-approve]")
    expect(button).to_have_text("Approve and pay 8,200.00 EUR")
    button.click()

    expect(colleague.locator("#case-outcome")).to_contain_text("approved by reviewer2")
    site.wait_for(lambda: steps.run_of(site, run)["state"] == "succeeded")
    (paid,) = steps.payments(site) - before
    assert "8200.00" in paid.read_text()
    colleague.goto(f"/runs/{run}/outputs/")
    expect(colleague.locator("main")).to_contain_text("reviewer changed this call before it was decided")
    expect(colleague.locator("main")).to_contain_text("8200.00")
