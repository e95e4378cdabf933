"""The sample folder through the real engine, gate and database: every good invoice waits for a person."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from orchestrator import eventlog, models
from orchestrator.adapters import registry
from orchestrator.queries.published import find_workflow
from orchestrator.services import declarations, effects, files, runs
from tests.examples import chain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """Tables are emptied after each test; what this process remembers of their streams must go with them."""
    eventlog.forget()
    yield
    eventlog.forget()


def install(name: str, variables: dict[str, str]) -> None:
    declared = declarations.read_declaration(file=chain.EXAMPLE / name, variables=variables)
    schemas = {f"agent:{name}": agent.output_schema for name, agent in registry.agents().items()}
    schemas |= {f"tool:{name}": tool.parameters for name, tool in registry.tools().items()}
    declarations.install(declaration=declared, now=timezone.now(), output_schemas=schemas)


def test_every_good_invoice_of_the_folder_waits_for_a_person(operator: Any, admin: Any) -> None:
    install("workflow.toml", {})
    kept = files.keep_files(files=files.read_folder(chain.EXAMPLE / "files"))
    run = runs.start_run(
        workflow="invoice_settlement",
        inputs={"files": kept, "parameters": {}},
        key="sample",
        by=operator,
        now=timezone.now(),
    )
    while effects.advance_run(run=run):
        pass
    actions = models.Action.objects.filter(run=run)
    expected = chain.run(chain.folder(chain.EXAMPLE / "files")).actions
    assert sorted((action.amount, action.currency, action.state) for action in actions) == sorted(
        (Decimal(action.arguments["amount"]), action.arguments["currency"], "held") for action in expected
    )


def test_the_workflow_for_models_is_published_when_a_model_is_named(admin: Any) -> None:
    install("workflow.toml", {})
    with pytest.raises(declarations.VariableUnset):
        install("workflow_model.toml", {})
    with pytest.raises(
        declarations.BrokenDeclaration, match="'provider' is no provider that can be asked here"
    ):
        install("workflow_model.toml", {"COUNTERSIGN_MODEL": "provider:model"})
    install("workflow_model.toml", {"COUNTERSIGN_MODEL": "anthropic:model"})
    workflow = find_workflow("invoice_settlement_model")
    assert workflow is not None
    assert {(agent.reference, agent.base_url) for agent in workflow.agents.values()} == {
        ("anthropic:model", "")
    }
