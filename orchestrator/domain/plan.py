"""Which effects a run wants now. A want is derived from the state, so losing one is impossible: it comes back.

Anything that needs a person is simply an effect that is not wanted until a release event exists.
"""

from __future__ import annotations

from orchestrator.domain import ids
from orchestrator.domain.effects import Want
from orchestrator.domain.state import RunState


def plan(state: RunState) -> dict[str, Want]:
    """The wanted effects by key. Idempotent: the same state wants the same effects."""
    wants: list[Want] = []
    stream = state.stream
    if state.status == "running":
        spec = state.spec
        for turn in state.turns.values():
            if turn.answered and turn.answer is not None:
                key = ids.effect_key(stream, "validate", turn.id, turn.attempt, turn.answer.digest)
                wants.append(Want(key, "validate", turn.id, "main"))
            else:
                key = ids.effect_key(stream, "turn", turn.id, turn.attempt, turn.agent)
                agent = spec.agents.get(turn.agent)
                isolated = agent is not None and agent.isolated
                wants.append(Want(key, "turn", turn.id, "isolated" if isolated else "main"))
        for question in state.questions.values():
            key = ids.effect_key(stream, "answer", question.id, 1, question.agent)
            asked = spec.agents.get(question.agent)
            wants.append(
                Want(
                    key, "answer", question.id, "isolated" if asked is not None and asked.isolated else "main"
                )
            )
    for action in state.actions.values():
        status = action.status
        if status == "claimed" or (state.status == "running" and status in {"allowed", "released"}):
            if state.is_external:
                continue  # the agent claims it, elsewhere
            # A claimed action may have left the building: its outcome is wanted whatever became of the run.
            key = ids.effect_key(stream, "execute", action.id, action.assessment, action.digest)
            wants.append(Want(key, "execute", action.id, "main"))
        elif status == "proposed" and state.status == "running":
            key = ids.effect_key(stream, "assess", action.id, action.assessment, action.digest)
            wants.append(Want(key, "assess", action.id, "main"))
    return {want.key: want for want in wants}
