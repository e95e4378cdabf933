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
