"""Actions with their chain: goal, turn, verdict, gate, sign-offs, claim, result. Read for a whole page at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from approvals.queries.of_action import revisions_of
from monitoring.domain import lines
from orchestrator.domain import events as e
from orchestrator.queries import ActionCard, EventCard, Shown
from orchestrator.queries import watching as queries


@dataclass(frozen=True)
class Signed:
    who: str
    role: str
    state: str
    reason: str


@dataclass(frozen=True)
class Step:
    """One link of the chain; `seq` leads to its event."""

    part: str
    seq: int
    title: str
    detail: str
    state: str
    who: str
    at: dt.datetime
    signed: tuple[Signed, ...]


@dataclass(frozen=True)
class Piece:
    """Content of an event for the page: shown when it is small, offered as a download when it is not."""

    name: str
    title: str
    seq: int
    shown: Shown


@dataclass(frozen=True)
class ActionRow:
    card: ActionCard
    request: str
    steps: tuple[Step, ...]
    pieces: tuple[Piece, ...]


PARTS = {
    "run.started": "Goal",
    "turn.requested": "Turn",
    "turn.completed": "Answer",
    "stage.passed": "Verdict",
    "action.proposed": "Proposal",
    "action.allowed": "Gate",
    "action.held": "Gate",
    "action.refused": "Refusal",
    "action.released": "Sign-off",
    "action.recalled": "Gate",
    "action.edited": "Change",
    "question.asked": "Question",
    "question.answered": "Answer",
    "action.claimed": "Claim",
    "action.executed": "Result",
    "action.failed": "Result",
    "action.unconfirmed": "Result",
    "action.voided": "End",
}
ANSWERS = {"approve": "approved", "reject": "rejected"}
# The largest content that a list shows by itself.
MOST_SHOWN = 4096


def action_rows(run: str, cards: Sequence[ActionCard], *, head: int) -> tuple[ActionRow, ...]:
    """Rows with chains up to the event `head`, in a number of reads that does not depend on how many they are."""
    chains = {
        seq: tuple(event for event in chain if event.seq <= head)
        for seq, chain in queries.chains(run, [card.proposed_seq for card in cards]).items()
    }
    everything = [event for chain in chains.values() for event in chain]
    names = queries.names_of(run, everything)
    # The row says amount and target once; its steps need not.
    plain = {name: replace(known, amount="", target="") for name, known in names.actions.items()}
    names = replace(names, actions=plain)
    requests = revisions_of(run, [card.action for card in cards])
    return tuple(_row(card, chains.get(card.proposed_seq, ()), names, requests) for card in cards)


def _row(
    card: ActionCard,
    chain: Sequence[EventCard],
    names: queries.Names,
    requests: Mapping[tuple[str, int], str],
) -> ActionRow:
    pieces = []
    for event in chain:
        if isinstance(event.body, e.ActionProposed):
            pieces.append(
                Piece("arguments", f"Arguments of {card.action}", event.seq, _shown(event.body.arguments))
            )
        elif isinstance(event.body, e.ActionExecuted):
            pieces.append(Piece("result", f"Result of {card.action}", event.seq, _shown(event.body.result)))
    # A proposal may name its verdict as its cause and share it with others: only what is about this action follows.
    own = [
        event
        for event in chain
        if getattr(event.body, "action", card.action) == card.action and event.type in PARTS
    ]
    return ActionRow(
        card, _request(card, own, requests), tuple(_step(event, names) for event in own), tuple(pieces)
    )


def _request(card: ActionCard, chain: Sequence[EventCard], requests: Mapping[tuple[str, int], str]) -> str:
    """The approval request of an action; empty when it was never held.

    Its answer names it. While it waits it is the revision that its last hold opened: each hold opens the next one.
    """
    holds = sum(event.type == "action.held" for event in chain)
    return card.request or requests.get((card.action, holds), "")


def _shown(content: Any) -> Shown:
    if not content.is_inline:
        return Shown("", content.digest, content.size, is_large=True)
    return queries.shown(content, limit=MOST_SHOWN)


def _step(event: EventCard, names: queries.Names) -> Step:
    line = lines.line_of(event.type, event.actor, event.body, names)
    given = getattr(event.body, "sign_offs", ())
    return Step(
        part=PARTS.get(event.type, "Event"),
        seq=event.seq,
        title=line.title,
        detail=line.detail,
        state=line.state,
        who=lines.actor_words(event.actor),
        at=event.at,
        signed=tuple(Signed(one.who, one.role, ANSWERS.get(one.verb, one.verb), one.reason) for one in given),
    )
