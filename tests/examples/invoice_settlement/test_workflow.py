"""The declarations fit the code: specs, schemas, tools, validators, and the model workflow beside them."""

from __future__ import annotations

import string
import tomllib
from typing import Any

import msgspec
import pytest

from examples.invoice_settlement import shapes, tools, validators
from orchestrator.adapters import registry
from orchestrator.domain import assumptions, schemas
from orchestrator.domain.patterns.sequential import Sequential
from orchestrator.domain.specs import WorkflowSpec
from tests.examples import chain

OUTPUTS = {
    "intake": shapes.IntakeOutput,
    "matcher": shapes.MatcherOutput,
    "risk": shapes.RiskOutput,
    "treasurer": shapes.TreasurerOutput,
}
ARGUMENTS = {"payments.pay": tools.Pay, "notices.send": tools.Notice, "files.read": tools.ReadFile}
FOUND = chain.run(chain.folder(chain.EXAMPLE / "files"), {"notice_to": "accounts@example.org"})


def declared(name: str) -> dict[str, Any]:
    return tomllib.loads((chain.EXAMPLE / f"{name}.toml").read_text(encoding="utf-8"))


def spec(name: str) -> WorkflowSpec:
    return msgspec.convert(declared(name), WorkflowSpec)


NAMES = ["workflow", "workflow_model"]


@pytest.mark.parametrize("name", NAMES)
def test_a_declaration_is_a_workflow_without_faults(name: str) -> None:
    workflow = spec(name)
    assert Sequential().faults(workflow) == []
    assert {stage.agent for stage in workflow.stages} == set(workflow.agents)
    assert {tool for agent in workflow.agents.values() for tool in agent.scope.tools} <= set(workflow.tools)
    assert all(agent.slug == slug and agent.owner for slug, agent in workflow.agents.items())
    asked = {question.id for question in assumptions.QUESTIONS["sequential"]}
    assert {answer.id for answer in workflow.assumptions} == asked
    assert all(answer.reason for answer in workflow.assumptions)


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_of_a_tool_are_arguments_of_its_function(name: str) -> None:
    for tool in spec(name).tools.values():
        arguments = set(ARGUMENTS[tool.name].__struct_fields__)
        named = {tool.target_field, tool.amount_field, tool.currency_field, *tool.non_semantic} - {""}
        in_sentence = {field for _, field, _, _ in string.Formatter().parse(tool.sentence) if field}
        assert named | in_sentence <= arguments
        assert tool.parameters == {}, "taken from the function"
        assert set(registry.schema_of(ARGUMENTS[tool.name])["properties"]) == arguments


def test_both_workflows_declare_the_payment_alike() -> None:
    assert (
        declared("workflow")["tools"]["payments.pay"] == declared("workflow_model")["tools"]["payments.pay"]
    )
    assert declared("workflow")["input_schema"] == declared("workflow_model")["input_schema"]


@pytest.mark.parametrize("name", NAMES)
def test_every_validator_that_is_named_exists(name: str) -> None:
    for stage in spec(name).stages:
        assert stage.validators
        for reference in stage.validators:
            assert hasattr(validators, reference.id.removeprefix("invoice_settlement."))


def test_a_model_is_asked_for_the_same_output_as_the_code_agent() -> None:
    for stage, kind in OUTPUTS.items():
        wanted = without_null_defaults(registry.schema_of(kind))
        wanted["$defs"].pop(kind.__name__)
        assert declared("workflow_model")["agents"][f"model_{stage}"]["output_schema"] == wanted


def without_null_defaults(schema: Any) -> Any:
    """TOML has no null; a default of null says nothing that the type does not."""
    if isinstance(schema, dict):
        kept = {key: value for key, value in schema.items() if (key, value) != ("default", None)}
        return {key: without_null_defaults(value) for key, value in kept.items()}
    return [without_null_defaults(entry) for entry in schema] if isinstance(schema, (list, tuple)) else schema


def test_a_model_can_do_what_its_instructions_ask() -> None:
    agents = spec("workflow_model").agents
    for agent in agents.values():
        assert agent.kind == "model"
        assert agent.reference == "${COUNTERSIGN_MODEL}"
        assert all(tool in agent.instructions for tool in agent.scope.tools)
    assert "payments.pay" not in agents["model_risk"].scope.tools


@pytest.mark.parametrize("stage", OUTPUTS)
def test_outputs_fit_the_schema_that_the_stage_is_checked_with(stage: str) -> None:
    for schema in (
        registry.schema_of(OUTPUTS[stage]),
        declared("workflow_model")["agents"][f"model_{stage}"]["output_schema"],
    ):
        assert schemas.problems(schema, FOUND.outputs[stage]) == ()
        assert schemas.problems(schema, {"invoices": []})


def test_actions_fit_the_schema_of_their_tool_and_the_scope_of_the_treasurer() -> None:
    workflow = spec("workflow")
    scope = workflow.agents["treasurer"].scope
    for action in FOUND.actions:
        assert schemas.problems(registry.schema_of(ARGUMENTS[action.tool]), action.arguments) == ()
        assert action.tool in scope.tools
        assert workflow.tools[action.tool].category in scope.categories


def test_the_notice_lists_what_was_rejected() -> None:
    notice = next(action for action in FOUND.actions if action.tool == "notices.send")
    assert notice.arguments["to"] == "accounts@example.org"
    assert all(entry["sentence"] in notice.arguments["text"] for entry in FOUND.rejected.values())


def test_the_input_of_a_run_is_what_the_input_schema_describes() -> None:
    schema = declared("workflow")["input_schema"]
    files = FOUND.inputs["intake"]["files"]
    defaults = {
        name: field["default"] for name, field in schema["properties"]["parameters"]["properties"].items()
    }
    assert schemas.problems(schema, {"files": files, "parameters": defaults}) == ()
    assert msgspec.convert(defaults, shapes.Parameters) == shapes.Parameters()
    assert set(defaults) == set(shapes.Parameters.__struct_fields__)
    assert schemas.problems(schema, {"files": files}) == ()
    assert schemas.problems(schema, {"files": []})
    assert schemas.problems(schema, {"files": files, "parameters": {"price_tolerance_percent": "-1"}})
