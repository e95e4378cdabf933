"""Settings in plain words: what is open, what waits, what never happens, and what is probably a mistake."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from orchestrator.domain import wording
from orchestrator.domain.specs import AgentSpec, Limit, Scope, StageSpec, ToolSpec, ValidatorRef, WorkflowSpec

OBJECT = {"type": "object"}
PAY = ToolSpec(
    name="pay", description="", parameters=OBJECT, category="financial", amount_field="a", currency_field="c"
)
LOOK = ToolSpec(name="look", description="", parameters=OBJECT, reads_only=True)
FETCH = ToolSpec(name="fetch", description="", parameters=OBJECT, reads_only=True, category="outward")
NOTE = ToolSpec(name="note", description="", parameters=OBJECT, category="routine")
CALL = ToolSpec(name="call", description="", parameters=OBJECT, category="routine", person_field="who")
TOOLS = {tool.name: tool for tool in (PAY, LOOK, FETCH, NOTE, CALL)}
EUR = Limit(currency="EUR", per_action="10000.00", rolling="50000", tool="pay")


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (Scope(), "may only read its input and answer"),
        (Scope(tools=("look",)), "may use look"),
        (Scope(tools=("gone",)), "may only read its input and answer"),
        (Scope(tools=("pay",)), "may only read its input and answer"),
        (Scope(tools=("note",)), "may propose note"),
        (Scope(tools=("call",)), "may propose call, asks a person for each"),
        (
            Scope(tools=("look", "pay"), categories=("financial",), limits=(EUR,)),
            "may use look, may propose pay up to 10,000.00 EUR, asks a person for each",
        ),
    ],
)
def test_a_scope_in_one_line(scope: Scope, words: str) -> None:
    assert wording.scope_in_one_line(scope, TOOLS) == words


@pytest.mark.parametrize(
    ("scope", "tone", "words"),
    [
        (Scope(), "never", "Every tool is refused."),
        (Scope(tools=("gone",)), "warns", "gone is not declared"),
        (Scope(tools=("pay",)), "warns", "not its category (financial)"),
        (Scope(tools=("pay",), categories=("financial",)), "asks", "each waits for a person"),
        (Scope(tools=("pay",), categories=("financial",)), "warns", "No limit is set on the amounts of pay"),
        (
            Scope(tools=("pay",), categories=("financial",), limits=(EUR,)),
            "never",
            "over 10,000.00 EUR for one or 50,000 EUR in 24 hours",
        ),
        (
            Scope(tools=("pay",), categories=("financial",), limits=(EUR,)),
            "never",
            "in a currency other than EUR",
        ),
        (Scope(tools=("look",)), "may", "at once"),
        (Scope(tools=("fetch",), categories=("outward",)), "asks", "put to the policy first"),
        (Scope(tools=("look",), categories=("destructive",)), "warns", "destructive actions, but no tool"),
        (Scope(tools=("look",), resources=("a/*", "b/*")), "says", "a/* or b/*"),
    ],
)
def test_what_an_agent_may_do_is_said_with_its_tone(scope: Scope, tone: str, words: str) -> None:
    agent = AgentSpec(slug="a", name="A", owner="x", reference="f", scope=scope)
    assert [line for line in wording.agent_in_words(agent, TOOLS) if line.tone == tone and words in line.text]


def test_a_model_agent_says_that_its_input_leaves() -> None:
    agent = AgentSpec(slug="a", name="A", owner="x", kind="model", reference="p:m", base_url="http://h/v1")
    said = [line.text for line in wording.agent_in_words(agent, {})]
    assert "Asks the model p:m at http://h/v1." in said
    assert "What its stage is given leaves for that model's server." in said


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        (LOOK, "nobody is asked"),
        (FETCH, "its caller chooses whom it reaches"),
        (PAY, "Each call waits for a person (financial)"),
        (CALL, "The person in who is affected"),
        (replace(NOTE, idempotent=True), "tried again after a crash"),
        (NOTE, "a named person finds out"),
        (replace(NOTE, reversibility="reversible"), "It can be undone"),
        (replace(NOTE, non_semantic=("x",)), "Not sealed by the digest: x"),
    ],
)
def test_what_a_call_means(tool: ToolSpec, words: str) -> None:
    assert any(words in line.text for line in wording.tool_in_words(tool))


def test_a_workflow_says_which_stage_nothing_checks_and_what_waits() -> None:
    agent = AgentSpec(slug="a", name="A", owner="x", scope=Scope(tools=("pay",), categories=("financial",)))
    spec = WorkflowSpec(
        slug="w", name="W", owner="x", agents={"a": agent}, tools=TOOLS,
        stages=(
            StageSpec(name="one", agent="a"),
            StageSpec(name="two", agent="a", output_schema=OBJECT, validators=(ValidatorRef(id="v"),)),
        ),
    )  # fmt: skip
    said = [(line.tone, line.text) for line in wording.workflow_in_words(spec)]
    assert ("warns", "Nothing checks what one gives.") in said
    assert ("says", "two must pass its schema and 1 further check before the next begins.") in said
    assert ("asks", "Each pay waits for a person (financial).") in said


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("82000.00", "82,000.00 EUR"),
        ("0.5", "0.5 EUR"),
        ("1e3", "1,000 EUR"),
        ("nonsense", "nonsense EUR"),
        ("NaN", "NaN EUR"),
        (None, "None EUR"),
    ],
)
def test_money_in_words(amount: str | None, shown: str) -> None:
    assert wording.money(amount, "EUR") == shown
