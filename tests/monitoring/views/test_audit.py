"""Audit: every event is found by who, what and when; a page follows a cursor; a chain goes to the effect."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from monitoring.queries.audit_page import cursor_of, place_of
from monitoring.queries.audit_search import Place
from orchestrator import eventlog, ports, sql
from tests.monitoring import runs
from tests.orchestrator.runs import settle

transactional = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(client: Client, admin: Any) -> Client:
    client.force_login(admin)
    return client


def look(client: Client, address: str) -> Any:
    """A page of the search, once what was committed may be read across streams."""
    settle()
    return client.get(address)


def _rows(page: str) -> list[tuple[str, int]]:
    return [(stream, int(seq)) for stream, seq in re.findall(r'<tr id="event-([0-9a-f-]{36})-(\d+)"', page)]


def _types(page: str) -> set[str]:
    return set(re.findall(r'<code class="quiet">([a-z_.]+)</code>', page))


@transactional
def test_events_are_found_by_person_agent_action_time_kind_and_words(browser: Client) -> None:
    assert "Nothing is recorded yet" in look(browser, "/audit/").text
    held = runs.held_run(title="Invoices of May")
    runs.release(held)
    other = runs.start(spec=runs.STEADY, steps=1, by="olivia", title="Counting")
    everything = look(browser, "/audit/").text
    assert len(_rows(everything)) == eventlog.head_of(held) + eventlog.head_of(other)
    found = {
        "person=olivia": {"run.started"},
        "person=reviewer": {"action.released"},
        "person=nobody": set(),
        "agent=counter": {"turn.requested"},
        "tool=watch.pay": {"action.proposed", "action.held", "action.released"},
        "what=action.held": {"action.held"},
        "what=belief": {"belief.asserted"},
        "what=action&person=reviewer": {"action.released"},
        "what=nonsense": set(),
        "q=invoices+may": {"run.started"},
        "q=INVOICES+june": set(),
        "q=acme&what=action.proposed": {"action.proposed"},
        f"q={held[:11]}&what=run": {"run.started"},
        f"stream={other}": {"run.started", "turn.requested"},
        "until=2020-01-01": set(),
        "since=2020-01-01&what=action.held": {"action.held"},
        "since=2999-01-01": set(),
    }
    for query, types in found.items():
        page = look(browser, f"/audit/?{query}").text
        assert _types(page) == types, query
        assert ("No event fits this search" in page) == (not types), query


@transactional
def test_an_address_that_cannot_be_read_leaves_that_part_out_and_says_so(browser: Client) -> None:
    runs.start()
    for query in ("since=yesterday", "until=2026-02-31", "since=0001-01-01", "until=9999-12-31", "stream=a1"):
        page = look(browser, f"/audit/?{query}").text
        assert ("Part of the search was left out" in page) or _rows(page), query
    for query in ("before=x", "before=2026-01-01~a~b", "q=%00", "person=%00", f"q={'x' * 5000}"):
        assert look(browser, f"/audit/?{query}").status_code == 200, query


@pytest.mark.parametrize(
    "text", ["", "x", "~~", "2026-01-01T00:00:00~4fc976ae-35da-5988-93eb-840d842ec9d1~1"]
)
def test_what_is_no_cursor_begins_at_the_newest(text: str) -> None:
    assert place_of(text) is None


def test_a_cursor_names_its_place() -> None:
    import datetime as dt

    place = Place(dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC), "4fc976ae-35da-5988-93eb-840d842ec9d1", 7)
    assert place_of(cursor_of(place)) == place


@transactional
def test_pages_follow_a_cursor_and_show_every_event_once_newest_first(browser: Client) -> None:
    run = runs.long_run(130)
    seen: list[tuple[str, int]] = []
    address = "?"
    while address:
        page = look(browser, f"/audit/{address}").text
        seen += _rows(page)
        older = re.findall(r'rel="next" href="([^"]+)"', page)
        address = older[0].replace("&amp;", "&") if older else ""
    assert seen == [(run, seq) for seq in range(130, 0, -1)]


@transactional
def test_what_an_agent_wrote_is_shown_and_never_run(browser: Client) -> None:
    run = runs.held_run(runs.payment(payee=runs.HOSTILE), title=runs.HOSTILE, say=runs.HOSTILE)
    for address in ("/audit/", "/audit/?q=script", f"/audit/actions/{run}/a1/"):
        page = look(browser, address).text
        assert "<script>alert" not in page
        assert "{{ 7" in page
        assert "U+202E" in page


@transactional
def test_an_event_that_was_tampered_with_is_still_shown(browser: Client) -> None:
    run = runs.held_run()
    look(browser, "/audit/")
    sql.run(
        "UPDATE orchestrator_event SET payload='{\"turn\":7}'::json WHERE stream_id=$1::uuid AND seq=2", [run]
    )
    sql.run("DELETE FROM orchestrator_event WHERE stream_id=$1::uuid AND seq=3", [run])
    page = look(browser, "/audit/").text
    assert (run, 2) in _rows(page)
    assert page.count("no longer in the record") == 1


@transactional
def test_whoever_may_not_see_a_kind_of_stream_does_not_find_it(client: Client, operator: Any) -> None:
    from django.contrib.auth.models import Permission

    runs.start()
    operator.groups.clear()
    operator.user_permissions.add(Permission.objects.get(codename="view_audit"))
    client.force_login(operator)
    assert _rows(look(client, "/audit/").text) == []
    operator.user_permissions.add(Permission.objects.get(codename="view_run"))
    assert len(_rows(look(client, "/audit/").text)) == 2


@transactional
def test_the_entries_can_be_made_anew_and_say_the_same(browser: Client) -> None:
    from django.core.management import call_command

    runs.held_run()
    before = _rows(look(browser, "/audit/").text)
    call_command("index_audit", again=True, stdout=None)
    assert _rows(look(browser, "/audit/").text) == before != []


# ---- the chain ----
@pytest.fixture
def gate(settings: Any, _holding: None) -> None:
    settings.COUNTERSIGN_GATE = "approvals.gate.PolicyGate"
    ports.gate.cache_clear()


@pytest.mark.django_db
def test_a_chain_goes_from_the_goal_to_the_effect_with_numbers_hashes_and_people(
    gate: None, browser: Client, operator: Any, reviewer: Any
) -> None:
    from django.utils import timezone

    from approvals.models import ApprovalRequest
    from approvals.services import sign_offs
    from orchestrator.services import effects

    run = runs.held_run(title="Invoices of May")
    request = ApprovalRequest.objects.get(run=run)
    sign_offs.sign_off(
        request=str(request.id), by=reviewer, verb="approve", seen_digest=request.digest,
        seen_version=request.version, reason="The goods have arrived", opened_at=timezone.now(), now=timezone.now(),
    )  # fmt: skip
    effects.advance_run(run=run)
    page = browser.get(f"/audit/actions/{run}/a1/").text
    parts = re.findall(r'<span class="chain-part">([^<]+)</span>', page)
    wanted = ["Goal and input", "Turn", "Answer", "Assertions", "Verdict", "Turn", "Answer", "Proposed action",
              "Assessment", "Request", "Sign-off", "Release", "Claim", "Result"]  # fmt: skip
    places = iter(parts)
    assert all(part in places for part in wanted), parts
    for words in (
        "Invoices of May", "invoice 7", "7.xml", "ACME GmbH has to be paid", "The goods have arrived",
        request.digest, "Excluded", "operator: ", "Policy", "reviewer", "Was shown", "Claimed the digest", "version 1",
        str(request.id),
    ):  # fmt: skip
        assert words in page, words
    for event in eventlog.events_after(run, 0):
        if event.type.startswith("action."):
            assert bytes(event.hash).hex() in page, event.type
    for event in eventlog.events_after(str(request.id), 0):
        assert bytes(event.hash).hex() in page, event.type


@pytest.mark.django_db
def test_a_chain_says_who_broke_the_glass_and_what_was_asked_before_what_that_led_to(
    gate: None, browser: Client, operator: Any, reviewer: Any, django_user_model: Any
) -> None:
    from django.contrib.auth.models import Group
    from django.utils import timezone

    from approvals.models import ApprovalRequest
    from approvals.services import break_glass, questions
    from orchestrator.services import effects

    run = runs.held_run()
    request = ApprovalRequest.objects.get(run=run)
    questions.ask(request=str(request.id), by=reviewer, text="Which order?", now=timezone.now())
    for name in ("chief1", "chief2"):
        person = django_user_model.objects.create(username=name)
        person.groups.add(Group.objects.get(name="admin"))
        request.refresh_from_db()
        break_glass.call(
            request=str(request.id), by=person, reason=f"{name} knows the bank", seen_digest=request.digest,
            seen_version=request.version, seen_call="" if name == "chief1" else "chief1", now=timezone.now(),
        )  # fmt: skip
    effects.advance_run(run=run)

    page = browser.get(f"/audit/actions/{run}/a1/").text

    parts = re.findall(r'<span class="chain-part">([^<]+)</span>', page)
    after = parts[parts.index("Assessment") :]
    assert [part for part in after if part != "Answer to a question"] == [
        "Assessment", "Request", "Question", "Question", "Break-glass", "Break-glass", "Release", "Claim", "Result",
    ], after  # fmt: skip
    assert "Person affected" not in page
    assert page.count(request.digest) >= 4
    for words in ("chief1 knows the bank", "chief2 knows the bank", "admin, chief1, chief2", "Which order?"):
        assert words in page, words


@pytest.mark.django_db
def test_a_chain_shows_requests_to_whoever_may_see_requests(
    gate: None, client: Client, operator: Any
) -> None:
    from django.contrib.auth.models import Permission

    run = runs.held_run()
    operator.groups.clear()
    for name in ("view_audit", "view_run"):
        operator.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(operator)
    page = client.get(f"/audit/actions/{run}/a1/").text
    assert "held for a person" in page
    assert "Sign-off asked for" not in page


@pytest.mark.django_db
def test_a_chain_of_what_was_erased_says_so(browser: Client) -> None:
    run = runs.held_run(say="x" * 5000)
    sql.run("UPDATE orchestrator_blob SET data=NULL, erased_because='Asked for by the person'")
    page = browser.get(f"/audit/actions/{run}/a1/").text
    assert "This content was erased: Asked for by the person" in page


@pytest.mark.django_db
def test_a_chain_that_is_not_there_is_not_found(browser: Client) -> None:
    run = runs.start()
    assert browser.get(f"/audit/actions/{run}/a9/").status_code == 404
    assert browser.get("/audit/actions/00000000-0000-0000-0000-000000000000/a1/").status_code == 404


@transactional
def test_what_was_done_to_people_is_said_and_leads_to_them_for_who_may_see_them(
    browser: Client, admin: Any, operator: Any
) -> None:
    from django.utils import timezone

    from approvals.services import delegations
    from config import staff

    staff.set_roles(username="operator", roles=["reviewer"], by=admin, now=timezone.now())
    made = delegations.set_delegation(
        person="operator", is_leave=True, until=timezone.now() + delegations.dt.timedelta(days=1),
        reason="<b>ill", by=admin, now=timezone.now(),
    )  # fmt: skip
    page = look(browser, "/audit/?what=person").text
    assert "The roles of operator were set" in page
    assert 'href="/people/operator/"' in page
    page = look(browser, f"/audit/?stream={made.id}").text
    assert "operator is on leave" in page
    assert "“&lt;b&gt;ill”" in page
    assert 'href="/delegations/"' in page
    assert f"/inbox/{made.id}/" not in page
    for what in ("person", "delegation.set"):
        assert f'value="{what}"' in page
    browser.force_login(operator)
    seen = look(browser, "/audit/?what=person").text
    assert "The roles of operator were set" in seen
    assert 'href="/people/operator/"' not in seen


@transactional
def test_a_person_is_found_where_they_acted_and_where_it_is_about_them_and_each_line_says_which(
    browser: Client, reviewer: Any
) -> None:
    browser.post("/people/new/", {"username": "rosa", "name": "Rosa", "roles": ["reviewer"]})
    browser.post("/people/rosa/", {"do": "deactivate"})
    page = look(browser, "/audit/?person=rosa").text
    assert _types(page) == {"person.invited", "person.deactivated"}
    assert "rosa named: whom it was done to" in page
    assert _types(look(browser, "/audit/?person=rosa&what=person.invited").text) == {"person.invited"}
    mine = look(browser, "/audit/?person=admin&what=person").text
    assert _types(mine) == {"person.invited", "person.deactivated"}
    assert "admin acted" in mine
    assert "named:" not in mine
    assert _types(look(browser, "/audit/?person=rosa&q=reviewer").text) == {"person.invited"}
