"""Conditions: what is refused on saving and where, and that everything which is neither yes nor no has no answer."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.conditions import Language, Unclear, Wrong, quoted

LANGUAGE = Language(
    {"a.text": "text", "a.count": "whole", "a.yes": "boolean", "a.args": "map", "a.names": "texts"}
)
FACTS = {"a.text": "x", "a.count": 3, "a.yes": True, "a.args": {"k": "v"}, "a.names": ["x", "y"]}


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("a.nothing == 1", 1, 2, "there is no fact and no function named a.nothing"),
        ("a.yes &&\n  a.missing", 2, 4, "a.missing"),
        ("a.count > 1.5", 1, 9, "whole numbers of minor units"),
        ("a.text > 1", 1, 8, "does not work on string and int"),
        ("a.text", 1, 1, "a condition gives true or false"),
        ("a.count >", 1, 10, "cannot be read"),
        ("", 1, 1, "Write a condition"),
        ("a.yes" + " || a.yes" * 300, 1, 1, "at most 2,000 characters"),
        ("(" * 400 + "a.yes" + ")" * 400, 1, 1, ""),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text, line, column, said):
    with pytest.raises(Wrong) as wrong:
        LANGUAGE.check(text)

    assert said in wrong.value.message
    if said:
        assert (wrong.value.facts["line"], wrong.value.facts["column"]) == (line, column)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.text == 'x' && a.count > 2", True),
        ("a.count > 3", False),
        ("a.args.k == 'v'", True),
        ("has(a.args.other)", False),
        ("'y' in a.names", True),
        ("a.names.exists(name, name.startsWith('y'))", True),
        ("a.text.matches('^x$')", True),
    ],
)
def test_a_condition_is_true_or_false_of_the_facts(text, expected):
    assert LANGUAGE.matches(text, FACTS) is expected


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("a.args.other == 'v'", FACTS),
        ("1 / (a.count - 3) == 1", FACTS),
        ("a.count > 2", {}),
        ("a.count > 2", {"a.count": "many"}),
        ("a.count > 2", {"a.count": 2**70}),
        ("a.args.k > 3", FACTS),
        ("a.nothing", FACTS),
        ("a.names.all(x, a.names.all(y, a.names.all(z, x == y || z == z)))", {"a.names": ["n"] * 60}),
    ],
)
def test_an_error_is_never_an_answer(text, facts):
    with pytest.raises(Unclear):
        LANGUAGE.matches(text, facts)


def test_a_condition_names_the_facts_that_it_may_ask_for():
    assert LANGUAGE.named("a.args.k == a.text || b.other") == {"a.args", "a.text"}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60))
def test_any_text_can_stand_in_quotes(text):
    assert LANGUAGE.matches(f"a.text == {quoted(text)}", {"a.text": text})


@given(st.text(max_size=80))
def test_whatever_is_typed_is_refused_or_answered_and_nothing_else(text):
    with contextlib.suppress(Unclear):
        LANGUAGE.matches(text, FACTS)
