"""A person's control of a run over HTTP: who may, what is asked for, what the answer says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tests.monitoring import runs
from tests.monitoring.conftest import _holding

__all__ = ["_holding"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client, operator: Any) -> Client:
    client.force_login(operator)
    return client


def _post(client: Client, run: str, verb: str, **fields: str) -> Any:
    return client.post(f"/runs/{run}/{verb}", fields, headers={"HX-Request": "true"})


def test_a_run_is_paused_and_resumed_with_the_reason_on_record(browser: Client) -> None:
    run = runs.start()
    answer = _post(browser, run, "pause", reason="The auditor is here")
    assert answer.status_code == 204
    assert json.loads(answer["HX-Trigger"])["toast"]["tone"] == "success"
    assert (runs.state_of(run).status, runs.state_of(run).reason) == ("paused", "The auditor is here")
    assert _post(browser, run, "resume").status_code == 204
    assert runs.state_of(run).status == "running"


def test_a_run_is_cancelled_and_what_waited_is_void(browser: Client) -> None:
    run = runs.held_run()
    assert _post(browser, run, "cancel", reason="Wrong folder").status_code == 204
    assert runs.state_of(run).status == "cancelled"
    assert runs.state_of(run).actions == {}


def test_a_reason_that_no_column_holds_keeps_nobody_from_cancelling(browser: Client) -> None:
    run = runs.held_run()
    assert _post(browser, run, "cancel", reason="Wrong\0folder").status_code == 204
    assert runs.state_of(run).status == "cancelled"


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_reason_is_needed(browser: Client, verb: str) -> None:
    run = runs.start()
    answer = _post(browser, run, verb, reason="  ")
    assert answer.status_code == 409
    assert "A reason is needed" in answer.text
    assert runs.state_of(run).status == "running"


def test_a_plain_form_leads_back_to_the_run(browser: Client) -> None:
    run = runs.start()
    answer = browser.post(f"/runs/{run}/pause", {"reason": "lunch"})
    assert (answer.status_code, answer["Location"]) == (302, f"/runs/{run}/")


def test_what_is_over_stays_over(browser: Client) -> None:
    run = runs.worked()
    for verb in ("pause", "resume", "cancel"):
        answer = _post(browser, run, verb, reason="late")
        assert answer.status_code == 409
        assert "succeeded" in answer.text


def test_a_run_that_does_not_exist_is_not_found(browser: Client) -> None:
    assert _post(browser, "00000000-0000-4000-8000-000000000000", "pause", reason="x").status_code == 404


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "actions/a1/confirm"])
def test_looking_is_not_controlling(client: Client, reviewer: Any, verb: str) -> None:
    run = runs.held_run()
    assert client.post(f"/runs/{run}/{verb}").status_code == 302
    client.force_login(reviewer)
    assert client.post(f"/runs/{run}/{verb}", {"reason": "x", "executed": "yes"}).status_code == 403
    assert client.get(f"/runs/{run}/{verb}").status_code == 405
    assert runs.state_of(run).status == "running"


def test_a_form_of_another_site_changes_nothing(operator: Any) -> None:
    run = runs.start()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    assert strict.post(f"/runs/{run}/pause", {"reason": "x"}).status_code == 403
    assert runs.state_of(run).status == "running"


@pytest.mark.parametrize(("answer", "became"), [("yes", "executed"), ("no", "failed")])
def test_what_is_unconfirmed_is_settled_by_who_found_out(browser: Client, answer: str, became: str) -> None:
    run = runs.unconfirmed_run()
    assert _post(browser, run, "actions/a1/confirm", reason="x").status_code == 409
    assert _post(browser, run, "actions/a1/confirm", executed=answer, reason="").status_code == 409
    said = _post(browser, run, "actions/a1/confirm", executed=answer, reason="The bank says so")
    assert said.status_code == 204
    assert runs.state_of(run).actions == {}
    page = browser.get(f"/runs/{run}/actions/").text
    assert f'data-state="{became}"' in page
    assert "confirmed by operator" in page


def test_the_person_it_was_given_to_may_settle_it_without_controlling_runs(
    client: Client, reviewer: Any, django_user_model: Any
) -> None:
    run = runs.unconfirmed_run()
    owner = django_user_model.objects.create_user("admin")
    client.force_login(owner)
    assert (
        _post(client, run, "actions/a1/confirm", executed="no", reason="Not on the statement").status_code
        == 204
    )


def test_an_action_that_does_not_exist_is_not_found(browser: Client) -> None:
    run = runs.held_run()
    assert _post(browser, run, "actions/a9/confirm", executed="yes", reason="x").status_code == 404
