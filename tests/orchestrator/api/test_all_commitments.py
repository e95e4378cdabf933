"""Commitments of all runs: who may read which, by which filter, page by page, at the same cost however many there are."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from tests import callers
from tests.callers import Api, problem_of
from tests.house.exact import exact_record

__all__ = ["exact_record"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("exact_record")]


def commit(caller: Api, run: str, consequent: str, **more: Any) -> str:
    answer = caller.post(
        f"/runs/{run}/commitments", {"creditor": "treasurer", "consequent": consequent, **more}
    )
    assert answer.status_code == 201, answer.content
    name: str = answer.json()["commitment"]
    return name


@pytest.fixture
def other(courier: Api, admin: Any) -> Api:
    """Another agent from elsewhere, with a run of its own."""
    callers.publish_agent("porter")
    return Api(callers.agent_token("porter", by=admin).secret)


@pytest.fixture
def made(courier: Api, run: str, other: Api) -> dict[str, str]:
    """Four commitments in two runs, one of them taken back; the runs by their agents."""
    theirs = other.start(title="Parcels")
    commit(courier, run, "sends the receipt", due="2030-01-01T12:00:00Z")
    commit(courier, run, "calls the bank", antecedent="the invoice is overdue")
    commit(other, theirs, "carries the parcel", creditor="courier")
    name = commit(other, theirs, "sends a photograph")
    other.post(f"/runs/{theirs}/commitments/{name}/cancel", {"reason": "No camera."})
    return {"courier": run, "porter": theirs}


def said(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["consequent"] for one in answer.json()["commitments"]]


ALL = ["sends a photograph", "carries the parcel", "calls the bank", "sends the receipt"]
FILTERS = [
    ("", ALL),
    ("state=created", ALL[1:]),
    ("state=cancelled", ALL[:1]),
    ("state=violated", []),
    ("agent=porter", ALL[:2]),
    ("agent=porter&state=created", ["carries the parcel"]),
    ("agent=nobody", []),
    ("q=send", ["sends a photograph", "sends the receipt"]),
    ("q=overdue", ["calls the bank"]),
    ("q=courier", ["carries the parcel"]),
    ("q=sends+the+rec", ["sends the receipt"]),
    ("q=%27+%26+%21", []),
    ("q=%5C%27+receipt", ["sends the receipt"]),
]


@pytest.mark.parametrize(("asked", "found"), FILTERS)
def test_a_person_reads_commitments_of_all_runs_and_each_filter_narrows_them(
    made: dict[str, str], operator: Any, asked: str, found: list[str]
) -> None:
    person = Api(callers.person_token(operator, "read").secret)
    assert said(person.get(f"/commitments?{asked}")) == found


@pytest.mark.parametrize(("asked", "found"), FILTERS)
def test_the_page_lists_the_same(
    made: dict[str, str], client: Client, operator: Any, asked: str, found: list[str]
) -> None:
    client.force_login(operator)
    page = client.get(f"/runs/commitments/?{asked}").text
    listed = re.findall(r'<th scope="row" class="stack-wide"><a href="[^"]*">([^<]+)</a>', page)
    assert listed == found
    assert ("No commitment fits this filter" in page) is not bool(found)


def test_the_line_says_in_which_run_it_was_made_and_leads_there_at_its_moment(
    made: dict[str, str], client: Client, operator: Any
) -> None:
    person = Api(callers.person_token(operator, "read").secret)
    (line,) = person.get(f"/commitments?run={made['porter']}&state=created").json()["commitments"]
    assert (line["run"], line["run_title"], line["run_state"]) == (made["porter"], "Parcels", "running")
    client.force_login(operator)
    page = client.get(f"/runs/commitments/?run={made['porter']}&state=created").text
    (address,) = re.findall(r'class="stack-wide"><a href="([^"]+)"', page)
    at = line["created_seq"]
    assert address == f"/runs/{made['porter']}/outputs/?at={at}&amp;after={at - 1}#commitments"
    assert "carries the parcel" in client.get(html.unescape(address)).text


def test_the_moment_of_a_run_with_many_shows_the_one_that_led_there(
    courier: Api, run: str, client: Client, operator: Any
) -> None:
    for number in range(26):
        commit(courier, run, f"sends parcel {number}.")
    client.force_login(operator)
    page = client.get("/runs/commitments/").text
    (address,) = re.findall(r'<a href="([^"]+)"[^>]*>sends parcel 25\.', page)
    assert "sends parcel 25." in client.get(html.unescape(address)).text


def test_an_agent_reads_its_own_alone(made: dict[str, str], courier: Api, other: Api) -> None:
    assert said(courier.get("/commitments")) == ALL[2:]
    assert said(other.get("/commitments?q=sends")) == ["sends a photograph"]
    assert said(courier.get("/commitments?agent=porter")) == []
    assert problem_of(courier.get(f"/commitments?run={made['porter']}"))[0] in (403, 404)


@pytest.mark.parametrize(
    "asked", ["state=kept", "limit=0", "limit=1000", "cursor=x", "cursor=2026-01-01T00:00:00Z_x"]
)
def test_a_question_that_cannot_be_answered_is_a_problem(courier: Api, asked: str) -> None:
    assert problem_of(courier.get(f"/commitments?{asked}"))[0] == 422


def test_without_a_token_nothing_is_read(made: dict[str, str]) -> None:
    assert problem_of(Api().get("/commitments"))[0] == 401


def test_pages_follow_each_other_without_a_gap_also_when_more_are_made(
    made: dict[str, str], courier: Api, operator: Any
) -> None:
    person = Api(callers.person_token(operator, "read").secret)
    first = person.get("/commitments?limit=3")
    assert said(first) == ALL[:3]
    commit(courier, made["courier"], "one more")
    rest = person.get(f"/commitments?limit=3&cursor={first.json()['next']}")
    assert (said(rest), rest.json()["next"]) == (ALL[3:], "")


def test_the_page_goes_on_where_it_ended_and_a_torn_cursor_is_the_first_page(
    made: dict[str, str], client: Client, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.queries.commitments_page.PER_PAGE", 3)
    client.force_login(operator)
    page = client.get("/runs/commitments/?q=s").text
    assert "Newest" not in page
    page = client.get("/runs/commitments/").text
    (older,) = re.findall(r'rel="next" href="([^"]+)"', page)
    last = client.get(f"/runs/commitments/{older}").text
    assert "sends the receipt" in last
    assert "calls the bank" not in last
    assert "Newest" in last
    assert "sends a photograph" in client.get("/runs/commitments/?older=%00torn").text


def test_the_agent_that_filters_is_shown_as_chosen_also_when_it_never_committed_itself(
    made: dict[str, str], client: Client, operator: Any
) -> None:
    client.force_login(operator)
    for agent in ("porter", "nobody"):
        page = client.get(f"/runs/commitments/?agent={agent}").text
        assert f'<option value="{agent}" selected>{agent}</option>' in page


def test_before_the_first_one_the_page_says_what_commitments_are(client: Client, operator: Any) -> None:
    client.force_login(operator)
    page = client.get("/runs/commitments/").text
    assert "No commitment yet" in page
    assert "Agents make them over REST or MCP" in page


def test_what_an_agent_commits_itself_to_is_escaped_and_hidden_characters_are_shown(
    courier: Api, run: str, client: Client, operator: Any
) -> None:
    commit(courier, run, "<script>alert(1)</script>\u202epays", creditor="<b>x</b>", antecedent="\u200bif")
    client.force_login(operator)
    page = client.get("/runs/commitments/").text
    assert "<script>alert" not in page
    assert "<b>x</b>" not in page
    assert "\u202e" not in page
    assert "U+202E" in page
    assert "U+200B" in page
