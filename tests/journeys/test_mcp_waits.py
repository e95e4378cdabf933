"""An agent that speaks MCP waits for a person at a browser, goes on when they have approved, and the page shows it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import callers
from tests.fixtures.sites import Site
from tests.journeys import steps
from tests.journeys.test_agents_elsewhere import Elsewhere, call, with_mcp

pytestmark = pytest.mark.processes


def test_an_agent_waits_by_mcp_and_goes_on_when_a_reviewer_has_approved(site: Site, page_of: Any) -> None:
    elsewhere = Elsewhere(site)
    told: Queue[Any] = Queue()

    async def story(client: Any) -> float:
        asked = await call(
            client,
            "request_approval",
            tool="door.pay",
            arguments=callers.PAYMENT,
            reason="It is due.",
            otherwise="The receipt waits.",
        )
        told.put(asked)
        at = {"run": asked["run"], "action": asked["action"]}
        now = asked
        while now["state"] in ("proposed", "held"):
            now = await call(client, "check_approval", wait_seconds=20, **at)
        heard = time.monotonic()
        assert now["state"] == "released", now
        claim = await call(client, "claim_action", digest=now["digest"], **at)
        assert claim["arguments"] == callers.PAYMENT
        due = {"creditor": "treasurer", "consequent": "sends the receipt", "due": "2030-01-01T12:00:00Z"}
        assert (await call(client, "make_commitment", run=asked["run"], **due))["ok"]
        done = await call(client, "report_result", outcome="executed", result={"paid": "82,000.00"}, **at)
        assert done["state"] == "executed", done
        return heard

    with ThreadPoolExecutor(1) as apart:
        agent = apart.submit(with_mcp, elsewhere.courier, story)
        run = told.get(timeout=30)["run"]
        case = steps.held_case(site, run)
        page: Page = page_of("reviewer")
        page.goto(f"{site.url}inbox/{case.id}/")
        expect(page.locator("#case-sentence")).to_contain_text("Pay 82,000.00 EUR to ACME GmbH")
        expect(page.locator("#case-otherwise")).to_contain_text("The receipt waits.")
        button = page.locator("[data-approve]").first
        expect(button).to_have_text("Approve: courier may pay 82,000.00 EUR")
        assert not agent.done()
        button.click()
        clicked = time.monotonic()
        heard = agent.result(timeout=30)

    assert heard - clicked < 3
    expect(page.locator("[data-just-decided]")).to_contain_text("Its agent may claim and do it now.")
    expect(page.locator("#case-outcome")).to_contain_text("executed")
    page = page_of("operator")
    page.goto(f"{site.url}runs/{run}/actions/")
    expect(page.locator("#action-a1")).to_contain_text("executed")
    expect(page.locator("#action-a1")).to_contain_text("approved")
    page.goto(f"{site.url}runs/{run}/outputs/")
    expect(page.locator("#commitments")).to_contain_text("sends the receipt")
