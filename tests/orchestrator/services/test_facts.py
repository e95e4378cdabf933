"""What the gate is told: totals by the account of each limit, and the files that belong to a run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from orchestrator.domain import commands as c
from orchestrator.domain.specs import Limit, Scope
from orchestrator.services import facts
from tests.orchestrator import runs
from tests.orchestrator.workflows import sealed, workflow

pytestmark = pytest.mark.django_db


def _with_limits(*limits: Limit):  # type: ignore[no-untyped-def]
    spec = workflow("one", turns=50)
    slug, agent = next(iter(spec.agents.items()))
    scope = Scope(tools=agent.scope.tools, categories=agent.scope.categories, limits=limits)
    return replace(spec, agents={slug: replace(agent, scope=scope)})


def test_a_rolling_limit_on_one_tool_counts_that_tool_only() -> None:
    spec = _with_limits(
        Limit(currency="EUR", rolling="100", tool="t.pay"), Limit(currency="EUR", rolling="500")
    )
    run = runs.begin(spec)
    actions = tuple(
        replace(sealed(runs.state_of(run).spec, tool, f"c{at}", n=at), amount=amount, currency="EUR")
        for at, (tool, amount) in enumerate((("t.pay", "10.00"), ("t.send", "20.00"), ("t.pay", "1.00")))
    )
    runs.reply(run, actions=actions)
    for name in ("a1", "a2"):
        allow = c.RecordAssessment(
            actor="system", at=runs.now(), action=name, decision="allow", rule="r", explanation="e"
        )
        runs.engine.submit(run, allow)
    state = runs.state_of(run)

    totals = facts.rolling_totals(state, state.actions["a3"], state.spec.agents["worker"].scope)

    assert {account: float(total) for account, total in totals.items()} == {"EUR t.pay": 10.0, "EUR": 30.0}


@pytest.mark.parametrize("files", [None, "x", [{"digest": []}], [{}], [3], {"digest": "d"}])
def test_a_malformed_list_of_files_names_no_file(files: object) -> None:
    run = runs.begin(inputs={"files": files})
    assert facts.file_digests(runs.state_of(run)) == frozenset()
