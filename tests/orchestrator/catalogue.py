"""Agents, tools and workflows for tests of the catalogue, and what a browser would send for them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from orchestrator.domain.specs import (
    AgentSpec,
    Assumption,
    Budget,
    Limit,
    Scope,
    StageSpec,
    ToolSpec,
    WorkflowSpec,
)
from orchestrator.services import catalogue

FUNCTION = "invoice_settlement.intake"
PAY = ToolSpec(
    name="tests.pay",
    description="Pays.",
    parameters={
        "type": "object",
        "properties": {
            "amount": {"type": "string"},
            "currency": {"type": "string"},
            "note": {"type": "string"},
        },
        "required": ["amount", "currency"],
    },
    sentence="Pay {amount} {currency}",
    category="financial",
    amount_field="amount",
    currency_field="currency",
    non_semantic=("note",),
)
LOOK = ToolSpec(name="tests.look", description="Looks.", parameters={"type": "object"}, reads_only=True)
SCHEMA = {"type": "object", "properties": {"total": {"type": "string"}}, "required": ["total"]}
AGENT = AgentSpec(
    slug="payer",
    name="Payer",
    owner="admin",
    reference=FUNCTION,
    output_schema=SCHEMA,
    scope=Scope(
        tools=("tests.pay", "tests.look"),
        categories=("routine", "financial"),
        limits=(Limit(currency="EUR", per_action="10000", tool="tests.pay"),),
    ),
    budget=Budget(turns=3),
)
ANSWERS = tuple(
    Assumption(id=id, holds=True, reason="It does.")
    for id in ("steps-known", "stages-validated", "validation-affordable", "latency-adds-up")
)
WORKFLOW = WorkflowSpec(
    slug="paying",
    name="Paying",
    owner="admin",
    stages=(StageSpec(name="pay", agent="payer", inputs={"files": "run.files"}, output_schema=SCHEMA),),
    assumptions=ANSWERS,
)


def publish(*, tools: tuple[ToolSpec, ...] = (PAY, LOOK), agent: AgentSpec = AGENT) -> None:
    """Publish the tools, the agent and the workflow."""
    now = timezone.now()
    for tool in tools:
        catalogue.publish_tool(spec=tool, by="admin", now=now)
    catalogue.publish_agent(spec=agent, by="admin", now=now)
    catalogue.publish_workflow(spec=WORKFLOW, by="admin", now=now)


def agent_form(**changes: Any) -> dict[str, Any]:
    """What a browser sends for a new agent. A value of None leaves a field out."""
    sent: dict[str, Any] = {
        "slug": "reader",
        "name": "Reader",
        "owner": "admin",
        "kind": "code",
        "function": FUNCTION,
        "categories": ["routine"],
        "turns": "5",
        "total_seconds": "60",
        "idle_seconds": "30",
        "output_tokens": "1000",
        "expected": "0",
        **changes,
    }
    return {name: value for name, value in sent.items() if value is not None}


def workflow_form(**changes: Any) -> dict[str, Any]:
    """What a browser sends for a new workflow of one stage, all assumptions answered."""
    sent: dict[str, Any] = {
        "slug": "reading",
        "name": "Reading",
        "owner": "admin",
        "policy": "strict",
        "rework_cap": "2",
        "expected": "0",
        "stages": "1",
        "stage-0-name": "read",
        "stage-0-agent": "payer",
        "stage-0-inputs": "files = run.files",
        "stage-0-repairs": "3",
    }
    for answer in ANSWERS:
        sent[f"assume-{answer.id}-holds"] = "yes"
        sent[f"assume-{answer.id}-reason"] = "It does."
    sent.update(changes)
    return {name: value for name, value in sent.items() if value is not None}
