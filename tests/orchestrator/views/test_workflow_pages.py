"""Workflows on pages: stages in an order one can change, assumptions that must be answered, pinned revisions."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace

from orchestrator.queries.published import find_workflow
from orchestrator.services import catalogue
from tests.orchestrator.catalogue import AGENT, SCHEMA, publish, workflow_form

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(admin: Any) -> Client:
    publish()
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(admin)
    return client


def test_a_workflow_is_published_after_its_assumptions_are_answered(at: Client) -> None:
    done = at.post("/workflows/new/", workflow_form(do="publish", publish_notes="First."))
    assert done.headers["Location"] == "/workflows/reading/"
    published = find_workflow("reading")
    assert published is not None
    assert published.stages[0].output_schema == SCHEMA, "the agent's own schema is taken"
    assert published.agents["payer"].revision == 1
    assert [answer.checked for answer in published.assumptions] == [True, True, None, None]


@pytest.mark.parametrize("missing", ["assume-steps-known-holds", "assume-latency-adds-up-reason"])
def test_an_assumption_without_answer_or_reason_is_asked_for(at: Client, missing: str) -> None:
    page = at.post("/workflows/new/", workflow_form(do="publish", publish_notes="x", **{missing: None}))
    assert page.status_code == 422
    assert b"This field is required" in page.content
    assert find_workflow("reading") is None


def test_an_assumption_that_does_not_hold_is_shown_on_review_and_on_the_page(at: Client) -> None:
    form = workflow_form(
        **{"assume-validation-affordable-holds": "no", "assume-validation-affordable-reason": "Pilot."}
    )
    review = at.post("/workflows/new/", {**form, "do": "review"}).content.decode()
    assert "1 assumption" in review
    assert "Pilot." in review
    at.post("/workflows/new/", {**form, "do": "publish", "publish_notes": "Pilot."})
    page = at.get("/workflows/reading/").content.decode()
    assert "although 1 of its assumptions" in page
    assert "does not hold" in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stage-0-name": "Not A Name"}, "must be small letters"),
        ({"stage-0-agent": "nobody"}, "which this workflow does not have"),
        ({"stage-0-inputs": "files"}, "does not read name = source"),
        ({"stage-0-inputs": "x = later.y"}, "only &#x27;run"),
        ({"stage-0-validators": "no_such_check"}, "There is no check"),
        ({"stage-0-validators": "not_empty {nonsense"}, "not a JSON object"),
        ({"stage-0-validators": "not_empty 99"}, "has no version 99"),
        ({"stage-0-validators": "not_empty v2"}, "does not read id, version if any"),
        ({"stage-0-validators": "not_empty \u00b2"}, "does not read id, version if any"),
        ({"stage-0-validators": "not_empty [1]"}, "does not read id, version if any"),
        ({"stage-0-validators": 'not_empty {"paths": NaN}'}, "not a JSON object"),
        ({"stage-0-validators": 'not_empty {"paths": %s}' % ("9" * 5000)}, "not a JSON object"),
        (
            {"stage-0-validators": 'not_empty {"path": "a"}'},
            "has no setting &#x27;path&#x27;. It has: outcome, paths",
        ),
        ({"stage-0-validators": 'sum_equals {"items": "a"}'}, "needs the setting &#x27;total&#x27;"),
        ({"stage-0-inputs": "files = run.files\nfiles = run.others"}, "&#x27;files&#x27; is given twice"),
        ({"stage-0-repairs": "4"}, "less than or equal to 3"),
        ({"stages": "0"}, "at least one stage"),
        ({"slug": "paying"}, "of this name already"),
        ({"policy": "none"}, "not one of the available choices"),
        ({"input_schema": "{"}, "not JSON"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    at: Client, change: dict[str, str], words: str
) -> None:
    page = at.post("/workflows/new/", workflow_form(**{"description": "kept words", **change}))
    assert page.status_code == 422
    assert words in page.content.decode()
    assert b"kept words" in page.content


def stages(names: list[str], **more: str) -> dict[str, Any]:
    form = workflow_form(stages=str(len(names)), **more)
    for place, name in enumerate(names):
        form |= {f"stage-{place}-name": name, f"stage-{place}-agent": "payer", f"stage-{place}-repairs": "1"}
    return form


@pytest.mark.parametrize(
    ("button", "expected"),
    [
        ("up-1", ["b", "a", "c"]),
        ("down-0", ["b", "a", "c"]),
        ("up-0", ["a", "b", "c"]),
        ("down-2", ["a", "b", "c"]),
        ("remove-1", ["a", "c"]),
        ("add", ["a", "b", "c", ""]),
        ("remove-9", ["a", "b", "c"]),
        ("up-", ["a", "b", "c"]),
    ],
)
def test_stages_are_added_removed_and_moved_by_buttons(at: Client, button: str, expected: list[str]) -> None:
    page = at.post("/workflows/new/", stages(["a", "b", "c"], do=button, description="kept words"))
    assert page.status_code == 200
    form = page.context["form"]
    assert [stage["name"].value() or "" for stage in form.stages] == expected
    assert b"kept words" in page.content
    assert b"This field is required" not in page.content


@pytest.mark.parametrize(
    ("field", "absurd"),
    [
        ("stages", "99999999"),
        ("stages", "\u00b2"),
        ("do", "up-\u00b2"),
        ("expected", "\u00b2"),
        ("expected", "9" * 5000),
    ],
)
def test_a_hidden_field_that_holds_no_number_does_not_hurt(at: Client, field: str, absurd: str) -> None:
    assert at.post("/workflows/new/", workflow_form(**{"do": "add", field: absurd})).status_code in {200, 422}


def test_newer_agents_are_offered_and_taken_up_by_publishing(at: Client) -> None:
    catalogue.publish_agent(spec=replace(AGENT, notes="New."), by="admin", now=timezone.now())
    assert b"Newer revisions of payer" in at.get("/workflows/paying/").content
    form = workflow_form(
        slug=None, name="Paying", declared="paying", expected="1", do="review",
        **{"stage-0-name": "pay"},
    )  # fmt: skip
    review = at.post("/workflows/paying/edit/", form).content.decode()
    assert "Pinned agents, payer" in review
    assert "<del>revision 1</del>" in review


def test_the_preview_names_what_keeps_it_from_running(at: Client) -> None:
    said = at.post("/workflows/preview/", workflow_form(**{"stage-0-inputs": "x = later.y"})).content.decode()
    assert "It cannot run yet" in said
    assert "Every stage has an output schema or a validator." in said
