"""Settings of a run read from texts: typed by the schema, defaults left out, what does not fit is named."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.domain import run_inputs

SCHEMA = {
    "type": "object",
    "required": ["files", "topic"],
    "properties": {
        "files": {"type": "array"},
        "topic": {"type": "string", "minLength": 2},
        "parameters": {
            "type": "object",
            "properties": {
                "count": {"type": "integer", "minimum": 1, "default": 2},
                "share": {"type": "number", "title": "Share"},
                "dry": {"type": "boolean", "default": False},
                "colour": {"type": "string", "enum": ["red", "blue"]},
                "list": {"type": "array"},
            },
        },
    },
}


def test_simple_types_become_settings_and_others_do_not() -> None:
    found = {parameter.name: parameter for parameter in run_inputs.parameters(SCHEMA)}
    assert list(found) == ["topic", "count", "share", "dry", "colour"]
    assert found["count"].default == "2"
    assert found["dry"].default == "no"
    assert found["colour"].choices == ["red", "blue"]
    assert found["share"].title == "Share"


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ({"topic": "ab"}, {"topic": "ab", "parameters": {}}),
        (
            {"topic": "ab", "count": "3", "share": "0.5", "dry": "yes"},
            {"topic": "ab", "parameters": {"count": 3, "share": 0.5, "dry": True}},
        ),
        ({"topic": "ab", "count": " "}, {"topic": "ab", "parameters": {}}),
    ],
)
def test_texts_become_values_in_their_places(given: dict[str, str], inputs: dict[str, Any]) -> None:
    assert run_inputs.read(SCHEMA, given) == inputs


@pytest.mark.parametrize(
    ("given", "name", "words"),
    [
        ({}, "topic", "needed"),
        ({"topic": "a"}, "topic", "at least 2 characters"),
        ({"topic": "ab", "count": "many"}, "count", "no number"),
        ({"topic": "ab", "count": "0"}, "count", "at least 1"),
        ({"topic": "ab", "share": "nan"}, "share", "expected"),
        ({"topic": "ab", "colour": "green"}, "colour", "one of"),
        ({"topic": "ab", "unknown": "x"}, "unknown", "It has: topic, count"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, str], name: str, words: str) -> None:
    with pytest.raises(run_inputs.UnusableParameter, match=words) as refused:
        run_inputs.read(SCHEMA, given)
    assert refused.value.name == name


def test_a_workflow_without_an_input_schema_takes_files_and_no_settings() -> None:
    assert run_inputs.takes_files({})
    assert not run_inputs.takes_files({"properties": {"topic": {"type": "string"}}})
    assert run_inputs.read({}, {}) == {}
