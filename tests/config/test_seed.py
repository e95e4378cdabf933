"""Seeding: repeatable, never over what a person published, and clear about a file that is broken."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone
from msgspec.structs import replace

from config import example_run
from config.models import User
from orchestrator import models
from orchestrator.queries.published import find_agent, find_workflow
from orchestrator.services import catalogue, declarations

pytestmark = pytest.mark.django_db
SMALL = """
slug = "small"
name = "Small"
owner = "admin"
stages = [{ name = "read", agent = "small_reader", inputs = { files = "run.files" } }]
assumptions = [
    { id = "steps-known", holds = true, reason = "Yes." },
    { id = "stages-validated", holds = true, reason = "Yes." },
    { id = "validation-affordable", holds = true, reason = "Yes." },
    { id = "latency-adds-up", holds = true, reason = "Yes." },
]

[agents.small_reader]
name = "Reader"
owner = "admin"
reference = "invoice_settlement.intake"
instructions = "${SMALL_WORDS:-usual}"
"""


def seed(*files: Path) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("seed", *map(str, files), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "workflow.toml"
    path.write_text(SMALL)
    return path


def test_seeding_twice_changes_nothing(file: Path) -> None:
    first, _ = seed(file)
    assert "workflow small, revision 1" in first
    second, _ = seed(file)
    assert "nothing new" in second
    assert models.WorkflowRevision.objects.filter(workflow_id="small").count() == 1
    assert User.objects.filter(groups__name="reviewer").count() == 3


def test_the_examples_install_with_the_schemas_of_their_functions() -> None:
    _, errors = seed()
    assert errors == ""
    chain = find_workflow("invoice_settlement")
    assert chain is not None
    assert [stage.name for stage in chain.stages] == ["intake", "matcher", "risk", "treasurer"]
    assert all(stage.output_schema for stage in chain.stages)
    assert chain.tools["payments.pay"].parameters["properties"]["iban"]
    assert catalogue.unmet(chain) == []


def test_a_changed_file_makes_a_new_revision_as_long_as_nobody_edited(file: Path) -> None:
    seed(file)
    file.write_text(SMALL.replace('name = "Reader"', 'name = "Better reader"'))
    said, _ = seed(file)
    assert "agent small_reader, revision 2" in said
    assert "workflow small, revision 2" in said


def test_what_a_person_published_is_left_alone(file: Path) -> None:
    seed(file)
    mine = find_agent("small_reader")
    assert mine is not None
    catalogue.publish_agent(spec=replace(mine, notes="Mine."), by="admin", now=timezone.now())
    file.write_text(SMALL.replace('name = "Reader"', 'name = "Better reader"'))
    seed(file)
    kept = find_agent("small_reader")
    assert kept is not None
    assert (kept.revision, kept.notes) == (2, "Mine.")
    workflow = find_workflow("small")
    assert workflow is not None
    assert workflow.revision == 1


def test_a_file_whose_variable_is_unset_is_skipped_with_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(SMALL.replace("${SMALL_WORDS:-usual}", "${SMALL_WORDS}"))
    monkeypatch.delenv("SMALL_WORDS", raising=False)
    said, errors = seed(file)
    assert said == f"{file} was skipped: it needs SMALL_WORDS in the environment.\n"
    assert errors == ""
    assert find_workflow("small") is None
    monkeypatch.setenv("SMALL_WORDS", "given")
    seed(file)
    agent = find_agent("small_reader")
    assert agent is not None
    assert agent.instructions == "given"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('owner = "admin"\nstages', "owner = 5\nstages", "`owner`: Expected `str`, got `int`"),
        ("reference =", "refrence =", "`agents.small_reader`: Object contains unknown field `refrence`"),
        ('agent = "small_reader"', 'agent = "nobody"', "names agent 'nobody'"),
        ("[agents.small_reader]", "[agents.small_reader", "is not TOML"),
        ('owner = "admin"\nreference', 'owner = "ghost"\nreference', "ghost is not an active person"),
    ],
)
def test_a_broken_file_names_the_field_publishes_nothing_and_stops_no_other(
    file: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    good = tmp_path / "workflow_good.toml"
    good.write_text(SMALL.replace("small", "good"))
    assert old in SMALL
    file.write_text(SMALL.replace(old, new))
    _, errors = seed(file, good)
    assert words in errors
    assert str(file) in errors
    assert find_workflow("small") is None
    assert find_agent("small_reader") is None
    assert find_workflow("good") is not None


def test_example_files_are_found_beside_their_declaration() -> None:
    declarations.example_files.cache_clear()
    found = declarations.example_files("invoice_settlement")
    assert found is not None
    assert "suppliers.csv" in found.names
    assert declarations.example_files("nothing") is None


def seed_with_example() -> str:
    out, err = StringIO(), StringIO()
    call_command("seed", example_run=True, stdout=out, stderr=err)
    assert err.getvalue() == ""
    return out.getvalue()


def test_a_fresh_installation_begins_with_one_run_of_the_example_that_every_reviewer_may_decide() -> None:
    assert "has started with the example files" in seed_with_example()
    run = models.Run.objects.get()
    assert (run.workflow, run.started_by, run.title) == (
        "invoice_settlement",
        "operator",
        "The example invoices",
    )
    assert not User.objects.get(username="operator").has_perm("approvals.sign_off")


def test_the_example_run_is_started_once_in_the_life_of_an_installation() -> None:
    seed_with_example()
    assert "has started" not in seed_with_example()
    first = models.Run.objects.get()
    assert example_run.start(now=timezone.now()) == str(first.id)
    assert models.Run.objects.count() == 1


def test_an_installation_with_a_past_is_given_no_example_run() -> None:
    seed()
    assert "has started" not in seed_with_example()
    assert not models.Run.objects.exists()


def test_seeding_alone_starts_nothing() -> None:
    seed()
    assert not models.Run.objects.exists()
