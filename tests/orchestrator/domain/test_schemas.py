"""JSON Schema in words."""

from __future__ import annotations

import pytest

from orchestrator.domain import schemas

INVOICE = {
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "maxItems": 3},
        "due": {"type": "string", "format": "date"},
        "currency": {"enum": ["EUR", "USD"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "iban": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$", "maxLength": 34},
    },
    "required": ["lines"],
    "additionalProperties": False,
    "$defs": {
        "Line": {"type": "object", "properties": {"amount": {"type": "string"}, "count": {"minimum": 1}}}
    },
}

FOUND = {
    "a missing field": ({}, "lines: expected a value, found nothing"),
    "a field too many": ({"lines": [], "pay": 1}, "pay: expected no such field, found one"),
    "an inner type": ({"lines": [{"amount": 1.5}]}, "lines[0].amount: expected string, found 1.5"),
    "a bound": ({"lines": [{"count": 0}]}, "lines[0].count: expected at least 1, found 0"),
    "too many": ({"lines": [{}] * 4}, "lines: expected at most 3 entries, found a list of 4 entries"),
    "a format": (
        {"lines": [], "due": "2026-13-01"},
        'due: expected text in the format date, found "2026-13-01"',
    ),
    "a choice": ({"lines": [], "currency": "GBP"}, 'currency: expected one of "EUR", "USD", found "GBP"'),
    "alternatives": ({"lines": [], "note": 7}, "note: expected one of these: string; null, found 7"),
    "a pattern": ({"lines": [], "iban": "x"}, 'iban: expected text that matches ^[A-Z]{2}[0-9]+$, found "x"'),
    "the whole": ([], "the value: expected object, found a list of 0 entries"),
}


@pytest.mark.parametrize(("value", "sentence"), FOUND.values(), ids=FOUND)
def test_a_problem_names_path_expected_and_found(value, sentence):
    (problem,) = schemas.problems(INVOICE, value)
    assert str(problem) == sentence


def test_what_fits_has_no_problem():
    assert schemas.problems(INVOICE, {"lines": [{"amount": "1"}], "due": "2026-02-28"}) == ()


def test_an_empty_schema_allows_anything():
    assert schemas.problems({}, object()) == ()


def test_large_values_and_names_are_never_echoed():
    value = {"lines": ["x" * 100_000], "n" * 100_000: 1, "due": "y" * 100_000}
    text = schemas.describe(schemas.problems(INVOICE, value))
    assert len(text) < 1000
    assert "text of 100,000 characters" in text


def test_the_number_of_problems_is_bounded():
    schema = {"items": {"type": "string"}}
    assert len(schemas.problems(schema, [1] * 1000)) == schemas.MAX_PROBLEMS
    assert len(schemas.problems(schema, [1] * 1000, limit=3)) == 3


def test_require_opens_its_sentence_with_what_was_examined():
    with pytest.raises(schemas.SchemaMismatch) as raised:
        schemas.require(INVOICE, {}, what="The run's input")
    assert (
        raised.value.message
        == "The run's input does not fit its schema.\nlines: expected a value, found nothing"
    )
    schemas.require(INVOICE, {"lines": []}, what="The run's input")


UNUSABLE = {
    "another document": {"$ref": "http://127.0.0.1:9/schema.json"},
    "a file": {"$ref": "file:///etc/hostname"},
    "an unknown dialect": {"$schema": "http://127.0.0.1:9/dialect"},
    "an unknown type": {"type": "text"},
    "a broken pattern": {"pattern": "("},
    "a pattern that looks ahead": {"pattern": "(?=a)b"},
    "a missing definition": {"$ref": "#/$defs/Nothing"},
    "no JSON": {"maximum": float("nan")},
}


@pytest.mark.parametrize("schema", UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_schema_is_refused_and_nothing_is_fetched(schema):
    with pytest.raises(schemas.UnusableSchema) as raised:
        schemas.check_schema(schema)
    assert "not a usable JSON Schema" in raised.value.message
    assert len(raised.value.message) < 500


@pytest.mark.parametrize(
    "value",
    [float("nan"), 10**400, "\ud800", {1: 2}, object(), b"x"],
    ids=["nan", "int", "half", "key", "object", "b"],
)
def test_what_is_no_json_value_never_fits(value):
    assert schemas.problems({"type": "boolean"}, value)


def test_a_costly_pattern_ends():
    assert schemas.problems({"pattern": "^(a+)+$"}, "a" * 5000 + "!")


def test_equal_schemas_are_compiled_once():
    schemas._compiled.cache_clear()
    schemas.problems({"type": "string", "minLength": 1}, "a")
    schemas.problems({"minLength": 1, "type": "string"}, "b")
    assert schemas._compiled.cache_info().misses == 1
