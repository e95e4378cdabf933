"""The record on a page: verified, signed, taken out, erased from; each leaves a fact, and each needs the permission."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from monitoring import tasks
from monitoring.services import audit_verify
from orchestrator import blobs, eventlog, sql
from orchestrator.services import export as exporting
from orchestrator.services import journal, removal
from tests.monitoring import runs
from tests.verifier.files import checked, lines_of

pytestmark = pytest.mark.django_db

PAGE = "/audit/record/"


@pytest.fixture(autouse=True)
def _own_keys(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.delenv("COUNTERSIGN_SIGNING_KEY", raising=False)
    cache.delete("audit:verification")


@pytest.fixture
def browser(client: Client, admin: Any) -> Client:
    client.force_login(admin)
    return client


def facts_of(subject: str) -> list[tuple[str, dict[str, Any], str]]:
    stream = journal.stream_for("audit", subject)
    return [(name, payload, actor) for _, name, payload, actor, _ in journal.facts(stream)]


def test_a_sound_record_is_said_to_be_sound_and_the_result_is_kept_as_a_fact(browser: Client) -> None:
    assert "Nobody has verified it from this page yet" in browser.get(PAGE).text
    runs.held_run()
    page = browser.post("/audit/record/verify", follow=True).text
    assert ">sound<" in page
    assert "What it cannot prove" in page
    (begun, ended) = facts_of("verifications")
    assert (begun[0], begun[2]) == ("verification.begun", "user:admin")
    assert (ended[0], ended[1]["sound"], ended[1]["findings"]) == ("verification.ended", True, [])
    assert ended[1]["events"] >= 10


def test_the_first_bad_event_is_named_on_the_page(browser: Client) -> None:
    run = runs.held_run()
    sql.run("UPDATE orchestrator_event SET actor='user:<b>x' WHERE stream_id=$1::uuid AND seq=4", [run])
    page = browser.post("/audit/record/verify", follow=True).text
    assert "not as it was written" in page
    assert "<strong>edited</strong> run" in page
    assert ", event 4" in page
    assert facts_of("verifications")[-1][1]["findings"][0]["seq"] == 4


def test_a_large_record_is_verified_by_a_worker_and_the_page_shows_how_far_it_is(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.held_run()
    monkeypatch.setattr(audit_verify, "AT_ONCE", 0)
    page = browser.post("/audit/record/verify", follow=True).text
    assert "The record is being verified" in page
    assert 'hx-trigger="every 1s"' in page
    assert browser.post("/audit/record/verify").status_code == 409
    (begun,) = facts_of("verifications")
    tasks.verify_record(verification=begun[1]["verification"], by="admin")
    part = browser.get(PAGE, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<section id="verification"')
    assert ">sound<" in part
    assert "hx-trigger" not in part
    assert "disabled" not in part


def test_a_verification_that_nobody_finished_is_no_result(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_verify, "AT_ONCE", -1)
    browser.post("/audit/record/verify")
    cache.delete("audit:verification")
    assert "It was never finished. Verify again." in browser.get(PAGE).text
    assert browser.post("/audit/record/verify").status_code == 302


def test_checkpoints_are_listed_with_whether_they_are_signed(browser: Client) -> None:
    assert "a tail that was cut off cannot be seen" in browser.get(PAGE).text
    runs.start()
    page = browser.post("/audit/record/checkpoint", follow=True).text
    assert ">signed<" in page
    sql.run("UPDATE orchestrator_checkpoint SET signature=sha256('x')||sha256('y')")
    assert "not what was signed" in browser.get(PAGE).text
    assert facts_of("verifications") == []


def test_an_export_is_downloaded_and_checked_alone_and_that_it_was_made_is_a_fact(
    browser: Client, tmp_path: Path
) -> None:
    run = runs.held_run(say="x" * 5000)
    browser.post("/audit/record/checkpoint")
    answer = browser.post("/audit/record/export", {"contents": "yes"})
    assert answer["Content-Disposition"].startswith('attachment; filename="countersign-')
    file = tmp_path / "e.jsonl"
    file.write_bytes(b"".join(answer.streaming_content))  # type: ignore[arg-type]
    said = checked(file)
    assert (said.code, said.findings) == (0, [])
    assert said.counts["contents"] > 0
    assert {line["stream"] for line in lines_of(file) if line["line"] == "stream"} >= {run}
    ((name, scope, actor),) = facts_of("exports")
    assert (name, actor, scope["contents"], scope["whole"]) == ("export.begun", "user:admin", True, True)


@pytest.mark.parametrize(
    ("chosen", "status"),
    [
        ({"run": "nothing"}, 404),
        ({"run": "00000000-0000-0000-0000-000000000000"}, 404),
        ({"since": "yesterday"}, 409),
        ({"until": "9999-12-31"}, 409),
        ({"kind": "nonsense"}, 200),
    ],
)
def test_a_choice_that_cannot_be_exported_is_refused_before_anything_is_sent(
    browser: Client, chosen: dict[str, str], status: int
) -> None:
    assert browser.post("/audit/record/export", chosen).status_code == status
    assert len(facts_of("exports")) == (status == 200)


def test_one_run_is_exported_with_its_requests_and_nothing_else(browser: Client, tmp_path: Path) -> None:
    run, _ = runs.start(), runs.start()
    answer = browser.post("/audit/record/export", {"run": run})
    file = tmp_path / "e.jsonl"
    file.write_bytes(b"".join(answer.streaming_content))  # type: ignore[arg-type]
    assert [line["stream"] for line in lines_of(file) if line["line"] == "stream"] == [run]
    assert checked(file).code == 0


def test_the_verifier_is_handed_out_as_it_is_kept(client: Client, reviewer: Any) -> None:
    client.force_login(reviewer)
    answer = client.get("/audit/record/verifier.py")
    assert answer.content.startswith(b"#!/usr/bin/env python3")
    assert "attachment" in answer["Content-Disposition"]


def test_content_is_erased_for_a_reason_and_its_digest_stays(browser: Client) -> None:
    digest = blobs.put(b"Jane Doe, born 1980")
    page = browser.post(
        "/audit/record/erase", {"digest": digest.upper(), "reason": "She asked for it"}, follow=True
    ).text
    assert "1 content erased" in page
    assert "She asked for it" in page
    with pytest.raises(blobs.Erased, match="She asked for it"):
        blobs.read(digest)
    ((name, fact, actor),) = facts_of("retention")
    assert (name, fact["contents"][0]["digest"], actor) == ("content.erased", digest, "user:admin")
    assert browser.post("/audit/record/erase", {"digest": digest, "reason": "again"}).status_code == 409
    assert "not as it was written" not in browser.post("/audit/record/verify", follow=True).text


def test_content_that_an_open_run_needs_is_not_erased_however_deep_it_is_named(browser: Client) -> None:
    from orchestrator.services import files

    listed = files.keep_files(files=[(f"{number}.xml", b"%d" % number) for number in range(40)])
    run = runs.start(files_=listed)
    payload = eventlog.event_at(run, 1).payload
    deep = listed[7]["digest"]
    assert deep not in payload, "the input is large, so that its files are named in a blob only"
    answer = browser.post("/audit/record/erase", {"digest": deep, "reason": "x"})
    assert answer.status_code == 409
    assert "still needs this content" in answer.text
    assert blobs.read(deep) == b"7"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"digest": "0" * 64, "reason": "x"}, 404),
        ({"digest": "", "reason": "x"}, 404),
        ({"digest": "%", "reason": ""}, 409),
    ],
)
def test_what_is_not_there_or_has_no_reason_is_refused(
    browser: Client, given: dict[str, str], status: int
) -> None:
    assert browser.post("/audit/record/erase", given).status_code == status
    assert facts_of("retention") == []
    in_sheet = browser.post("/audit/record/erase", given, headers={"HX-Request": "true"})
    assert in_sheet.status_code == status
    assert "<html" not in in_sheet.text


def test_content_that_went_without_a_fact_is_found(browser: Client) -> None:
    digest = blobs.put(b"evidence")
    sql.run("UPDATE orchestrator_blob SET data=NULL, erased_because='nobody asked' WHERE digest=$1", [digest])
    page = browser.post("/audit/record/verify", follow=True).text
    assert f"The content {digest} is gone, and its erasure is not recorded" in page


@pytest.mark.parametrize("path", ["verify", "checkpoint", "export", "erase"])
def test_whoever_may_only_look_changes_nothing(client: Client, reviewer: Any, path: str) -> None:
    client.force_login(reviewer)
    page = client.get(PAGE).text
    assert "Verify the record" not in page
    assert "Erase content" not in page
    assert client.post(f"/audit/record/{path}").status_code == 403
    assert eventlog.latest_transaction() == 0


def test_the_command_writes_a_file_whole_or_not_at_all(tmp_path: Path) -> None:
    from io import StringIO

    from django.core.management import CommandError, call_command

    runs.held_run()
    out, file = StringIO(), tmp_path / "log.jsonl"
    call_command("export_log", output=file, content=True, stdout=out)
    assert checked(file).code == 0
    assert f"Wrote {len(lines_of(file))} lines" in out.getvalue()
    with pytest.raises(CommandError, match="no such stream"):
        call_command("export_log", output=tmp_path / "other.jsonl", run="a1")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_log", output=tmp_path / "no" / "log.jsonl")
    assert [path.name for path in tmp_path.glob("*.jsonl*")] == ["log.jsonl"]
    assert removal.removed() == {}
    assert exporting.Scope().is_whole
