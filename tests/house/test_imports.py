"""Who may import whom: the contracts of import-linter hold, and each of them notices what it forbids."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "monitoring", "approvals", "orchestrator")

# The contract, who oversteps it, and what they import.
OVERSTEPS = (
    ("layers", "orchestrator.dispatch", "approvals.gate"),
    ("layers", "approvals.services.policies", "monitoring.nudges"),
    ("layers", "monitoring.tails", "config.roles"),
    ("pure", "orchestrator.domain.ids", "django.utils.timezone"),
    ("pure", "approvals.domain.money", "psycopg"),
    ("pure", "monitoring.domain.lines", "orchestrator.sql"),
    ("inside", "orchestrator.queries.runs", "orchestrator.services.runs"),
    ("inside", "orchestrator.kinds", "orchestrator.projections"),
    ("inside", "approvals.gate", "approvals.views.inbox"),
    ("rows_of_the_work", "orchestrator.views.control", "orchestrator.models"),
    ("rows_of_the_work", "approvals.services.requests", "orchestrator.models.run"),
    ("rows_of_the_approver", "approvals.views.inbox", "approvals.models"),
    ("rows_of_the_approver", "monitoring.queries.overview", "approvals.models.request"),
    ("rows_of_the_watcher", "monitoring.consumers", "monitoring.models"),
    ("facts", "approvals.services.sign_offs", "orchestrator.engine"),
    ("facts", "orchestrator.queries.turns", "orchestrator.mailbox"),
    ("wanted", "orchestrator.tasks", "orchestrator.outbox"),
    ("event_rows", "orchestrator.services.verify", "orchestrator.models.stream"),
    ("release", "orchestrator.services.sweep", "orchestrator.services.release"),
    ("release", "approvals.views.case", "orchestrator.services.release"),
)


def test_every_import_contract_is_kept() -> None:
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_every_contract_has_an_overstep_to_notice() -> None:
    stated = re.findall(
        r"^\[importlinter:contract:(\w+)\]", (ROOT / ".importlinter").read_text(), re.MULTILINE
    )
    assert set(stated) == {contract for contract, _, _ in OVERSTEPS}


@pytest.mark.parametrize("contract", sorted({contract for contract, _, _ in OVERSTEPS}))
def test_every_contract_notices_an_import_that_it_forbids(contract: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    oversteps = [(importer, imported) for name, importer, imported in OVERSTEPS if name == contract]
    for importer, imported in oversteps:
        source = tmp_path / Path(*importer.split(".")).with_suffix(".py")
        source.write_text(f"{source.read_text()}\nimport {imported}\n")

    done = _lint(tmp_path, "--contract", contract)

    assert done.returncode == 1, done.stdout + done.stderr
    for importer, imported in oversteps:
        outside = imported if imported.startswith(PACKAGES) else imported.split(".")[0]
        assert f"{importer} -> {outside} (" in done.stdout


# Raw SQL imports no row class, so the doors are kept by the names of their tables as well.
@pytest.mark.parametrize(
    ("table", "door"),
    [("orchestrator_event", "orchestrator/eventlog"), ("orchestrator_effect", "orchestrator/outbox")],
)
def test_a_table_behind_a_door_is_named_by_the_door_only(table: str, door: str) -> None:
    named = {
        "/".join(source.relative_to(ROOT).with_suffix("").parts[:2])
        for package in PACKAGES
        for source in (ROOT / package).rglob("*.py")
        if "migrations" not in source.parts and re.search(rf"\b{table}\b", source.read_text())
    }
    assert named == {door}


def _lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(program), "--no-cache", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
