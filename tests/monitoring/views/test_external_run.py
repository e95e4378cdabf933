"""Pages of an external run: no stages are claimed, and who it was is said."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import callers
from tests.approvals.runs import work
from tests.callers import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def courier(admin: Any) -> Api:
    callers.publish_agent(owner=admin.username)
    return Api(callers.agent_token(by=admin).secret)


@pytest.fixture
def held(courier: Api) -> str:
    run = courier.start(title="Bring it <b>now</b>")
    courier.propose(run)
    work(run, ("assess",))
    return run


def test_the_run_says_that_its_agent_works_elsewhere(client: Client, operator: Any, held: str) -> None:
    client.force_login(operator)
    for tab in ("", "actions/", "outputs/", "cost/", "log/", "files/"):
        shown = client.get(f"{reverse('monitoring:run', args=[held])}{tab}").content.decode()
        assert "External run" in shown
        assert "agent courier" in shown
        assert "Stages of the run" not in shown
        assert "<b>now</b>" not in shown


def test_lists_show_it_without_stages(client: Client, operator: Any, courier: Api, held: str) -> None:
    client.force_login(operator)
    courier.start(title="Still at it")
    listed = client.get(reverse("monitoring:runs")).content.decode()
    assert "its agent, elsewhere" in listed
    assert "1 action to be decided" in listed
    assert "agent courier" in client.get(reverse("monitoring:overview")).content.decode()


def test_its_output_is_shown_when_it_has_ended(client: Client, operator: Any, courier: Api) -> None:
    run = courier.start()
    courier.post(f"/runs/{run}/finish", {"output": {"brought": "everything"}})
    client.force_login(operator)
    shown = client.get(reverse("monitoring:run_outputs", args=[run])).content.decode()
    assert "everything" in shown
    assert "0 of 0" not in shown


def test_what_its_agent_committed_itself_to_is_shown_as_it_stands_and_as_it_stood(
    client: Client, operator: Any, courier: Api
) -> None:
    run = courier.start()
    outputs = reverse("monitoring:run_outputs", args=[run])
    client.force_login(operator)
    assert "Commitments" not in client.get(outputs).content.decode()
    made = {
        "creditor": "<b>rita</b>",
        "consequent": "sends it",
        "antecedent": "it is dry",
        "premises": ["rain"],
    }
    courier.post(f"/runs/{run}/commitments", {**made, "due": "2027-01-01T12:00:00Z"})
    courier.post(f"/runs/{run}/commitments/c2/discharge", {"text": "Sent <i>today</i>."})
    shown = client.get(outputs).content.decode()
    for words in (
        "sends it",
        "if it is dry",
        "because rain",
        "&lt;b&gt;rita",
        "discharged",
        "&lt;i&gt;today",
    ):
        assert words in shown
    before = client.get(f"{outputs}?at=2").content.decode()
    assert ("stands" in before, "discharged" in before) == (True, False)


def test_many_commitments_are_paged(client: Client, operator: Any, courier: Api) -> None:
    run = courier.start()
    for number in range(26):
        courier.post(f"/runs/{run}/commitments", {"creditor": "rita", "consequent": f"sends {number}."})
    client.force_login(operator)
    outputs = reverse("monitoring:run_outputs", args=[run])
    first = client.get(outputs).content.decode()
    assert ("25 of 26" in first, "sends 24." in first, "sends 25." in first) == (True, True, False)
    rest = client.get(f"{outputs}?after=26").content.decode()
    assert ("sends 24." in rest, "sends 25." in rest) == (False, True)
