"""Sealing an action: what its digest covers, what it leaves out, and what is refused before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.domain import sealing
from orchestrator.domain.replies import Evidence, ProposedAction
from orchestrator.domain.specs import AgentSpec, Scope, ToolSpec
from tests.orchestrator.workflows import workflow

TOOL = ToolSpec(
    name="t.pay",
    description="Pay",
    parameters={
        "type": "object",
        "properties": {
            "payee": {"type": "string"},
            "amount": {"type": ["string", "integer", "boolean", "number"]},
            "currency": {"type": "string"},
            "note": {"type": "string"},
        },
        "required": ["payee"],
        "additionalProperties": False,
    },
    category="financial",
    version=4,
    target_field="payee",
    amount_field="amount",
    currency_field="currency",
    person_field="payee",
    non_semantic=("note",),
)
AGENT = AgentSpec(
    slug="worker",
    name="W",
    owner="admin",
    revision=2,
    scope=Scope(tools=("t.pay",), categories=("routine", "financial"), resources=("ACME*",)),
)
ARGUMENTS = {"payee": "ACME", "amount": "10.00", "currency": "eur", "note": "hello"}
BASE: dict[str, Any] = {
    "agent": AGENT,
    "tool": TOOL,
    "name": "t.pay",
    "arguments": ARGUMENTS,
    "on_behalf_of": "operator",
}
SPEC = replace(workflow(), agents={"worker": AGENT}, tools={"t.pay": TOOL})


def seal(proposal: ProposedAction) -> Any:
    return sealing.seal_action(SPEC, AGENT, proposal, on_behalf_of="operator")


MATTERS: dict[str, dict[str, Any]] = {
    "agent": {"agent": replace(AGENT, slug="other")},
    "revision": {"agent": replace(AGENT, revision=3)},
    "tool": {"name": "t.pay2"},
    "tool version": {"tool": replace(TOOL, version=5)},
    "target": {"tool": replace(TOOL, target_field="currency")},
    "an argument": {"arguments": {**ARGUMENTS, "amount": "10.01"}},
    "an argument more": {"arguments": {**ARGUMENTS, "extra": None}},
    "an argument less": {"arguments": {"payee": "ACME"}},
    "on whose behalf": {"on_behalf_of": "admin"},
}
DOES_NOT: dict[str, dict[str, Any]] = {
    "a declared note": {"arguments": {**ARGUMENTS, "note": "bye"}},
    "the order of arguments": {"arguments": dict(reversed(ARGUMENTS.items()))},
    "the agent's words": {"agent": replace(AGENT, instructions="be kind")},
    "the tool's words": {"tool": replace(TOOL, description="Pay somebody")},
}


@pytest.mark.parametrize("change", MATTERS.values(), ids=MATTERS.keys())
def test_the_digest_changes_with_everything_that_matters(change: dict[str, Any]) -> None:
    assert sealing.action_digest(**{**BASE, **change}) != sealing.action_digest(**BASE)


@pytest.mark.parametrize("change", DOES_NOT.values(), ids=DOES_NOT.keys())
def test_the_digest_ignores_only_what_an_administrator_declared(change: dict[str, Any]) -> None:
    assert sealing.action_digest(**{**BASE, **change}) == sealing.action_digest(**BASE)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 2**53 - 2) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def mutations(value: Any) -> Iterator[Any]:
    """The value with each of its parts changed in turn: another value, another type, none, one more, one less."""
    if isinstance(value, dict):
        yield {**value, "one more": None}
        for name, inner in value.items():
            yield {key: one for key, one in value.items() if key != name}
            yield {**value, name: [inner]}
            yield from ({**value, name: changed} for changed in mutations(inner))
    elif isinstance(value, list):
        yield [*value, None]
        for at, inner in enumerate(value):
            yield value[:at] + value[at + 1 :]
            yield from ([*value[:at], changed, *value[at + 1 :]] for changed in mutations(inner))
    elif isinstance(value, str):
        yield from (f"{value} ", None, [value])
    elif value is None:
        yield from (False, "", "null", 0)
    else:
        yield from (None, str(value), not value if isinstance(value, bool) else value + 1, [value])


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(max_size=6).filter(lambda name: name != "note"), json_values, max_size=4))
def test_no_part_of_the_arguments_can_be_changed_in_value_or_type_without_another_digest(
    arguments: dict[str, Any],
) -> None:
    own = sealing.action_digest(**{**BASE, "arguments": arguments})

    for changed in mutations(arguments):
        assert sealing.action_digest(**{**BASE, "arguments": changed}) != own


def test_an_agent_cannot_choose_what_the_digest_covers() -> None:
    undeclared = replace(TOOL, non_semantic=())
    assert sealing.action_digest(
        **{**BASE, "tool": undeclared, "arguments": {**ARGUMENTS, "note": "a"}}
    ) != sealing.action_digest(**{**BASE, "tool": undeclared, "arguments": {**ARGUMENTS, "note": "b"}})


def test_a_sealed_action_carries_its_operands_and_the_arguments_as_given() -> None:
    sealed, kept = seal(
        ProposedAction(
            tool="t.pay",
            arguments=ARGUMENTS,
            reason="matched",
            otherwise="x" * 1001,
            evidence=(Evidence(source="a.xml", line=3),),
        )
    )
    assert (sealed.reason, sealed.otherwise) == ("matched", "x" * 1000)
    assert (sealed.target, sealed.amount, sealed.currency, sealed.person) == ("ACME", "10.00", "EUR", "ACME")
    assert sealed.arguments.value() == ARGUMENTS
    assert sealed.evidence is not None
    assert sealed.evidence.value() == [{"source": "a.xml", "line": 3}]
    assert (sealed.refusal, kept) == ("", [])


def test_what_an_agent_says_of_a_call_is_no_part_of_what_people_approve() -> None:
    said = {"reason": "matched", "otherwise": "The invoice stays unpaid."}
    silent, _ = seal(ProposedAction(tool="t.pay", arguments=ARGUMENTS))
    talking, _ = seal(ProposedAction(tool="t.pay", arguments=ARGUMENTS, **said))
    assert silent.digest == talking.digest


def test_large_arguments_are_handed_out_as_bytes_to_keep() -> None:
    sealed, kept = seal(ProposedAction(tool="t.pay", arguments={**ARGUMENTS, "note": "x" * 5000}))
    assert not sealed.arguments.is_inline
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("proposal", "source", "words"),
    [
        (ProposedAction(tool="t.steal", arguments={}), "scope", "not declared"),
        (ProposedAction(tool="t.pay", arguments={"payee": "EVIL"}), "scope", "does not cover the target"),
        (ProposedAction(tool="t.pay", arguments={"payee": "ACME", "x": 1}), "arguments", "schema"),
        (ProposedAction(tool="t.pay", arguments={"payee": "ACME", "amount": []}), "arguments", "schema"),
    ],
)
def test_what_may_not_be_asked_is_sealed_with_its_refusal(
    proposal: ProposedAction, source: str, words: str
) -> None:
    sealed, _ = seal(proposal)
    assert sealed.refusal_source == source
    assert words in sealed.refusal


@pytest.mark.parametrize(
    ("scope", "tool", "target", "allowed"),
    [
        (Scope(), TOOL, "", False),
        (Scope(tools=("t.pay",)), TOOL, "", False),
        (Scope(tools=("t.pay",), categories=("financial",)), TOOL, "", True),
        (Scope(tools=("t.pay",), categories=("routine",)), replace(TOOL, category="routine"), "x", True),
        (Scope(tools=("t.pay",), categories=()), replace(TOOL, reads_only=True), "x", True),
        (
            Scope(tools=("t.pay",), categories=()),
            replace(TOOL, reads_only=True, category="outward"),
            "x",
            False,
        ),
        (Scope(tools=("t.pay",), categories=("financial",), resources=("A*",)), TOOL, "B", False),
        (Scope(tools=("t.pay",), categories=("financial",), resources=("A*", "B")), TOOL, "B", True),
        (Scope(tools=("t.*",), categories=("financial",)), TOOL, "", False),
    ],
)
def test_a_scope_allows_only_what_it_names(scope: Scope, tool: ToolSpec, target: str, allowed: bool) -> None:
    assert (sealing.outside_scope(scope, tool, target) == "") == allowed


@pytest.mark.parametrize(
    ("amount", "known"),
    [
        ("10.00", "10.00"),
        (10, "10"),
        ("1E+3", "1000"),
        (True, None),
        (1.5, None),
        ("ten", None),
        ("NaN", None),
        ("Infinity", None),
        ("1" + "0" * 18, None),
        ("0.00000000001", None),
        ([], None),
        (None, None),
    ],
)
def test_an_amount_that_cannot_be_weighed_is_unknown(amount: Any, known: str | None) -> None:
    assert sealing.operands(TOOL, {"payee": "ACME", "amount": amount})["amount"] == known
