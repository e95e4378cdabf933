"""Whatever is given, and whatever an agent does: a clear sentence on the page and in the event, and a way on."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Page, expect

from orchestrator.domain.specs import AgentSpec, Budget, StageSpec, WorkflowSpec
from tests.journeys import steps
from tests.journeys.steps import SOON

OBJECT = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}


# ---- what is uploaded ----
def test_unreadable_files_are_set_aside_with_their_reason_and_stop_no_other(
    site, page_of, tmp_path: Path
) -> None:
    files = steps.folder_of(tmp_path / "mixed", steps.RIGHT)
    right = files[-1].read_bytes()
    for name, data in {
        "noise.bin": bytes(range(256)) * 40,
        "truncated.xml": right[: len(right) // 2],
        # Says UTF-8 and is not.
        "wrong_encoding.xml": right.replace(b"ACME", "ÄCME".encode("latin-1")),
        "utf16.xml": right.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16"),
    }.items():
        files.append(tmp_path / name)
        files[-1].write_bytes(data)
    page: Page = page_of("operator")
    run = steps.start_with(page, files, "A mixed folder")
    expect(page.locator("#run-notice")).to_contain_text("for a person", timeout=SOON)
    page.get_by_role("link", name="Outputs").click()
    outputs = page.locator("#run-body")
    for name in ("truncated.xml", "wrong_encoding.xml", "noise.bin"):
        expect(outputs).to_contain_text(name)
    assert steps.run_of(site, run)["state"] in ("waiting", "running")


def test_a_folder_without_tables_ends_with_its_reasons_and_pays_nothing(
    site, page_of, tmp_path: Path
) -> None:
    alone = tmp_path / "note.txt"
    alone.write_text("Please pay ACME.")
    page: Page = page_of("operator")
    run = steps.start_with(page, [alone], "One note")
    site.wait_for(lambda: steps.run_of(site, run)["state"] not in ("running", "waiting"))
    expect(page.locator("#run-lede")).not_to_contain_text("running", timeout=SOON)
    page.get_by_role("link", name="Outputs").click()
    expect(page.locator("#run-body")).to_contain_text("note.txt")
    assert steps.actions_of(site, run) == []


def test_no_file_chosen_is_said_where_one_chooses(page_of) -> None:
    page: Page = page_of("operator")
    page.goto(steps.START)
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("form.editor [role=alert]").first).to_contain_text(
        "Choose at least one file, or use the example files."
    )
    expect(page.locator("input[type=file]")).to_be_attached()


def test_a_file_that_is_too_large_is_named_before_and_after_it_is_sent(site, page_of) -> None:
    page: Page = page_of("operator")
    page.goto(steps.START)
    large = io.BytesIO(b"x" * (10 * 1024 * 1024 + 1)).getvalue()
    page.locator("input[type=file]").set_input_files(
        {"name": "large.xml", "mimeType": "text/xml", "buffer": large}
    )
    expect(page.locator("[data-upload-problem]")).to_contain_text("large.xml has 10.5 MB")

    answer = page.request.post(
        steps.START,
        multipart={
            "csrfmiddlewaretoken": page.locator("form.editor input[name=csrfmiddlewaretoken]").input_value(),
            "key": uuid.uuid4().hex,
            "do": "start",
            "files": {"name": "large.xml", "mimeType": "text/xml", "buffer": large},
        },
        headers={"Referer": page.url},
    )
    assert answer.status in (413, 422)
    assert "10 MB" in answer.text()


def test_an_empty_file_is_named(page_of) -> None:
    page: Page = page_of("operator")
    page.goto(steps.START)
    page.locator("input[type=file]").set_input_files(
        {"name": "empty.xml", "mimeType": "text/xml", "buffer": b""}
    )
    expect(page.locator("[data-upload-problem]")).to_contain_text("empty.xml is empty.")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a'><img src=x onerror=alert(1)>.xml"])
def test_a_hostile_file_name_is_only_text(site, page_of, name: str) -> None:
    page: Page = page_of("operator")
    page.on("dialog", lambda dialog: pytest.fail(f"A script ran: {dialog.message}"))
    page.goto(steps.START)
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/xml", "buffer": b"<a/>"}
    )
    page.get_by_label("Title").fill(f"Named {name.encode('ascii', 'ignore').decode()}")
    page.get_by_role("button", name="Start the run").click()
    run = steps.opened_run(page)
    page.goto(f"/runs/{run}/files/")
    expect(page.locator("#run-body")).to_contain_text(name.rpartition("/")[2])


# ---- how it is started ----
def test_a_double_click_is_one_run(site, page_of) -> None:
    title = f"Twice {uuid.uuid4().hex[:6]}"
    page: Page = page_of("operator")
    page.goto(steps.START)
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Use the example files").dblclick()
    steps.opened_run(page)

    def titled() -> int:
        from orchestrator.models import Run

        return Run.objects.filter(title=title).count()

    assert site.database(titled) == 1


def test_the_same_form_sent_twice_is_one_run(page_of) -> None:
    page: Page = page_of("operator")
    page.goto(steps.START)
    fields = {
        name: page.locator(f"form.editor input[name={name}]").input_value()
        for name in ("csrfmiddlewaretoken", "key")
    }
    answers = [
        page.request.post(
            steps.START, form={**fields, "do": "example"}, headers={"Referer": page.url}, max_redirects=0
        )
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [302, 302]
    assert len({answer.headers["location"] for answer in answers}) == 1


def test_an_unknown_workflow_is_not_found_and_leads_back(page_of) -> None:
    page: Page = page_of("operator")
    answer = page.goto("/workflows/nothing_of_the_kind/start/")
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("main")).to_contain_text("There is no workflow 'nothing_of_the_kind'.")
    expect(page.get_by_role("link", name="Go to the Overview")).to_be_visible()


def test_the_command_names_what_it_cannot_start(site, tmp_path: Path) -> None:
    good = tmp_path / "good"
    steps.folder_of(good, steps.RIGHT)
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        (["nothing_of_the_kind", "--input", str(good)], "There is no workflow 'nothing_of_the_kind'"),
        (["invoice_settlement", "--input", str(tmp_path / "empty")], "holds no file to work on"),
        (["invoice_settlement", "--input", str(tmp_path / "absent")], "cannot be read as a folder"),
        (["invoice_settlement", "--input", str(good), "--by", "nobody"], "no active person 'nobody'"),
        (["invoice_settlement", "--input", str(good), "--param", "rounding_units=many"], "ounding"),
    ):
        code, said = site.database(lambda arguments=arguments: _command(*arguments))
        assert code == 2, said
        assert words in said


def _command(*arguments: str) -> tuple[int, str]:
    from django.core.management import call_command

    said = io.StringIO()
    try:
        call_command("start_run", *arguments, stdout=said, stderr=said)
    except SystemExit as ended:
        return int(ended.code or 0), said.getvalue()
    return 0, said.getvalue()


# ---- what an agent does ----
def _start_with(site, reference: str, **stage: object) -> str:
    """A run of one stage whose agent is this function; its turn may take a second."""
    agent = AgentSpec(
        slug="worker",
        name="Worker",
        owner="admin",
        revision=1,
        reference=reference,
        budget=Budget(turns=8, total_seconds=1, idle_seconds=1),
    )
    spec = WorkflowSpec(
        slug="journeys",
        name="Journeys",
        owner="admin",
        revision=1,
        agents={"worker": agent},
        stages=(StageSpec(name="only", agent="worker", **stage),),  # type: ignore[arg-type]
    )

    def start() -> str:
        from django.utils import timezone

        from orchestrator.domain import digests
        from orchestrator.services import runs

        return runs.start_revision(
            spec=digests.encode(spec),
            inputs={},
            key=uuid.uuid4().hex,
            by="operator",
            now=timezone.now(),
            title=f"An agent that {reference.rpartition('.')[2]}",
        )

    return site.database(start)


@pytest.mark.parametrize(
    ("reference", "stage", "words"),
    [
        ("journeys.raises", {}, "failed with ZeroDivisionError: the ledger of <b>May</b> is empty"),
        ("journeys.hangs", {}, "gave no answer within 1 seconds"),
        ("journeys.garbage", {}, "must return a Reply"),
        ("journeys.nobody", {}, "No function is registered as"),
    ],
    ids=["raises", "hangs", "garbage", "unknown reference"],
)
def test_what_an_agent_did_is_said_and_a_person_can_act(site, page_of, reference, stage, words) -> None:
    run = _start_with(site, reference, **stage)
    page: Page = page_of("operator")
    page.on("dialog", lambda dialog: pytest.fail(f"A script ran: {dialog.message}"))
    page.goto(f"/runs/{run}/")
    notice = page.locator("#run-notice")
    expect(notice).to_contain_text(words, timeout=60_000)
    expect(notice).to_contain_text("Kept:")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_visible()
    assert words in _log_of(site, run)

    page.goto("/")
    expect(page.locator("#overview-running")).to_contain_text(f"An agent that {reference.rpartition('.')[2]}")
    page.goto(f"/runs/{run}/")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.locator("#cancel-sheet-reason").fill("It will not get better.")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator("#run-lede")).to_contain_text("cancelled", timeout=SOON)


def test_an_output_that_never_fits_fails_the_run_with_what_was_wrong(site, page_of) -> None:
    run = _start_with(site, "journeys.misfits", output_schema=OBJECT)
    page: Page = page_of("operator")
    page.goto(f"/runs/{run}/")
    notice = page.locator("#run-notice")
    expect(notice).to_contain_text("Still not acceptable after 3 repairs", timeout=SOON)
    expect(notice).to_contain_text("total: expected number, found")
    expect(notice).to_contain_text("Start a new run when the cause is mended.")
    assert "total: expected number" in _log_of(site, run)


def _log_of(site, run: str) -> str:
    """Everything that the run's record says, as one text."""

    def ask() -> str:
        from orchestrator import eventlog

        return "\n".join(str(msgspec.to_builtins(event)) for event in eventlog.events_after(run, 0, 1000))

    return site.database(ask)


def test_an_input_that_does_not_fit_the_workflow_starts_nothing(site, page_of) -> None:
    page: Page = page_of("operator")
    page.goto(steps.START)
    page.get_by_text("settings, all with their usual values").click()
    page.get_by_label("Rounding, smallest units of the currency").fill("many")
    page.get_by_role("button", name="Use the example files").click()
    expect(page.get_by_text("One of the fields cannot be used yet.")).to_be_visible()
    field = page.get_by_label("Rounding, smallest units of the currency")
    expect(field).to_have_value("many")
    expect(field).to_be_visible()
