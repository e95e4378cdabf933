"""The Run page: what it says of each state, and that nothing an agent or a file says is ever run."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orchestrator import eventlog, sql
from orchestrator.services import files
from orchestrator.services import runs as services
from tests.monitoring import runs

pytestmark = pytest.mark.django_db


class Shown(HTMLParser):
    """What a reader sees of a page, and what a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        kinds = dict(attributes)
        if tag == "script" and kinds.get("type") == "application/json":
            self.inside = "data"

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside != "data":
            self.texts.append(data)


TABS = ("", "actions/", "outputs/", "cost/", "log/", "files/")


@pytest.fixture
def browser(client: Client, operator: Any) -> Client:
    client.force_login(operator)
    return client


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_for_every_role(
    client: Client, tab: str, operator: Any, reviewer: Any, admin: Any
) -> None:
    run = runs.held_run()
    for person in (operator, reviewer, admin):
        client.force_login(person)
        page = client.get(f"/runs/{run}/{tab}")
        assert page.status_code == 200
        assert "Watched settlement" in page.text


@pytest.mark.parametrize(
    "address", ["/", "/runs/", "/runs/{run}/", "/runs/{run}/events", "/runs/{run}/files/1"]
)
def test_nobody_looks_without_signing_in_or_without_the_permission(
    client: Client, django_user_model: Any, address: str
) -> None:
    address = address.format(run=runs.held_run())
    assert client.get(address).status_code == 302
    client.force_login(django_user_model.objects.create_user("stranger"))
    assert client.get(address).status_code == 403


def test_a_run_that_does_not_exist_is_not_found(browser: Client) -> None:
    for tab in (*TABS, "events", "events/1/"):
        assert browser.get(f"/runs/00000000-0000-4000-8000-000000000000/{tab}").status_code == 404


def test_only_who_may_control_sees_the_controls(client: Client, operator: Any, reviewer: Any) -> None:
    run = runs.held_run()
    client.force_login(operator)
    assert 'id="run-pause"' in client.get(f"/runs/{run}/").text
    client.force_login(reviewer)
    page = client.get(f"/runs/{run}/").text
    assert 'id="run-pause"' not in page
    assert "cancel-sheet" not in page


def test_a_run_that_is_over_offers_no_control(browser: Client) -> None:
    page = browser.get(f"/runs/{runs.worked()}/").text
    assert 'id="run-cancel"' not in page
    assert "succeeded" in page


def test_a_stage_says_in_its_agents_words_how_it_went_now_and_as_it_was(browser: Client) -> None:
    said = "0 passed, 22 rejected. " + "More. " * 40
    run = runs.held_run(say=said)
    quoted = f'<q class="strip-said">{said[:119]}…</q>'
    assert quoted in browser.get(f"/runs/{run}/").text
    assert quoted in browser.get(f"/runs/{run}/?at={eventlog.load(run, fresh=True).head}").text
    assert "strip-said" not in browser.get(f"/runs/{run}/?at=2").text


def test_a_fault_says_what_happened_what_was_kept_and_what_to_do(browser: Client) -> None:
    page = browser.get(f"/runs/{runs.worked(say='raise')}/").text
    assert "The run paused because something failed" in page
    assert "The ledger is on fire" in page
    assert "Kept: 0 of 3 stages passed" in page
    assert "Resume to let it try again" in page
    assert 'id="run-resume"' in page


@pytest.mark.parametrize("tab", [*TABS, "?event=3", "events/1/", "events/3/", "events/8/"])
def test_what_agents_and_files_say_is_text_and_hidden_characters_are_seen(browser: Client, tab: str) -> None:
    run = runs.held_run(
        runs.payment(runs.HOSTILE, "1.00"),
        title=runs.HOSTILE,
        say=runs.HOSTILE,
        files=[{"name": runs.HOSTILE, "digest": "0" * 64, "size": 1, "media_type": runs.HOSTILE}],
    )
    for headers in ({}, {"X-Fragments": "1"}, {"HX-Request": "true"}):
        page = browser.get(f"/runs/{run}/{tab}", headers=headers).text
        shown = Shown()
        shown.feed(page)
        assert "alert(1)" not in "".join(shown.scripts).replace(json.dumps(runs.HOSTILE)[1:-1], "")
        assert not {"\u202e", "\u200b", "\x07"} & set("".join(shown.texts))
        assert "{{ 7" in "".join(shown.texts) or "7|add" not in page


def test_the_raw_record_of_an_event_is_whole_and_its_hash_is_shown(browser: Client) -> None:
    run = runs.held_run()
    page = browser.get(f"/runs/{run}/events/1/")
    assert "spec_digest" in page.text
    assert "Run started" in page.text
    assert browser.get(f"/runs/{run}/events/9999/").status_code == 404


def test_an_event_leads_to_its_cause_and_to_what_followed(browser: Client) -> None:
    run = runs.held_run()
    page = browser.get(f"/runs/{run}/events/8/", headers={"HX-Request": "true"}).text
    assert "payer proposes watch.pay" in page
    assert f"/runs/{run}/events/7/" in page
    assert "watch.pay held for a person" in page
    assert "<html" not in page


def test_the_chain_of_an_action_runs_from_its_goal_to_its_result(browser: Client) -> None:
    run = runs.held_run()
    runs.release(run)
    page = browser.get(f"/runs/{run}/actions/").text
    places = [
        page.index(f'class="chain-part">{part}<')
        for part in ("Goal", "Turn", "Answer", "Proposal", "Gate", "Sign-off")
    ]
    assert places == sorted(places)
    assert "signed by reviewer" in page
    assert "The goods have arrived" in page


@pytest.mark.parametrize("tab", TABS)
def test_a_page_asks_no_more_for_many_than_for_few(
    browser: Client, tab: str, django_assert_max_num_queries: Any
) -> None:
    run = runs.held_run(*[runs.payment(f"Payee {number}", "12.50") for number in range(20)])
    browser.get(f"/runs/{run}/{tab}")
    with django_assert_max_num_queries(26):
        assert browser.get(f"/runs/{run}/{tab}").status_code == 200


def test_a_long_run_opens_with_its_last_events_and_gives_the_others_by_cursor(browser: Client) -> None:
    run = runs.long_run(10_000)
    page = browser.get(f"/runs/{run}/")
    assert len(page.content) < 100_000
    assert 'data-live-cursor="10000"' in page.text
    assert '"seq": 9801' in page.text
    assert '"seq": 9800' not in page.text
    older = browser.get(f"/runs/{run}/events?before=9801&limit=500").json()
    assert [event["seq"] for event in older["events"]] == list(range(9301, 9801))
    newer = browser.get(f"/runs/{run}/events?after=9990").json()
    assert (newer["head"], [event["seq"] for event in newer["events"]]) == (10_000, list(range(9991, 10_001)))


@pytest.mark.parametrize("query", ["limit=x", "after=-5", "before=99999999999999999999", "limit=0"])
def test_an_address_that_makes_no_sense_is_answered_all_the_same(browser: Client, query: str) -> None:
    assert browser.get(f"/runs/{runs.worked()}/events?{query}").status_code == 200


def test_an_input_file_is_saved_and_never_shown(browser: Client) -> None:
    kept = files.keep_files(files=[('in"voice\u202e.html', b"<script>alert(1)</script>")])
    run = runs.start(files=kept)
    answer = browser.get(f"/runs/{run}/files/1")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert browser.get(f"/runs/{run}/files/2").status_code == 404


def test_outputs_and_content_of_events_are_saved_whole(browser: Client) -> None:
    run = runs.worked(say="x" * 9000)
    for address in ("outputs/read.json", "events/3/output.json"):
        assert json.loads(browser.get(f"/runs/{run}/{address}").content)["said"] == "x" * 9000
    assert browser.get(f"/runs/{run}/outputs/nothing.json").status_code == 404
    assert browser.get(f"/runs/{run}/events/3/spec.json").status_code == 404


def test_a_cost_that_is_not_known_is_not_shown_as_nothing(browser: Client) -> None:
    run = runs.worked(say="unpriced")
    page = browser.get(f"/runs/{run}/cost/").text
    assert "unknown" in page


def test_the_moving_parts_come_alone_when_the_page_asks_for_them(browser: Client) -> None:
    run = runs.held_run()
    parts = browser.get(f"/runs/{run}/actions/", headers={"X-Fragments": "1"})
    assert "<html" not in parts.text
    for part in ("run-lede", "run-controls", "run-notice", "run-strip", "run-now", "run-tabs", "run-body"):
        assert f'id="{part}"' in parts.text
    assert "no-store" in parts["Cache-Control"]


def test_a_paused_run_says_why_and_offers_to_resume(browser: Client, operator: Any) -> None:
    run = runs.held_run()
    services.pause_run(run=run, reason="The auditor is here", by=operator, now=timezone.now())
    page = browser.get(f"/runs/{run}/").text
    assert "The auditor is here" in page
    assert 'id="run-resume"' in page
    assert 'id="run-pause"' not in page


def test_an_event_number_beyond_every_log_is_a_bad_request(client: Client, operator: Any) -> None:
    client.force_login(operator)
    run = runs.start()
    assert client.get(f"/runs/{run}/events/{10**30}/").status_code == 400


@pytest.mark.parametrize("whole", [True, False])
def test_a_run_whose_content_was_erased_is_still_shown(client: Client, operator: Any, whole: bool) -> None:
    listed = files.keep_files(files=[(f"{number}.xml", b"%d" % number) for number in range(40)])
    run = runs.held_run(files=listed)
    lost = "TRUE" if whole else f"digest = '{listed[3]['digest']}'"
    sql.run(f"UPDATE orchestrator_blob SET data=NULL, erased_because='Her wish' WHERE {lost}")
    client.force_login(operator)

    for tab in ("", "actions/", "outputs/", "cost/", "log/", "files/"):
        assert client.get(f"/runs/{run}/{tab}").status_code == 200, tab

    page = client.get(f"/runs/{run}/files/").text
    assert page.count("This content was erased: Her wish") == 1
    assert page.count("Download<span") == (0 if whole else 39)
