"""Dead letters: an effect that was handed out too often without an answer."""

from __future__ import annotations

from orchestrator.domain import commands as c
from orchestrator.domain import events as e
from orchestrator.domain.drafts import Draft
from orchestrator.domain.rules import actions, questions


def dead_letter(draft: Draft, command: c.DeadLetter) -> None:
    state = draft.state
    if command.kind == "answer":
        questions.give_up(draft, command)
        return
    if command.subject not in (state.turns if command.kind in {"turn", "validate"} else state.actions):
        return  # the run went on without it
    if command.kind == "execute":
        action = state.actions[command.subject]
        if action.status == "claimed":
            actions.unconfirmed(
                draft,
                c.RecordUnconfirmed(actor=command.actor, at=command.at, action=action.id, text=command.text),
            )
            return
    if command.kind == "turn":
        turn = state.turns[command.subject]
        draft.add(e.TurnFailed(turn=turn.id, retry="poison", text=command.text), cause=turn.seq)
    if state.status == "running":
        draft.add(
            e.RunPaused(
                reason=f"{command.text} Resume to let it try again, or cancel the run.",
                fault=True,
            )
        )
