"""Starting a run from a page: files, settings, and a key that makes a double click one run."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from orchestrator import blobs, eventlog, models
from orchestrator.services import catalogue

pytestmark = pytest.mark.django_db
URL = "/workflows/invoice_settlement/start/"


@pytest.fixture
def at(operator: Any) -> Client:
    call_command("seed", verbosity=0)
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(operator)
    return client


def invoice(name: str = "a.xml", data: bytes = b"<Invoice/>") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def inputs_of(run: models.Run) -> Any:
    return blobs.value(eventlog.load(str(run.pk), fresh=True).state.input)


def test_the_choice_of_workflows_leads_to_their_start_pages(at: Client) -> None:
    assert URL.encode() in at.get("/runs/new/").content


def test_own_files_and_settings_become_the_runs_input(at: Client) -> None:
    sent = {
        "key": "k1",
        "title": "November",
        "on_behalf_of": "Purchasing",
        "files": [invoice("a.xml"), invoice("a.xml", b"<Other/>")],
        "setting-rounding_units": "3",
    }
    answer = at.post(URL, sent)
    run = models.Run.objects.get()
    assert answer.headers["Location"] == f"/runs/{run.pk}/"
    assert (run.title, run.on_behalf_of, run.started_by) == ("November", "Purchasing", "operator")
    given = inputs_of(run)
    assert [file["name"] for file in given["files"]] == ["a.xml", "a (2).xml"]
    assert given["parameters"] == {"rounding_units": 3}


def test_a_double_click_is_one_run(at: Client) -> None:
    first = at.post(URL, {"key": "once", "files": [invoice()]})
    second = at.post(URL, {"key": "once", "files": [invoice()]})
    assert first.headers["Location"] == second.headers["Location"]
    assert models.Run.objects.count() == 1


def test_a_form_sent_again_with_other_files_says_which_run_it_started_and_offers_another(at: Client) -> None:
    at.post(URL, {"key": "once", "files": [invoice()]})
    page = at.post(URL, {"key": "once", "files": [invoice("b.xml", b"<Other/>")]})
    assert page.status_code == 409
    assert "started under this key already, with other files or settings" in page.content.decode()
    at.post(URL, {"key": page.context["key"], "files": [invoice("b.xml", b"<Other/>")]})
    assert models.Run.objects.count() == 2


def test_the_key_of_another_person_is_another_run(at: Client, admin: Any) -> None:
    at.post(URL, {"key": "once", "files": [invoice()]})
    at.force_login(admin)
    at.post(URL, {"key": "once", "files": [invoice()]})
    assert models.Run.objects.count() == 2


def test_the_example_files_start_at_once(at: Client) -> None:
    assert at.post(URL, {"key": "k", "do": "example"}).status_code == 302
    names = [file["name"] for file in inputs_of(models.Run.objects.get())["files"]]
    assert "purchase_orders.csv" in names


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose at least one file"),
        ({"files": [("a.xml", b"")]}, "a.xml is empty"),
        ({"files": [("big.xml", b"x" * 2001)]}, "big.xml is larger than"),
        ({"files": [("a.xml", b"x")], "setting-rounding_units": "many"}, "is no number"),
        ({"files": [("a.xml", b"x")], "setting-rounding_units": "101"}, "at most 100"),
        ({"files": [("a.xml", b"x")], "title": "a\u202eb"}, "U+202E"),
        ({"files": [("a.xml", b"x")], "title": "x" * 201}, "at most 200"),
    ],
)
def test_what_cannot_be_used_is_said_on_the_page_and_what_was_typed_is_kept(
    at: Client, settings: Any, sent: dict[str, Any], words: str
) -> None:
    settings.UPLOAD_MAX_BYTES = 2000
    files = [invoice(name, data) for name, data in sent.pop("files", [])]
    page = at.post(URL, {"key": "k", "on_behalf_of": "kept words", "files": files, **sent})
    assert page.status_code == 422
    assert words in page.content.decode()
    assert b"kept words" in page.content
    assert b'value="k"' in page.content
    assert not models.Run.objects.exists()


def test_too_many_files_are_refused_with_the_number(at: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("orchestrator.services.files.MAX_FILES", 2)
    page = at.post(URL, {"key": "k", "files": [invoice(f"{n}.xml") for n in range(3)]})
    assert "3 files were chosen; 2 fit into one run" in page.content.decode()


def test_a_hostile_file_name_is_kept_as_a_plain_name(at: Client) -> None:
    at.post(URL, {"key": "k", "files": [invoice("<script>.xml")]})
    assert inputs_of(models.Run.objects.get())["files"][0]["name"] == "<script>.xml"


def test_a_retired_or_unknown_workflow_starts_nothing(at: Client) -> None:
    from django.utils import timezone

    assert at.get("/workflows/nothing/start/").status_code == 404
    catalogue.retire_workflow(slug="invoice_settlement", reason="x", by="admin", now=timezone.now())
    assert at.post(URL, {"key": "k", "do": "example"}).status_code == 409
    assert URL.encode() not in at.get("/runs/new/").content


def test_reviewers_do_not_start_runs(at: Client, reviewer: Any) -> None:
    at.force_login(reviewer)
    assert at.get("/runs/new/").status_code == 403
    assert at.post(URL, {"key": "k", "do": "example"}).status_code == 403
