"""The watcher's pages, asked for as each role."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.monitoring import runs

pytestmark = pytest.mark.django_db

TABS = ("", "actions/", "outputs/", "cost/", "log/", "files/")


@pytest.fixture
def browser(client: Client, operator):  # type: ignore[no-untyped-def]
    client.force_login(operator)
    return client


def test_the_overview_of_a_fresh_installation_offers_the_first_step(browser: Client) -> None:
    page = browser.get("/")
    assert page.status_code == 200
    assert "No run yet" in page.text


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_of_a_run_opens(browser: Client, tab: str) -> None:
    run = runs.held_run()
    page = browser.get(f"/runs/{run}/{tab}")
    assert page.status_code == 200
    assert "Watched settlement" in page.text


def test_overview_and_list_show_a_run_that_waits(browser: Client) -> None:
    run = runs.held_run(title="Invoices of May")
    for address in ("/", "/runs/"):
        page = browser.get(address)
        assert page.status_code == 200
        assert run in page.text
        assert "Invoices of May" in page.text
        assert "1 action to be decided" in page.text
