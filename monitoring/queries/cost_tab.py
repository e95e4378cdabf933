"""What a run costs: per agent, and turn by turn."""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.domain.amounts import cost_words
from orchestrator.queries import AgentCost, Past, TurnCard
from orchestrator.queries import watching as queries


@dataclass(frozen=True)
class CostTab:
    agents: tuple[tuple[AgentCost, str], ...]
    turns: tuple[tuple[TurnCard, str], ...]
    total: int
    after: int


def cost_tab(run: str, *, past: Past | None = None, after: int, limit: int) -> CostTab:
    if past is not None:
        page, agents = past.turn_page(after=after, limit=limit), past.agent_costs()
    else:
        page, agents = queries.turn_page(run, after=after, limit=limit), queries.agent_costs(run)
    return CostTab(
        agents=tuple(
            (
                agent,
                cost_words(
                    agent.cost, unpriced=agent.unpriced, tokens=agent.input_tokens + agent.output_tokens
                ),
            )
            for agent in agents
        ),
        turns=tuple((turn, _cost(turn)) for turn in page.cards),
        total=page.total,
        after=page.after,
    )


def _cost(turn: TurnCard) -> str:
    if turn.is_unpriced:
        return "unknown"
    if turn.cost is None:
        return "none"
    return cost_words(turn.cost, tokens=turn.input_tokens + turn.output_tokens)
