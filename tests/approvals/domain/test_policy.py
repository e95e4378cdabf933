"""Assessing an action: a table of what the first policies hold, refuse and allow, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain import policy, terms
from orchestrator.domain import specs

SCOPE = specs.Scope(
    tools=("payments.pay", "mail.send", "files.delete", "notes.add"),
    categories=("routine", "financial", "outward", "destructive", "safety_critical", "affects_person"),
    resources=("invoice:*", "*@acme.example"),
    limits=(specs.Limit(currency="EUR", per_action="90000", rolling="100000.00", window_hours=24),),
)
PAYMENT = {
    "agent": "treasurer",
    "tool": "payments.pay",
    "category": "financial",
    "scope": SCOPE,
    "target": "invoice:4711",
    "amount": "82000.00",
    "currency": "EUR",
}
LIMITED = terms.Policy(
    slug="limited", revision=3, limits={"outward": {"EUR": "50"}, "destructive": {"EUR": "5"}}
)
UNLIMITED = specs.Scope(tools=SCOPE.tools, categories=SCOPE.categories)


def facts(**changes: object) -> terms.Facts:
    return terms.Facts(**{**PAYMENT, **changes})


def plain(**changes: object) -> terms.Facts:
    return facts(scope=UNLIMITED, amount=None, currency=None, **changes)


CASES = [
    # what the scope forbids
    (facts(tool="payments.refund"), "refuse", "scope.tool"),
    (facts(scope=specs.Scope()), "refuse", "scope.tool"),
    (facts(scope=specs.Scope(tools=("payments.pay",))), "refuse", "scope.category"),
    (facts(target="invoices/4711"), "refuse", "scope.target"),
    (facts(target=""), "refuse", "scope.target"),
    (facts(currency="USD"), "refuse", "scope.currency"),
    (facts(amount="90000.01"), "refuse", "scope.per_action"),
    (facts(amount="90000.001"), "refuse", "scope.per_action"),
    (facts(rolling={"EUR": "18000.01"}), "refuse", "scope.rolling"),
    # what a person always decides
    (facts(), "hold", "hold.financial"),
    (facts(amount="0.01"), "hold", "hold.financial"),
    (facts(amount="90000"), "hold", "hold.financial"),
    (facts(rolling={"EUR": "18000.00"}), "hold", "hold.financial"),
    (facts(rolling={"USD": "99999999"}), "hold", "hold.financial"),
    (plain(category="safety_critical"), "hold", "hold.safety_critical"),
    (plain(category="affects_person"), "hold", "hold.affects_person"),
    (plain(category="routine", person="Dana Reyes"), "hold", "hold.person"),
    # above the policy's limit, or without one
    (facts(category="outward", amount="50.00"), "allow", "allow.within_limit"),
    (facts(category="outward", amount="50.01"), "hold", "hold.over_limit"),
    (facts(category="destructive", amount="5.01"), "hold", "hold.over_limit"),
    (facts(category="outward", scope=UNLIMITED, amount="5", currency="USD"), "hold", "hold.no_limit"),
    (plain(category="outward"), "hold", "hold.no_amount"),
    (plain(category="destructive"), "hold", "hold.no_amount"),
    (facts(category="routine", amount="5"), "hold", "hold.no_limit"),
    # money that cannot be read exactly
    *[
        (facts(category="outward", scope=UNLIMITED, amount=amount, currency=currency), "hold", "hold.money")
        for amount, currency in [
            ("5,00", "EUR"),
            ("5e1", "EUR"),
            ("-5.00", "EUR"),
            ("0", "EUR"),
            ("٥", "EUR"),
            ("5.001", "EUR"),
            ("5.5", "JPY"),
            ("5.00", "eur"),
            ("5.00", "XXX"),
            ("5.00", ""),
            ("5.00", None),
            ("", "EUR"),
            ("NaN", "EUR"),
            (" 5", "EUR"),
        ]
    ],
    (plain(category="routine", moves_money=True), "hold", "hold.money"),
    (plain(category="outward", moves_money=True), "hold", "hold.no_amount"),
    # the rest
    (plain(category="routine"), "allow", "allow.category"),
]


@pytest.mark.parametrize(("given_facts", "decision", "rule"), CASES)
def test_each_case_has_its_decision_and_its_rule(given_facts, decision, rule):
    found = policy.assess(given_facts, LIMITED)

    assert found.decision == decision
    assert rule in {finding.rule for finding in found.findings if finding.decision == decision}


@pytest.mark.parametrize("category", ["destructive", "outward"])
@pytest.mark.parametrize("amount", ["0.01", "50"])
def test_strict_holds_destructive_and_outward_actions_of_any_amount(category, amount):
    assert policy.assess(facts(category=category, amount=amount), terms.STRICT).decision == "hold"


def test_the_explanation_carries_the_numbers():
    found = policy.assess(facts(rolling={"EUR": "20000"}), LIMITED)

    assert found.explanation == (
        "With this action the total of 24 hours would be 102,000.00 EUR, "
        "over the scope's limit of 100,000.00 EUR."
    )
    assert (found.policy, found.policy_revision) == ("limited", 3)


def test_a_hold_beside_a_refusal_is_a_refusal_and_both_are_kept():
    found = policy.assess(facts(tool="payments.refund"), LIMITED)

    assert found.decision == "refuse"
    assert [finding.decision for finding in found.findings] == ["refuse", "hold"]


@pytest.mark.parametrize("category", specs.ALWAYS_HELD)
def test_no_policy_can_let_the_always_held_categories_pass(category):
    open_policy = terms.Policy(
        slug="open", always_hold=(), allowed=(category,), limits={category: {"EUR": "1000000"}}
    )

    assert policy.assess(plain(category=category), open_policy).decision == "hold"
    assert policy.assess(facts(category=category, amount="1"), open_policy).decision == "hold"


def test_an_action_that_no_rule_covers_is_held():
    found = policy.assess(facts(), LIMITED, built_in=())

    assert (found.decision, found.rule) == ("hold", "hold.no_rule")


def broken(facts: terms.Facts, policy: terms.Policy) -> terms.Finding | None:
    raise ZeroDivisionError


def refusing(facts: terms.Facts, policy: terms.Policy) -> terms.Finding | None:
    return terms.Finding(decision="refuse", rule="no", explanation="No.")


def allowing(facts: terms.Facts, policy: terms.Policy) -> terms.Finding | None:
    return terms.Finding(decision="allow", rule="yes", explanation="Yes.")


def test_a_rule_that_fails_holds_what_the_others_allow():
    assert policy.assess(facts(), LIMITED, built_in=(allowing, broken)).decision == "hold"


def test_a_rule_that_fails_does_not_weaken_a_refusal():
    assert policy.assess(facts(), LIMITED, built_in=(broken, refusing)).decision == "refuse"


@pytest.mark.parametrize("limit", ["", "many", "NaN", "-1", "Infinity", "1e9"])
def test_a_limit_that_is_no_number_holds(limit):
    loose = specs.Scope(tools=SCOPE.tools, categories=SCOPE.categories)
    with_limit = terms.Policy(slug="loose", limits={"outward": {"EUR": limit}})

    found = policy.assess(facts(category="outward", amount="1", scope=loose), with_limit)

    assert found.decision == "hold"


@pytest.mark.parametrize("rolling", ["many", "NaN", ""])
def test_a_rolling_total_that_is_no_number_holds(rolling):
    found = policy.assess(facts(category="outward", amount="1", rolling={"EUR": rolling}), LIMITED)

    assert (found.decision, found.rule) == ("hold", "hold.rule_failed")


@given(
    category=st.sampled_from(
        ["routine", "financial", "safety_critical", "affects_person", "outward", "destructive"]
    ),
    amount=st.none() | st.text(max_size=20) | st.decimals(allow_nan=True).map(str),
    currency=st.none() | st.text(max_size=4) | st.sampled_from(["EUR", "JPY", "KWD"]),
    target=st.text(max_size=20),
    person=st.none() | st.text(max_size=5),
    rolling=st.dictionaries(st.sampled_from(["EUR", "JPY"]), st.text(max_size=6)),
    reversibility=st.sampled_from(["reversible", "compensable", "irreversible"]),
)
def test_no_input_makes_assessing_raise_or_lets_an_always_held_category_pass(**given_facts):
    scope = specs.Scope(tools=("t",), categories=SCOPE.categories, limits=SCOPE.limits)

    found = policy.assess(terms.Facts(agent="a", tool="t", scope=scope, **given_facts), LIMITED)

    assert found.tier in terms.TIERS
    if given_facts["category"] in specs.ALWAYS_HELD or given_facts["person"]:
        assert found.decision != "allow"


@pytest.mark.parametrize(
    ("given_facts", "tier"),
    [
        (plain(category="safety_critical", reversibility="reversible"), "critical"),
        (facts(amount="100000"), "critical"),
        (facts(amount="99999.99"), "high"),
        (facts(amount="10000"), "high"),
        (facts(amount="9999.99"), "medium"),
        (facts(amount="lots"), "high"),
        (plain(category="affects_person"), "high"),
        (plain(category="destructive", reversibility="irreversible"), "high"),
        (plain(category="destructive", reversibility="reversible"), "medium"),
        (plain(category="outward", reversibility="irreversible"), "medium"),
        (plain(category="outward", reversibility="reversible"), "low"),
    ],
)
def test_the_tier_follows_from_what_is_at_stake(given_facts, tier):
    assert policy.tier_of(given_facts, LIMITED) == tier
