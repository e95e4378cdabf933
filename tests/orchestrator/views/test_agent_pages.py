"""Agents on pages: who sees them, what is said at which field, and how a revision is published."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace

from orchestrator.queries.published import find_agent
from orchestrator.services import catalogue
from tests.orchestrator.catalogue import AGENT, agent_form, publish

pytestmark = pytest.mark.django_db
PAGES = [
    "/agents/",
    "/agents/payer/",
    "/agents/payer/compare/",
    "/tools/",
    "/tools/tests.pay/",
    "/workflows/",
    "/workflows/paying/",
]
EDITORS = [
    "/agents/new/",
    "/agents/payer/edit/",
    "/tools/tests.pay/edit/",
    "/workflows/new/",
    "/workflows/paying/edit/",
]


@pytest.fixture
def at(admin: Any) -> Client:
    publish()
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(admin)
    return client


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("role", ["operator", "reviewer", "admin"])
def test_every_role_may_read_what_is_published(at: Client, request: Any, role: str, url: str) -> None:
    at.force_login(request.getfixturevalue(role))
    page = at.get(url)
    assert page.status_code == 200
    offered = re.findall(r'href="(/(?:agents|tools|workflows)/[^"]*(?:edit|new)/)"', page.content.decode())
    assert not offered or role == "admin"


@pytest.mark.parametrize("url", EDITORS)
@pytest.mark.parametrize("role", ["operator", "reviewer"])
def test_only_those_who_may_publish_may_edit(at: Client, request: Any, role: str, url: str) -> None:
    at.force_login(request.getfixturevalue(role))
    assert at.get(url).status_code == 403
    assert at.post(url, agent_form()).status_code == 403


@pytest.mark.parametrize("url", [*PAGES, *EDITORS, "/agents/preview/"])
def test_nobody_sees_anything_without_signing_in(at: Client, url: str) -> None:
    assert Client(HTTP_HOST="127.0.0.1").get(url).headers["Location"].startswith("/account/login/")


def test_an_agent_is_reviewed_before_it_is_published_and_needs_notes(at: Client) -> None:
    review = at.post("/agents/new/", agent_form(do="review"))
    assert review.status_code == 200
    assert b"Review before publishing" in review.content
    assert find_agent("reader") is None
    refused = at.post("/agents/new/", agent_form(do="publish"))
    assert (refused.status_code, find_agent("reader")) == (422, None)
    done = at.post("/agents/new/", agent_form(do="publish", publish_notes="The first one."))
    assert done.headers["Location"] == "/agents/reader/"
    published = find_agent("reader")
    assert published is not None
    assert (published.revision, published.owner, published.budget.turns) == (1, "admin", 5)
    assert published.output_schema, "the function's own schema is taken"
    assert b"The first one." in at.get("/agents/reader/").content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slug": "Not A Slug"}, "Use small letters"),
        ({"slug": "preview"}, "taken by an address"),
        ({"slug": "payer"}, "of this name already"),
        ({"name": "Rea\u200bder"}, "U+200B"),
        ({"owner": ""}, "required"),
        ({"owner": "mallory"}, "not one of the available choices"),
        ({"function": ""}, "which registered function"),
        ({"kind": "model", "model": "gpt", "instructions": "Work."}, "with its provider"),
        ({"kind": "model", "model": "openai:x", "instructions": ""}, "Tell the model"),
        (
            {"kind": "model", "model": "opnai:gpt-5", "instructions": "Go"},
            "&#x27;opnai&#x27; is no provider that can be asked here. Use one of alibaba, anthropic, ",
        ),
        (
            {"kind": "model", "model": "openai:x", "instructions": "Go", "base_url": "file:///etc"},
            "no address",
        ),
        (
            {
                "kind": "model",
                "model": "openai:x",
                "instructions": "Go",
                "base_url": "https://me:secret@models.example/v1",
            },
            "Leave name and password out",
        ),
        ({"turns": "0"}, "greater than or equal to 1"),
        ({"output_schema": "{"}, "not JSON"),
        ({"output_schema": "[]"}, "in braces"),
        ({"output_schema": '{"type": 5}'}, "JSON Schema"),
        ({"output_schema": '{"$ref": "http://127.0.0.1/x"}'}, "not fetched"),
        ({"tools": ["tests.unknown"]}, "not one of the available choices"),
        ({"limit-0-currency": "EURO", "limit-0-per_action": "5"}, "at most 3"),
        ({"limit-0-currency": "", "limit-0-per_action": "5"}, "in which currency"),
        (
            {"limit-0-currency": "EUA", "limit-0-per_action": "5"},
            "&#x27;EUA&#x27; is no currency that is known here. With E there are EGP, ERN, ETB, EUR; ",
        ),
        ({"limit-0-currency": "EUR", "limit-0-per_action": "five"}, "as 10000.00"),
        (
            {"limit-0-currency": "EUR", "limit-0-per_action": "5", "limit-0-tool": "tests.pay"},
            "the scope does not",
        ),
        ({"cost": "lots"}, "amount in USD"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    at: Client, change: dict[str, str], words: str
) -> None:
    page = at.post("/agents/new/", agent_form(**{"notes": "kept words", **change}))
    assert page.status_code == 422
    assert words in page.content.decode()
    assert b"kept words" in page.content


def test_hostile_text_is_escaped_and_its_hidden_characters_are_shown(at: Client) -> None:
    page = at.post("/agents/new/", agent_form(name='<script>alert(1)</script>"', notes="a\u202eb"))
    assert b"<script>alert" not in page.content
    catalogue.publish_agent(
        spec=replace(AGENT, name="<img src=x onerror=alert(1)>"), by="admin", now=timezone.now()
    )
    assert b"<img src=x" not in at.get("/agents/").content


def test_who_publishes_second_is_told_and_keeps_every_word(at: Client) -> None:
    form = agent_form(slug=None, name="Payer", declared="payer", expected="1", notes="my long work")
    catalogue.publish_agent(spec=replace(AGENT, notes="theirs"), by="admin", now=timezone.now())
    late = at.post("/agents/payer/edit/", {**form, "do": "publish", "publish_notes": "mine"})
    assert late.status_code == 409
    text = late.content.decode()
    assert "admin published revision 2 while you were writing" in text
    assert "my long work" in text
    assert 'name="expected" value="2"' in text
    newest = find_agent("payer")
    assert newest is not None
    assert newest.notes == "theirs"
    again = at.post(
        "/agents/payer/edit/", {**form, "expected": "2", "do": "publish", "publish_notes": "mine"}
    )
    assert again.status_code == 302
    merged = find_agent("payer")
    assert merged is not None
    assert (merged.revision, merged.notes) == (3, "my long work")


def test_the_preview_says_in_words_what_the_form_says_now(at: Client) -> None:
    sent = agent_form(tools=["tests.pay", "tests.look"], categories=["routine"], declared="payer")
    said = at.post("/agents/preview/", sent).content.decode()
    assert "May use tests.look, which only reads, at once." in said
    assert "Names tests.pay, but not its category (financial)" in said
    assert "Different from what is published" in said
    sent = agent_form(
        tools=["tests.pay"], categories=["financial"],
        **{"limit-0-currency": "eur", "limit-0-per_action": "82000", "limit-0-tool": "tests.pay"},
    )  # fmt: skip
    said = at.post("/agents/preview/", sent).content.decode()
    assert "tests.pay over 82,000 EUR for one is refused." in said
    assert "each waits for a person (financial)" in said


def test_an_untouched_form_changes_nothing(at: Client) -> None:
    form = at.get("/agents/payer/edit/").context["form"]
    sent = {field.html_name: field.value() for field in form if field.value() not in (None, "", False)}
    for row in form.limits:
        sent |= {field.html_name: field.value() for field in row if field.value() not in (None, "")}
    sent["output_schema"] = form["output_schema"].value()
    review = at.post("/agents/payer/edit/", {**sent, "declared": "payer", "expected": "1", "do": "review"})
    assert review.status_code == 200
    assert "there is nothing to publish" in review.content.decode()
    # What reads the same is no revision, however its numbers were written.
    sent |= {"declared": "payer", "expected": "1", "do": "publish", "publish_notes": "Again."}
    assert at.post("/agents/payer/edit/", sent).status_code == 422
    assert find_agent("payer", 2) is None


def test_two_revisions_are_compared_field_by_field(at: Client) -> None:
    changed = replace(AGENT, notes="New.", budget=replace(AGENT.budget, turns=9))
    catalogue.publish_agent(spec=changed, by="admin", now=timezone.now())
    page = at.get("/agents/payer/compare/?before=1&after=2").content.decode()
    assert "Budget, turns" in page
    assert "<del>3</del>" in page
    assert "<ins>9</ins>" in page
    assert "Notes" in page


def test_a_retired_agent_says_so_and_may_come_back(at: Client) -> None:
    assert at.post("/agents/payer/retire/", {"reason": "Replaced."}).status_code == 302
    assert b"This agent is retired" in at.get("/agents/payer/").content
    assert at.get("/agents/payer/retire/").status_code == 405


def test_an_unknown_agent_or_revision_is_a_clear_404(at: Client) -> None:
    assert at.get("/agents/nobody/").status_code == 404
    assert at.get("/agents/payer/?revision=9").status_code == 404
    assert at.get("/agents/payer/?revision=\u00b2").status_code == 404
    assert at.get("/agents/payer/compare/?before=\u00b2&after=x").status_code == 200


def test_who_publishes_a_model_without_its_key_is_warned_and_may_still_publish(
    at: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    sent = agent_form(kind="model", model="anthropic:x", instructions="Read.", function="")
    warning = "pause until ANTHROPIC_API_KEY is set where the workers run, or COUNTERSIGN_MODEL_KEY_READER as its own"
    assert warning in at.post("/agents/preview/", sent).content.decode()
    assert warning in at.post("/agents/new/", {**sent, "do": "review"}).content.decode()
    done = at.post("/agents/new/", {**sent, "do": "publish", "publish_notes": "The key comes later."})
    assert done.status_code == 302
    monkeypatch.setenv("ANTHROPIC_API_KEY", "set")
    assert "pause until" not in at.post("/agents/preview/", sent).content.decode()
