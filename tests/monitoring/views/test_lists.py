"""Overview and Runs: what needs a person comes first, and a filter is an address."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orchestrator.services import runs as services
from tests.monitoring import runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, operator: Any) -> Client:
    client.force_login(operator)
    return client


def _listed(page: str) -> list[str]:
    return re.findall(r'<tr id="run-([0-9a-f-]{36})"', page)


def test_a_fresh_installation_offers_the_first_step(browser: Client) -> None:
    assert "No run yet" in browser.get("/").text
    assert "No run yet" in browser.get("/runs/").text


def test_the_default_gate_is_shown_as_a_fault(browser: Client, settings: Any) -> None:
    assert "No gate is configured" in browser.get("/").text
    settings.COUNTERSIGN_GATE = "approvals.gate.PolicyGate"
    assert "No gate is configured" not in browser.get("/").text


def test_the_overview_counts_what_runs_waits_and_failed(browser: Client) -> None:
    runs.held_run(runs.payment(), runs.payment("Nordwind AG", "12.00"))
    runs.worked(say="raise")
    runs.worked()
    figures = re.findall(r'figure-value">([^<]+)<', browser.get("/").text)
    assert figures == ["2", "2", "1", "0.0126"]


def test_what_stopped_by_a_fault_stands_first_then_what_waits(browser: Client) -> None:
    broken = runs.worked(say="raise")
    waiting = runs.held_run()
    working = runs.start()
    page = browser.get("/").text
    places = [page.index(f"card-{run}") for run in (broken, waiting, working)]
    assert places == sorted(places)
    assert "1 action to be decided" in page


def test_what_is_held_is_listed_with_its_amount(browser: Client) -> None:
    runs.held_run(title="Invoices of May")
    page = browser.get("/").text
    assert "watch.pay: 82,000.00 EUR, ACME GmbH" in page


def test_what_ended_in_the_last_day_is_listed(browser: Client) -> None:
    run = runs.worked(title="All good")
    assert f'id="ended-{run}"' in browser.get("/").text


@pytest.fixture
def some(operator: Any) -> dict[str, str]:
    made = {
        "held": runs.held_run(title="Invoices of May"),
        "done": runs.worked(title="Statement 100%_x"),
        "fault": runs.worked(say="raise", title="Ledger"),
        "steady": runs.start(spec=runs.STEADY, steps=1, by="olivia", title="Counting"),
    }
    made["over"] = runs.held_run(title="Cancelled one")
    services.cancel_run(run=made["over"], reason="wrong", by=operator, now=timezone.now())
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"held", "done", "fault", "steady", "over"}),
        ("state=succeeded", {"done"}),
        ("state=succeeded,cancelled", {"done", "over"}),
        ("state=nonsense", {"held", "done", "fault", "steady", "over"}),
        ("workflow=steady", {"steady"}),
        ("by=olivia", {"steady"}),
        ("attention=yes", {"held", "fault"}),
        ("q=invoices", {"held"}),
        ("q=100%25_x", {"done"}),
        ("q=%25", {"done"}),
        ("q=steady+work", {"steady"}),
        ("q=%00", {"held", "done", "fault", "steady", "over"}),
        ("q=nothing+like+it", set()),
        ("state=waiting&by=olivia", set()),
    ],
)
def test_a_filter_is_an_address(browser: Client, some: dict[str, str], query: str, found: set[str]) -> None:
    page = browser.get(f"/runs/?{query}").text
    assert {name for name, run in some.items() if run in _listed(page)} == found
    if not found:
        assert "No run fits this filter" in page


def test_a_run_is_found_by_the_beginning_of_its_id(browser: Client, some: dict[str, str]) -> None:
    page = browser.get(f"/runs/?q={some['done'][:9].upper()}").text
    assert _listed(page) == [some["done"]]


def test_pages_follow_a_cursor_and_show_every_run_once(browser: Client) -> None:
    made = [runs.start(title=f"Run {number}") for number in range(53)]
    first = browser.get("/runs/").text
    assert "50 of 53" in first
    older = re.findall(r'rel="next" href="\?([^"]+)"', first)[0].replace("&amp;", "&")
    second = browser.get(f"/runs/?{older}").text
    assert _listed(first) + _listed(second) == list(reversed(made))
    assert browser.get("/runs/?older=nonsense").status_code == 200


def test_the_list_asks_no_more_for_many_runs_than_for_few(
    browser: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        runs.start(title=f"Run {number}")
    for address, most in (("/runs/", 12), ("/", 26)):
        browser.get(address)
        with django_assert_max_num_queries(most):
            browser.get(address)


def test_hostile_titles_are_text_in_lists(browser: Client) -> None:
    runs.held_run(runs.payment(runs.HOSTILE), title=runs.HOSTILE)
    for address in ("/", "/runs/", f"/runs/?q={runs.HOSTILE[:12]}&by={runs.HOSTILE[:12]}"):
        page = browser.get(address).text
        assert "<script>alert" not in page


def test_an_address_that_no_column_can_hold_is_a_bad_request_and_no_fault_of_ours(browser: Client) -> None:
    assert browser.get("/runs/", {"workflow": "\0"}).status_code == 400
