"""A draft against what happened: figures, pages, and facts as they were then."""

from __future__ import annotations

import msgspec
import pytest
from django.utils import timezone

from approvals.domain import shipped, terms
from approvals.services import dry_run
from tests.approvals import runs

pytestmark = pytest.mark.django_db
replace = msgspec.structs.replace

ONE_RULE = terms.Rule(id="all", title="All", when="true", then="refuse")


def noted(text: str = "hello", spec=runs.SPEC) -> str:  # type: ignore[no-untyped-def]
    run = runs.start(spec=spec)
    runs.propose(run, {"text": text}, tool="tests.note")
    runs.work(run)
    return run


def test_a_draft_that_says_the_same_changes_nothing(operator, reviewer):
    noted()
    runs.held_run()
    runs.held_run({**runs.PAYMENT, "amount": "900000.00"})

    found = dry_run.dry_run(terms.STRICT, days=7, now=timezone.now())

    assert dict(found.would) == dict(found.did) == {"allow": 1, "hold": 1, "refuse": 1}
    assert (found.assessed, found.changed, found.milder, found.left_out) == (3, 0, 0, 0)
    assert found.per_day == found.per_reviewer == 1 / 7


def test_a_draft_that_refuses_all_is_stricter_everywhere(operator, reviewer):
    noted()
    runs.held_run()

    found = dry_run.dry_run(terms.Policy(slug="x", rules=(ONE_RULE,)), days=1, now=timezone.now())

    assert (found.changed, found.milder, dict(found.would)) == (2, 0, {"refuse": 2})
    assert {(row.happened, row.found.decision) for row in found.rows} == {
        ("allow", "refuse"),
        ("hold", "refuse"),
    }


def test_only_the_workflows_that_use_a_policy_are_assessed_when_that_is_asked_for(operator):
    noted()
    noted(spec=replace(runs.SPEC, slug="other"))

    found = dry_run.dry_run(terms.STRICT, days=1, now=timezone.now(), workflows=["other"])

    assert found.assessed == 1


def test_totals_and_first_targets_are_as_they_were_then(operator, reviewer):
    for amount in ("1.00", "2.00", "3.00"):
        runs.held_run({**runs.PAYMENT, "amount": amount})
    totals = terms.Rule(
        id="t",
        title="T",
        when="totals.all_24h > 0",
        then="hold",
        explanation="{money.amount}, {totals.all_24h}",
    )

    found = dry_run.dry_run(terms.Policy(slug="x", rules=(totals,)), days=1, now=timezone.now())

    said = {one.explanation for row in found.rows for one in row.found.findings if one.rule == "t"}
    assert said == {"1.00 EUR, 1.00 EUR", "2.00 EUR, 3.00 EUR", "3.00 EUR, 6.00 EUR"}


def test_many_are_shown_in_pages(operator, monkeypatch):
    monkeypatch.setattr(dry_run, "PER_PAGE", 2)
    monkeypatch.setattr(dry_run, "MOST", 5)
    runs.held_run(*({**runs.PAYMENT, "payee": f"p{n}"} for n in range(7)))

    found = dry_run.dry_run(terms.STRICT, days=1, page=99, now=timezone.now())

    assert (found.assessed, found.left_out, found.pages, found.page, len(found.rows)) == (5, 2, 3, 3, 1)


def test_balanced_weighs_where_the_values_of_a_live_action_come_from(operator):
    spec = replace(runs.SPEC, policy="balanced")
    run = runs.start(spec=spec)
    runs.propose(run, {"text": "hello"}, tool="tests.note")
    runs.work(run)

    card, found, facts = dry_run.try_past(shipped.BALANCED, run, "a1")

    assert (card.state, found.decision, found.rule) == ("executed", "allow", "routine")
    assert dict(facts)["request.is_given"] == "no"
