"""Starting a run from a shell: one line or JSON, and a clear refusal of what cannot be used."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from config.following import exit_code
from orchestrator import models
from orchestrator.queries.progress import Progress, progress_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    call_command("seed", verbosity=0)
    place = tmp_path / "in"
    place.mkdir()
    (place / "a.xml").write_text("<Invoice/>")
    return place


def start(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("start_run", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_a_run_is_started_by_the_operator_and_its_address_is_said(folder: Path) -> None:
    code, out, _ = start("invoice_settlement", "--input", str(folder), "--title", "November")
    run = models.Run.objects.get()
    assert code == 0
    assert f"/runs/{run.pk}/" in out
    assert (run.started_by, run.title) == ("operator", "November")


def test_json_gives_the_run_and_its_address(folder: Path) -> None:
    _, out, _ = start("invoice_settlement", "--input", str(folder), "--json")
    assert json.loads(out)["run"] == str(models.Run.objects.get().pk)


def test_the_same_key_is_the_same_run(folder: Path) -> None:
    for _ in range(2):
        start("invoice_settlement", "--input", str(folder), "--key", "nightly", "--param", "rounding_units=4")
    assert models.Run.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing", "--input", "{folder}"], "no workflow 'nothing'"),
        (["invoice_settlement", "--input", "{folder}/missing"], "cannot be read as a folder"),
        (["invoice_settlement", "--input", "{folder}/a.xml"], "cannot be read as a folder"),
        (["invoice_settlement", "--input", "{folder}/../empty"], "holds no file"),
        (["invoice_settlement", "--input", "{folder}", "--by", "ghost"], "no active person 'ghost'"),
        (["invoice_settlement", "--input", "{folder}", "--by", "reviewer"], "may not start runs"),
        (["invoice_settlement", "--input", "{folder}", "--param", "x"], "NAME=VALUE"),
        (["invoice_settlement", "--input", "{folder}", "--param", "x=1"], "no setting 'x'"),
        (["invoice_settlement", "--input", "{folder}", "--param", "rounding_units=9999"], "at most 100"),
    ],
)
def test_what_cannot_be_used_is_refused_with_code_2(folder: Path, arguments: list[str], words: str) -> None:
    (folder.parent / "empty").mkdir()
    code, _, err = start(*(argument.format(folder=folder) for argument in arguments))
    assert code == 2
    assert words in err
    assert not models.Run.objects.exists()


@pytest.mark.parametrize(
    ("state", "is_fault", "code"),
    [
        ("succeeded", False, 0),
        ("waiting", False, 3),
        ("paused", False, 3),
        ("paused", True, 4),
        ("failed", False, 5),
        ("cancelled", False, 5),
    ],
)
def test_the_exit_code_says_how_it_stands(state: str, is_fault: bool, code: int) -> None:
    standing = Progress(
        run="r", title="", state=state, waits_for="", reason="", is_fault=is_fault, head=1,
        stages=[], waiting=[], executed=0, refused=0, failed=0,
    )  # fmt: skip
    assert exit_code(standing) == code


def test_progress_tells_the_stages_of_a_run(folder: Path) -> None:
    start("invoice_settlement", "--input", str(folder))
    standing = progress_of(str(models.Run.objects.get().pk))
    assert [name for name, _ in standing.stages] == ["intake", "matcher", "risk", "treasurer"]
    assert not standing.is_still
