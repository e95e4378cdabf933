"""The form's answers and the condition they make: each way back to the other, and in words."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.domain import common_cases
from approvals.domain.common_cases import Common
from approvals.domain.providers import BOOK

CASES = [
    (Common(), "", "always"),
    (
        Common(categories=("outward", "destructive")),
        "action.category in ['outward', 'destructive']",
        "it is outward communication or destructive",
    ),
    (
        Common(currency="EUR", over="10000.00"),
        "(money.moves && money.currency == 'EUR' && money.amount > 1000000)",
        "the amount is over 10,000.00 EUR",
    ),
    (
        Common(currency="JPY", upto="5000"),
        "(money.moves && money.currency == 'JPY' && money.amount <= 5000)",
        "the amount is at most 5,000 JPY",
    ),
    (
        Common(currency="EUR", account="target_today", total="100.00"),
        "(money.moves && money.currency == 'EUR' && totals.target_today > 10000)",
        "the target's total today would be over 100.00 EUR",
    ),
    (
        Common(target="*@x.example"),
        "target.name.matches('^.*@x\\\\.example$')",
        "the target is like *@x.example",
    ),
    (
        Common(is_first=True),
        "(target.is_given && target.is_first)",
        "the target is reached for the first time",
    ),
    (
        Common(hours="outside", hour_from=7, hour_until=19),
        "!(time.hour >= 7 && time.hour < 19)",
        "it is outside 7:00 and 19:00",
    ),
    (
        Common(origin="instruction", text="action.tool != 'x'"),
        "provenance.from_instruction && action.tool != 'x'",
        "a part of it comes from text that gives the agent instructions, and action.tool != 'x'",
    ),
    (
        Common(is_weekend=True, text="action.tool == 'x' || money.moves"),
        "time.is_weekend && (action.tool == 'x' || money.moves)",
        "it is the weekend, and (action.tool == 'x' || money.moves)",
    ),
]


@pytest.mark.parametrize(("asked", "condition", "words"), CASES)
def test_answers_make_a_condition_and_words(asked, condition, words):
    assert common_cases.condition(asked) == condition
    assert common_cases.in_words(condition) == words
    if condition:
        BOOK.language.check(condition)


answers = st.builds(
    Common,
    categories=st.lists(st.sampled_from(["outward", "financial", "routine"]), unique=True, max_size=3).map(
        tuple
    ),
    tool=st.sampled_from(["", "mail.send", "it's \\ odd"]),
    currency=st.just("EUR"),
    over=st.sampled_from(["", "0.01", "10000.00"]),
    upto=st.sampled_from(["", "5.00"]),
    account=st.just("agent_24h"),
    total=st.sampled_from(["", "7.50"]),
    target=st.sampled_from(["", "*", "a?c.*[x]", "IBAN 'q'"]),
    is_first=st.booleans(),
    origin=st.sampled_from(["", "task", "result"]),
    hours=st.sampled_from(["", "inside"]),
    text=st.sampled_from(["", "money.moves", "action.args.a == '&&' && (money.moves || time.is_weekend)"]),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(answers)
def test_a_condition_is_read_back_as_the_answers_that_made_it(asked):
    text = common_cases.condition(asked)

    again = common_cases.read(text)

    assert common_cases.condition(again) == text
    if text:
        BOOK.language.check(text)


@pytest.mark.parametrize(
    "text",
    [
        "money.moves || time.is_weekend && action.tool == 'x'",
        "money.moves ? true : false",
        "action.category in ['nonsense']",
        "(money.moves && money.currency == 'EUR' && totals.unknown > 3)",
        "action.tool == 'a' && action.tool == 'b'",
        "this is ( not one",
    ],
)
def test_what_the_form_does_not_know_stays_as_it_is_written(text):
    assert common_cases.condition(common_cases.read(text)) == text


def test_amounts_of_two_currencies_keep_both():
    both = " && ".join(
        common_cases.condition(Common(currency=currency, **{name: "5"}))
        for currency, name in (("EUR", "over"), ("USD", "upto"))
    )

    assert sorted(common_cases.split(common_cases.condition(common_cases.read(both)))) == sorted(
        common_cases.split(both)
    )


def test_the_sentence_carries_the_numbers():
    asked = Common(currency="EUR", account="all_today", total="100000.00", over="10000.00")

    assert common_cases.sentence(asked) == (
        "Everybody's total today would be {totals.all_today} of 100,000.00 EUR, "
        "and {money.amount} is over 10,000.00 EUR."
    )
    assert msgspec.structs.asdict(common_cases.read(common_cases.condition(asked)))["total"] == "100000.00"
