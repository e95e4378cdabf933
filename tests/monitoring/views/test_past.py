"""A run as it was: the fold up to an event is what the rows were then, and the page of it cannot act."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orchestrator.queries import watching as queries
from orchestrator.services import runs as services
from tests.monitoring import runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, operator: Any) -> Client:
    client.force_login(operator)
    return client


def test_at_its_last_event_the_past_is_the_present(operator: Any) -> None:
    run = runs.held_run(runs.payment(), runs.payment("Müller KG", "12.5"), say="unpriced")
    runs.release(run)
    services.pause_run(run=run, reason="The auditor is here", by=operator, now=timezone.now())
    past, now = queries.as_it_was(run, 10_000), queries.run_detail(run)
    assert (past.seq, past.detail) == (now.head, now)
    assert past.action_page() == queries.action_page(run)
    assert past.action_page(limit=1) == queries.action_page(run, limit=1)
    assert past.action_page(state="held") == queries.action_page(run, state="held")
    assert past.turn_page() == queries.turn_page(run)
    assert past.turn_page(after=2, limit=1) == queries.turn_page(run, after=2, limit=1)
    assert past.agent_costs() == queries.agent_costs(run)


def test_each_event_finds_the_run_as_it_stood_then() -> None:
    """The same steps, asked while they happen and afterwards."""
    run = runs.start(payments=[runs.payment()])
    then = {queries.run_detail(run).head: queries.run_detail(run)}
    runs.effects.advance_run(run=run)
    held = queries.run_detail(run)
    then[held.head] = held
    runs.release(run)
    then[held.head + 1] = queries.run_detail(run)
    runs.effects.advance_run(run=run)
    then[queries.run_detail(run).head] = queries.run_detail(run)
    assert {seen.card.held for seen in then.values()} == {0, 1}
    for seq, seen in then.items():
        found = queries.as_it_was(run, seq).detail
        assert (found.card, found.stages, found.out) == (seen.card, seen.stages, seen.out)


def test_a_run_that_never_was_has_no_past() -> None:
    from orchestrator.queries.runs import UnknownRun

    with pytest.raises(UnknownRun):
        queries.as_it_was("00000000-0000-4000-8000-000000000000", 5)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2", "event 2 of {head}"),
        ("{head}", "event {head} of {head}"),
        ("99999999999999999999", "event {head} of {head}"),
    ],
)
def test_the_page_says_which_moment_it_shows(browser: Client, at: str, words: str) -> None:
    run = runs.held_run()
    head = queries.run_detail(run).head
    page = browser.get(f"/runs/{run}/?at={at.format(head=head)}").text
    assert "As it was at" in page
    assert words.format(head=head) in page
    assert "Back to now" in page


@pytest.mark.parametrize("at", ["0", "", "-3", "yesterday"])
def test_an_event_that_is_no_number_shows_the_run_as_it_is(browser: Client, at: str) -> None:
    page = browser.get(f"/runs/{runs.held_run()}/?at={at}").text
    assert "As it was at" not in page
    assert 'id="run-pause"' in page


@pytest.mark.parametrize("tab", ["", "actions/", "outputs/", "cost/", "log/", "files/"])
def test_nothing_acts_or_moves_in_the_past(browser: Client, tab: str) -> None:
    page = browser.get(f"/runs/{runs.unconfirmed_run()}/{tab}?at=12").text
    for acting in ("run-pause", "run-cancel", "cancel-sheet", "data-refresh-on", "/ws/live/", "happened-a1"):
        assert acting not in page
    tabs = re.search(r'<div id="run-tabs">.*?</div>', page, re.S)
    assert tabs is not None
    assert tabs.group().count("?at=12") == 6


def test_the_page_shows_states_and_counts_of_that_moment(browser: Client) -> None:
    run = runs.held_run()
    held = queries.run_detail(run).head
    runs.release(run)
    page = browser.get(f"/runs/{run}/actions/?at={held}").text
    assert "1 action waits for a person" in page
    assert "watch.pay held for a person" in page
    assert "watch.pay released" not in page
    assert "watch.pay released" in browser.get(f"/runs/{run}/actions/").text
    early = browser.get(f"/runs/{run}/outputs/?at=2").text
    assert "No accepted output yet" in early
    assert browser.get(f"/runs/{run}/outputs/read.json?at=2").status_code == 404
    assert browser.get(f"/runs/{run}/outputs/read.json").status_code == 200


def test_looking_back_on_ten_thousand_events_takes_a_moment_and_costs_the_page_of_now_nothing(
    browser: Client, django_assert_max_num_queries: Any
) -> None:
    run = runs.long_run(10_000)
    with django_assert_max_num_queries(40):
        page = browser.get(f"/runs/{run}/?at=9000")
    assert "event 9000 of 10000" in page.text
    assert '"seq": 9000' in page.text
    assert '"seq": 9001' not in page.text
    assert len(page.content) < 100_000
    browser.get(f"/runs/{run}/")
    with django_assert_max_num_queries(26):
        assert browser.get(f"/runs/{run}/").status_code == 200
