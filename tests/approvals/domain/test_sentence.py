"""The plain sentence: what the action will do, with its operands, whatever the arguments hold."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain import sentence
from approvals.domain.visible import has_hidden
from orchestrator.domain.specs import ToolSpec

PAY = ToolSpec(
    name="payments.pay",
    description="Pay an invoice",
    parameters={},
    sentence="Pay {amount} {currency} to {payee} ({iban})",
    amount_field="amount",
    currency_field="currency",
)
ARGUMENTS = {
    "amount": "82000.00",
    "currency": "EUR",
    "payee": "ACME GmbH",
    "iban": "DE89 3704 0044 0532 0130 00",
}


def test_the_sentence_shows_money_grouped_and_the_iban_shortened():
    assert sentence.compose(PAY, ARGUMENTS).text == "Pay 82,000.00 EUR to ACME GmbH (DE89…3000)"


def test_operands_are_set_off_from_the_words():
    parts = sentence.compose(PAY, ARGUMENTS).parts

    assert [part.operand for part in parts if part.operand] == ["amount", "currency", "payee", "iban"]
    assert [part.text for part in parts if not part.operand] == ["Pay ", " ", " to ", " (", ")"]


@pytest.mark.parametrize(
    ("template", "arguments"),
    [
        ("", ARGUMENTS),
        ("Pay {missing}", ARGUMENTS),
        ("Pay {payee.__class__}", ARGUMENTS),
        ("Pay {payee[0]}", ARGUMENTS),
        ("Pay {0}", ARGUMENTS),
        ("Pay {payee", ARGUMENTS),
    ],
)
def test_a_template_that_does_not_fit_falls_back_to_the_name_and_operands(template, arguments):
    tool = ToolSpec(name="payments.pay", description="", parameters={}, sentence=template)

    text = sentence.compose(tool, arguments).text

    assert text == ("Run payments.pay with amount 82000.00, currency EUR, iban DE89…3000, payee ACME GmbH")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("amount", "82000", "82,000.00"),
        ("amount", "82000.001", "82,000.001"),
        ("amount", "8e4", "8e4"),
        ("amount", 82000, "82000"),
        ("payee", "AC\u202eME", "AC⟨U+202E⟩ME"),
        ("payee", "line\nbreak", "line⟨U+000A⟩break"),
        ("payee", ["a", {"b": None}], '["a", {"b": null}]'),
        ("payee", "x" * 121, "x" * 120 + "… (120 of 121 characters)"),
        ("payee", "<script>", "<script>"),
    ],
)
def test_each_operand_is_shown_as_what_it_is(name, value, shown):
    assert sentence.operand(name, value, PAY, {**ARGUMENTS, name: value}) == shown


def test_a_call_of_very_many_arguments_stays_a_sentence():
    tool = ToolSpec(name="x", description="", parameters={})

    text = sentence.compose(tool, {f"a{number:04}": "v" for number in range(5000)}).text

    assert text.endswith("a0007 v and 4992 more arguments")


@pytest.mark.parametrize(
    ("template", "arguments", "left_out"),
    [
        ("Pay {amount} {currency} to {payee}", {"amount": "82000", "currency": "EUR", "payee": "ACME"}, ()),
        ("Pay {amount} {currency}", {"amount": "82000", "currency": "EUR", "payee": ""}, ("payee",)),
        ("Pay {payee} {iban}", {"payee": "ACME", "iban": ARGUMENTS["iban"]}, ("iban",)),
        ("Pay {payee}", {"payee": "x" * 121}, ("payee",)),
        ("Pay {payee}", {"payee": "ACME…"}, ()),
        ("Pay {payee}", {"payee": {"b": ["…"], "a": None}}, ()),
        ("Pay {payee}", {"payee": "AC\u202eME"}, ()),
        ("", {f"a{number}": "v" for number in range(9)}, ("a8",)),
        ("Stop everything", {}, ()),
    ],
)
def test_an_argument_is_left_out_unless_the_sentence_says_it_whole(template, arguments, left_out):
    tool = msgspec.structs.replace(PAY, sentence=template)

    assert sentence.left_out(sentence.compose(tool, arguments).parts, arguments) == left_out


def test_the_button_says_what_the_action_does():
    assert sentence.verb(PAY) == "pay"
    assert (
        sentence.verb(ToolSpec(name="x", description="", parameters={}, sentence="{amount} to pay")) == "run"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["amount", "currency", "payee", "iban", "x\u202e"]), JSON))
def test_no_argument_breaks_the_sentence_or_hides_in_it(arguments):
    assert not has_hidden(sentence.compose(PAY, arguments).text)
