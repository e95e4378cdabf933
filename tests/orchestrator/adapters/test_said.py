"""What an agent says of its own use is bounded before it is added up."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.adapters import said
from orchestrator.domain.errors import PortFailure
from orchestrator.domain.replies import ProposedAction, Reply, Usage


@pytest.mark.parametrize(
    "use",
    [{"cost": cost} for cost in ("NaN", "-5", "Infinity", "1e999999", "x", "")]
    + [{"input_tokens": 2**40}, {"output_tokens": -1}, {"milliseconds": 2**40}],
)
def test_use_that_would_lift_a_limit_is_sent_back(use: dict[str, Any]) -> None:
    with pytest.raises(PortFailure) as failure:
        said.checked(Reply(output={}, usage=(Usage(**use),)))
    assert failure.value.retry == "contract"


@pytest.mark.parametrize("cost", [None, "0", "0.0125", "1.2E-6"])
def test_a_cost_that_can_be_added_up_is_taken(cost: str | None) -> None:
    assert said.checked(Reply(output={}, usage=(Usage(cost=cost),))).usage[0].cost == cost


@pytest.mark.parametrize(("field", "most"), [("reason", said.MAX_REASON), ("otherwise", 1000)])
def test_what_is_said_of_an_action_is_sent_back_when_it_is_too_long(field: str, most: int) -> None:
    said.checked(Reply(actions=(ProposedAction(tool="t", arguments={}, **{field: "x" * most}),)))
    with pytest.raises(PortFailure, match=field) as failure:
        said.checked(Reply(actions=(ProposedAction(tool="t", arguments={}, **{field: "x" * (most + 1)}),)))
    assert failure.value.retry == "contract"
