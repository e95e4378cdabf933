"""Two specs compared: every field that differs is named once, and what publishing adds is no difference."""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.domain.differences import Change, compare
from orchestrator.domain.specs import AgentSpec, Limit, Scope, StageSpec, WorkflowSpec

AGENT = AgentSpec(
    slug="a", name="A", owner="x", scope=Scope(tools=("look",)), output_schema={"type": "object"}
)


def test_equal_specs_differ_in_nothing_whatever_their_numbers() -> None:
    found = compare(AGENT, replace(AGENT, revision=7, digest="d"))
    assert found.changes == []
    assert found.unchanged > 5


def test_fields_inside_are_named_by_their_path() -> None:
    later = replace(AGENT, scope=Scope(tools=("look", "pay")), output_schema={"type": "array"}, notes="New")
    assert compare(AGENT, later).changes == [
        Change("Scope, tools", "look", "look, pay", "changed"),
        Change("Output schema, type", "object", "array", "changed"),
        Change("Notes", "", "New", "added"),
    ]


def test_limits_are_told_apart_by_currency_and_tool() -> None:
    first = Scope(limits=(Limit(currency="EUR", per_action="1", tool="pay"),))
    second = Scope(
        limits=(Limit(currency="EUR", per_action="2", tool="pay"), Limit(currency="SEK", per_action="9"))
    )
    labels = {
        change.label: change
        for change in compare(replace(AGENT, scope=first), replace(AGENT, scope=second)).changes
    }
    assert labels["Scope, limits, EUR (pay), per action"].after == "2"
    assert labels["Scope, limits, SEK (*), per action"].kind == "added"


def test_moved_stages_are_an_order_that_changed() -> None:
    one, two = StageSpec(name="one", agent="a"), StageSpec(name="two", agent="a")
    flow = WorkflowSpec(slug="w", name="W", owner="x", stages=(one, two))
    assert compare(flow, replace(flow, stages=(two, one))).changes == [
        Change("Stages, order", "one, two", "two, one", "changed")
    ]


def test_two_entries_of_one_name_are_both_kept() -> None:
    flow = WorkflowSpec(
        slug="w", name="W", owner="x", stages=(StageSpec(name="s", agent="a"), StageSpec(name="s", agent="b"))
    )
    labels = [change.label for change in compare(None, flow).changes]
    assert "Stages, s, agent" in labels
    assert "Stages, s (2), agent" in labels


def test_of_pinned_agents_only_the_revision_is_compared() -> None:
    flow = WorkflowSpec(slug="w", name="W", owner="x", agents={"a": replace(AGENT, revision=1)})
    later = replace(flow, agents={"a": replace(AGENT, revision=2, notes="much else")})
    assert compare(flow, later).changes == [Change("Pinned agents, a", "revision 1", "revision 2", "changed")]
