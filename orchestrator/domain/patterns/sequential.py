"""The sequential chain: stage after stage, each output invisible to the next until its verdict is recorded.

Verdicts: pass; repairable (the same stage tries again with the failure text, at most `repairs` times);
upstream_suspect (the stage before is opened again, which counts against the workflow's rework cap); fatal.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.domain import actions as acts
from orchestrator.domain import events as e
from orchestrator.domain import patterns
from orchestrator.domain.commands import SealedAction
from orchestrator.domain.drafts import Draft
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.state import Turn
from orchestrator.domain.validation import StageVerdict

MAX_REPAIRS = 3


class Sequential:
    """See the module."""

    def faults(self, spec: WorkflowSpec) -> list[str]:
        found: list[str] = []
        if not spec.stages:
            found.append("A sequential workflow needs at least one stage. Add one.")
        seen: list[str] = []
        for stage in spec.stages:
            if stage.name in seen:
                found.append(f"Two stages are called {stage.name!r}. Give each its own name.")
            if stage.agent not in spec.agents:
                found.append(
                    f"Stage {stage.name!r} names agent {stage.agent!r}, which this workflow does not have."
                )
            if not 0 <= stage.repairs <= MAX_REPAIRS:
                found.append(
                    f"Stage {stage.name!r} allows {stage.repairs} repairs; it must be 0 to {MAX_REPAIRS}."
                )
            for name, source in stage.inputs.items():
                head = source.split(".", 1)[0]
                if head != "run" and head not in seen:
                    found.append(
                        f"Stage {stage.name!r} takes {name!r} from {source!r}: "
                        "only 'run.…' or an earlier stage may be named."
                    )
            seen.append(stage.name)
        return found

    def begin(self, draft: Draft, cause: int) -> None:
        self._open(draft, 0, cause)

    def answered(self, draft: Draft, turn: Turn, cause: int, *, wants_more: bool) -> None:
        state = draft.state
        if turn.id in state.turns:
            return  # an output: its verdict comes next
        if any(action.turn == turn.id for action in state.actions.values()):
            return  # the results of its actions come first
        self._next_turn(draft, turn, cause, wants_more or bool(state.settled))

    def judged(
        self, draft: Draft, turn: Turn, verdict: StageVerdict, actions: Sequence[SealedAction], cause: int
    ) -> None:
        state = draft.state
        stage = state.stage(turn.stage)
        spec = state.spec.stage(turn.stage)
        answer = turn.answer
        if verdict.outcome == "pass" and answer is not None:
            passed = draft.add(
                e.StagePassed(stage=turn.stage, turn=turn.id, output=answer, verdict=verdict), cause=cause
            )
            acts.propose(draft, turn, actions, passed)
            self.settled(draft, draft.state.seq)
        elif verdict.outcome == "repairable" and stage.repairs < min(spec.repairs, MAX_REPAIRS):
            back = draft.add(
                e.StageSentBack(
                    stage=turn.stage, turn=turn.id, to=turn.stage, reason=verdict.text, verdict=verdict
                ),
                cause=cause,
            )
            self._open(draft, state.stage_index(turn.stage), back, feedback=verdict.text)
        elif verdict.outcome == "upstream_suspect" and state.stage_index(turn.stage) > 0:
            self._send_upstream(draft, turn, verdict, cause)
        else:
            reason = verdict.text or "The output was not accepted."
            if verdict.outcome == "repairable":
                reason = f"Still not acceptable after {stage.repairs} repairs: {reason}"
            elif verdict.outcome == "upstream_suspect":
                reason = f"The first stage has no stage before it that could be wrong: {reason}"
            failed = draft.add(
                e.StageFailed(stage=turn.stage, turn=turn.id, reason=reason, verdict=verdict), cause=cause
            )
            _fail(draft, f"Stage {turn.stage!r} failed. {reason}", failed)

    def failed(self, draft: Draft, turn: Turn, retry: str, text: str, cause: int) -> None:
        state = draft.state
        stage = state.stage(turn.stage)
        spec = state.spec.stage(turn.stage)
        if retry == "contract" and stage.repairs < min(spec.repairs, MAX_REPAIRS):
            verdict = StageVerdict(outcome="repairable")
            back = draft.add(
                e.StageSentBack(stage=turn.stage, turn=turn.id, to=turn.stage, reason=text, verdict=verdict),
                cause=cause,
            )
            self._open(draft, state.stage_index(turn.stage), back, feedback=text)
            return
        draft.add(
            e.RunPaused(
                reason=f"Stage {turn.stage!r} could not go on: {text} Resume to let it try again, or cancel the run.",
                fault=True,
            ),
            cause=cause,
            actor="system",
        )

    def settled(self, draft: Draft, cause: int) -> None:
        state = draft.state
        if state.status != "running" or state.turns or state.actions:
            return
        stage = state.stages[state.position]
        spec = state.spec.stages[state.position]
        if stage.status == "open":
            self._continue(draft, cause)
            return
        if spec.required_actions and stage.unperformed:
            failed = draft.add(
                e.StageFailed(
                    stage=stage.name, reason="An action that this stage requires was not performed."
                ),
                cause=cause,
                actor="system",
            )
            _fail(draft, f"Stage {stage.name!r} requires its actions, and one was refused or failed.", failed)
        elif state.position + 1 < len(state.stages):
            self._open(draft, state.position + 1, cause)
        else:
            draft.add(
                e.RunSucceeded(output=stage.output, refused=state.totals.refused), cause=cause, actor="system"
            )

    def resumed(self, draft: Draft, cause: int) -> None:
        state = draft.state
        if state.turns or state.actions:
            return
        stage = state.stages[state.position]
        if stage.status == "passed":
            self.settled(draft, cause)
        else:
            self._open(draft, state.position, cause)

    # ---- how a stage goes on ----
    def _send_upstream(self, draft: Draft, turn: Turn, verdict: StageVerdict, cause: int) -> None:
        state = draft.state
        index = state.stage_index(turn.stage)
        if state.totals.rework >= state.spec.rework_cap:
            failed = draft.add(
                e.StageFailed(stage=turn.stage, turn=turn.id, reason=verdict.text, verdict=verdict),
                cause=cause,
            )
            _fail(
                draft,
                f"Stage {turn.stage!r} suspects its input again, and the run may be reworked "
                f"{state.spec.rework_cap} times at most. {verdict.text}",
                failed,
            )
            return
        before = state.stages[index - 1].name
        back = draft.add(
            e.StageSentBack(stage=turn.stage, turn=turn.id, to=before, reason=verdict.text, verdict=verdict),
            cause=cause,
        )
        self._open(
            draft, index - 1, back, feedback=f"The next stage could not work with this output: {verdict.text}"
        )

    def _open(self, draft: Draft, index: int, cause: int, *, feedback: str = "") -> None:
        stage = draft.state.stages[index]
        self._request(draft, stage.name, attempt=stage.attempt + 1, number=1, cause=cause, feedback=feedback)

    def _continue(self, draft: Draft, cause: int) -> None:
        """The results of a turn's actions are in: the agent goes on."""
        state = draft.state
        stage = state.stages[state.position]
        self._within_budget(draft, stage.name, stage.attempt, stage.turns, cause)

    def _next_turn(self, draft: Draft, turn: Turn, cause: int, wants_more: bool) -> None:
        if not wants_more:
            text = (
                "The reply had neither an output nor an action. Give the output, or say what you still need."
            )
            self.failed(draft, turn, "contract", text, cause)
            return
        self._within_budget(draft, turn.stage, turn.attempt, turn.number, cause)

    def _within_budget(self, draft: Draft, stage: str, attempt: int, used: int, cause: int) -> None:
        state = draft.state
        limit = state.spec.agents[state.spec.stage(stage).agent].budget.turns
        if used < limit:
            self._request(draft, stage, attempt=attempt, number=used + 1, cause=cause)
            return
        spent = draft.add(
            e.BudgetExhausted(unit="turns", limit=str(limit), used=str(used), subject=stage),
            cause=cause,
            actor="system",
        )
        draft.add(
            e.RunPaused(
                reason=f"Stage {stage!r} used its {limit} turns without an output. "
                "Resume to give it as many again, or cancel.",
                fault=True,
            ),
            cause=spent,
            actor="system",
        )

    def _request(
        self, draft: Draft, stage: str, *, attempt: int, number: int, cause: int, feedback: str = ""
    ) -> None:
        draft.add(
            e.TurnRequested(
                turn=f"t{draft.state.totals.turns + 1}",
                stage=stage,
                agent=draft.state.spec.stage(stage).agent,
                attempt=attempt,
                number=number,
                feedback=feedback,
                transcript=draft.state.transcript,
            ),
            cause=cause,
            actor="system",
        )


def _fail(draft: Draft, reason: str, cause: int) -> None:
    for action in list(draft.state.actions.values()):
        if action.status not in {"claimed", "unconfirmed"}:
            draft.add(e.ActionVoided(action=action.id, reason="The run failed."), cause=cause, actor="system")
    draft.add(e.RunFailed(reason=reason), cause=cause, actor="system")


patterns.register("sequential", Sequential())
