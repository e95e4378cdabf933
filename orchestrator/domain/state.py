"""RunState and evolve. The state is the fold of a run's events; evolve is total and never refuses.

The state holds what is open or still citable: open turns, open actions, the stages' accepted outputs. What is
finished lives in rows and blobs, so that the state does not grow with the run's length. States are immutable:
`evolve` gives a new one and copies only the small table that changed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator.domain import digests
from orchestrator.domain import events as e
from orchestrator.domain.content import Content
from orchestrator.domain.replies import Usage
from orchestrator.domain.specs import WorkflowSpec
from orchestrator.domain.validation import StageVerdict

# Raised whenever the shape of RunState changes; older snapshots are then ignored and the log is folded anew.
VERSION = 6

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})

# The life of an action. Every other step is refused by `decide`.
ACTION_STEPS: dict[str, frozenset[str]] = {
    "proposed": frozenset({"allowed", "held", "refused", "voided"}),  # the gate answers; cancel voids
    "allowed": frozenset({"claimed", "executed", "failed", "voided", "proposed"}),  # reads need no claim
    "held": frozenset({"released", "refused", "voided"}),  # people answer
    # the executor takes it once, it is recalled, or a person revokes the approval
    "released": frozenset({"claimed", "proposed", "refused", "voided"}),
    "claimed": frozenset({"executed", "failed", "unconfirmed"}),  # the outcome comes back, or does not
    "unconfirmed": frozenset({"executed", "failed"}),  # a named person finds out
}


class Stage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a stage stands: waiting, open, passed or failed. `attempt` counts its tries, `repairs` those that
    were caused by its own output, `unperformed` its actions that were refused or failed, `output` is absent until
    its verdict was recorded."""

    name: str
    status: str = "waiting"
    attempt: int = 0
    repairs: int = 0
    turns: int = 0
    unperformed: int = 0
    output: Content | None = None


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """An open turn. `answered` holds its output until the verdict; results collects what became of its actions."""

    id: str
    stage: str
    agent: str
    attempt: int
    number: int
    seq: int
    feedback: str = ""
    transcript: Content | None = None
    answer: Content | None = None
    answered: bool = False
    proposals: Content | None = None
    assertions: Content | None = None
    suspects_upstream: str = ""


class Action(msgspec.Struct, frozen=True, omit_defaults=True):
    """An open action: one that may still change the world, or of which it is not known whether it did."""

    id: str
    turn: str
    stage: str
    agent: str
    tool: str
    status: str
    digest: str
    arguments: Content
    seq: int
    call_id: str = ""
    consequential: bool = True
    request: str = ""
    assessment: int = 1
    target: str = ""
    amount: str | None = None
    currency: str | None = None
    person: str | None = None
    reason: str = ""
    otherwise: str = ""
    evidence: Content | None = None
    tier: str = ""
    rule: str = ""
    explanation: str = ""
    execute_by: int = 0
    edited_by: str = ""
    note: str = ""


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reviewer's question that the agent has not answered yet."""

    id: str
    action: str
    stage: str
    agent: str
    request: str
    text: str
    seq: int
    transcript: Content | None = None


class Commitment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A commitment that is neither discharged nor cancelled nor violated. `due_at` 0 means that no time was named."""

    id: str
    debtor: str
    creditor: str
    seq: int
    due: str = ""
    due_at: int = 0


class Settled(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an action, kept until the agent that asked for it has been told."""

    call_id: str
    tool: str
    state: str
    result: Content | None = None
    text: str = ""


class Totals(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counts over the whole run. `cost` is decimal text in USD; `unpriced` counts calls of unknown price."""

    turns: int = 0
    actions: int = 0
    executed: int = 0
    refused: int = 0
    failed: int = 0
    voided: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str = "0"
    unpriced: int = 0
    rework: int = 0


class RunState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run as its events tell it."""

    stream: str
    seq: int = 0
    status: str = "new"
    spec_json: msgspec.Raw = msgspec.Raw(b"{}")
    spec_digest: str = ""
    input: Content | None = None
    title: str = ""
    started_by: str = ""
    on_behalf_of: str = ""
    started_at: int = 0
    ended_at: int = 0
    reason: str = ""
    is_fault: bool = False
    position: int = 0
    stages: tuple[Stage, ...] = ()
    turns: dict[str, Turn] = {}
    actions: dict[str, Action] = {}
    questions: dict[str, Question] = {}
    commitments: dict[str, Commitment] = {}
    settled: tuple[Settled, ...] = ()
    transcript: Content | None = None
    totals: Totals = Totals()
    output: Content | None = None

    @property
    def spec(self) -> WorkflowSpec:
        return spec_from(self.spec_digest, self.spec_json)

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL

    @property
    def is_external(self) -> bool:
        """Whether the agent runs elsewhere: its actions are claimed by it, never executed from here."""
        return self.spec.pattern == "external"

    def stage(self, name: str) -> Stage:
        """The stage of that name; one that the workflow does not have waits for ever."""
        return next((stage for stage in self.stages if stage.name == name), Stage(name))

    def stage_index(self, name: str) -> int:
        """The place of a stage; where the run stands when the workflow does not have it."""
        return next((index for index, stage in enumerate(self.stages) if stage.name == name), self.position)


# Decoded once per process, by digest; the oldest goes when there are many.
_SPECS: dict[str, WorkflowSpec] = {}
_MOST_SPECS = 256


def spec_from(digest: str, data: bytes | msgspec.Raw) -> WorkflowSpec:
    """The workflow that a run pinned. `digest` is the SHA-256 of `data`; it is kept only when that is so."""
    found = _SPECS.get(digest)
    if found is None:
        found = msgspec.json.decode(data, type=WorkflowSpec)
        if digests.sha256(bytes(data)) != digest:
            return found  # a tampered record speaks for its own run only
        if len(_SPECS) >= _MOST_SPECS:
            _SPECS.pop(next(iter(_SPECS)), None)
        _SPECS[digest] = found
    return found


def evolve(state: RunState, event: e.Event) -> RunState:
    """The state after a fact. Total: a fact it does not know only moves the sequence."""
    apply = _APPLY.get(type(event.body))
    if apply is None:
        return replace(state, seq=event.seq)
    return apply(state, event, event.body)


def _run_started(state: RunState, event: e.Event, body: e.RunStarted) -> RunState:
    spec = spec_from(body.spec_digest, body.spec)
    return replace(
        state,
        seq=event.seq,
        status="running",
        spec_json=body.spec,
        spec_digest=body.spec_digest,
        input=body.input,
        title=body.title,
        started_by=body.started_by,
        on_behalf_of=body.on_behalf_of,
        started_at=event.at,
        stages=tuple(Stage(stage.name) for stage in spec.stages),
    )


def _paused(state: RunState, event: e.Event, body: e.RunPaused) -> RunState:
    return replace(state, seq=event.seq, status="paused", reason=body.reason, is_fault=body.fault)


def _resumed(state: RunState, event: e.Event, body: e.RunResumed) -> RunState:
    return replace(state, seq=event.seq, status="running", reason="", is_fault=False)


def _ended(status: str) -> Callable[[RunState, e.Event, Any], RunState]:
    def apply(state: RunState, event: e.Event, body: Any) -> RunState:
        return replace(
            state,
            seq=event.seq,
            status=status,
            ended_at=event.at,
            reason=getattr(body, "reason", ""),
            is_fault=status == "failed",
            output=getattr(body, "output", None),
            turns={},
            questions={},
            settled=(),
        )

    return apply


def _turn_requested(state: RunState, event: e.Event, body: e.TurnRequested) -> RunState:
    turn = Turn(
        body.turn,
        body.stage,
        body.agent,
        body.attempt,
        body.number,
        event.seq,
        body.feedback,
        body.transcript,
    )
    stages = tuple(
        replace(stage, status="open", attempt=body.attempt, turns=body.number)
        if stage.name == body.stage
        else stage
        for stage in state.stages
    )
    return replace(
        state,
        seq=event.seq,
        turns={**state.turns, turn.id: turn},
        stages=stages,
        position=state.stage_index(body.stage),
        transcript=None,
        totals=replace(state.totals, turns=state.totals.turns + 1),
    )


def _turn_completed(state: RunState, event: e.Event, body: e.TurnCompleted) -> RunState:
    totals = _used(state.totals, body)
    turns = dict(state.turns)
    turn = turns.pop(body.turn, None)
    if turn is not None and body.output is not None:
        # Kept until the verdict: quarantined, not yet anybody's input.
        turns[body.turn] = replace(
            turn,
            answer=body.output,
            answered=True,
            proposals=body.proposals,
            transcript=body.transcript,
            suspects_upstream=body.suspects_upstream,
        )
    return replace(state, seq=event.seq, turns=turns, totals=totals, settled=(), transcript=body.transcript)


def _belief_asserted(state: RunState, event: e.Event, body: e.BeliefAsserted) -> RunState:
    turn = state.turns.get(body.turn)
    if turn is None:
        return replace(state, seq=event.seq)
    return replace(
        state, seq=event.seq, turns={**state.turns, turn.id: replace(turn, assertions=body.assertions)}
    )


def _turn_failed(state: RunState, event: e.Event, body: e.TurnFailed) -> RunState:
    turn = state.turns.get(body.turn)
    rest = replace(
        state, seq=event.seq, turns=_without(state.turns, body.turn), totals=_used(state.totals, body)
    )
    if body.transcript is not None:  # the conversation holds the results of its actions already
        return replace(rest, transcript=body.transcript, settled=())
    return replace(rest, transcript=turn.transcript if turn else None)


def _stage_passed(state: RunState, event: e.Event, body: e.StagePassed) -> RunState:
    return replace(
        state,
        seq=event.seq,
        turns=_without(state.turns, body.turn),
        stages=_with_stage(state, body.stage, status="passed", output=body.output),
        settled=(),
        transcript=None,
        totals=_judged(state.totals, body.verdict),
    )


def _stage_sent_back(state: RunState, event: e.Event, body: e.StageSentBack) -> RunState:
    totals = _judged(state.totals, body.verdict)
    again = replace(state, turns=_without(state.turns, body.turn), totals=totals)
    if body.to == body.stage:
        stage = again.stage(body.stage)
        stages = _with_stage(again, body.stage, repairs=stage.repairs + 1)
        return replace(again, seq=event.seq, stages=stages)
    target = again.stage_index(body.to)
    stages = tuple(
        replace(stage, status="waiting", output=None, repairs=0, unperformed=0) if index >= target else stage
        for index, stage in enumerate(again.stages)
    )
    return replace(
        again,
        seq=event.seq,
        stages=stages,
        position=target,
        settled=(),
        transcript=None,
        totals=replace(again.totals, rework=again.totals.rework + 1),
    )


def _stage_failed(state: RunState, event: e.Event, body: e.StageFailed) -> RunState:
    return replace(
        state,
        seq=event.seq,
        turns=_without(state.turns, body.turn),
        stages=_with_stage(state, body.stage, status="failed"),
        totals=_judged(state.totals, body.verdict) if body.verdict is not None else state.totals,
    )


def _action_proposed(state: RunState, event: e.Event, body: e.ActionProposed) -> RunState:
    action = Action(
        id=body.action,
        turn=body.turn,
        stage=body.stage,
        agent=body.agent,
        tool=body.tool,
        status="proposed",
        digest=body.digest,
        arguments=body.arguments,
        seq=event.seq,
        call_id=body.call_id,
        consequential=body.consequential,
        target=body.target,
        amount=body.amount,
        currency=body.currency,
        person=body.person,
        reason=body.reason,
        otherwise=body.otherwise,
        evidence=body.evidence,
    )
    return replace(
        state,
        seq=event.seq,
        actions={**state.actions, action.id: action},
        totals=replace(state.totals, actions=state.totals.actions + 1),
    )


def _action_moved(status: str) -> Callable[[RunState, e.Event, Any], RunState]:
    def apply(state: RunState, event: e.Event, body: Any) -> RunState:
        action = state.actions.get(body.action)
        if action is None:
            return replace(state, seq=event.seq)
        changes: dict[str, Any] = {"status": status}
        for name in ("request", "tier", "rule", "explanation", "assessment", "execute_by"):
            if hasattr(body, name):
                changes[name] = getattr(body, name)
        return replace(state, seq=event.seq, actions={**state.actions, action.id: replace(action, **changes)})

    return apply


def _action_settled(count: str) -> Callable[[RunState, e.Event, Any], RunState]:
    def apply(state: RunState, event: e.Event, body: Any) -> RunState:
        actions = dict(state.actions)
        action = actions.pop(body.action, None)
        totals = replace(state.totals, **{count: getattr(state.totals, count) + 1})
        if action is not None and count in {"refused", "failed"}:
            lost = state.stage(action.stage).unperformed + 1
            state = replace(state, stages=_with_stage(state, action.stage, unperformed=lost))
        # Only an agent that still works is told: a stage that passed has nobody who waits for the result.
        if action is None or state.is_over or state.stage(action.stage).status != "open":
            return replace(state, seq=event.seq, actions=actions, totals=totals)
        said = getattr(body, "text", "") or getattr(body, "reason", "")
        settled = Settled(
            action.call_id,
            action.tool,
            count,
            getattr(body, "result", None),
            # Who asked for a call learns that a person changed it, whatever became of it.
            f"{action.note} {said}".strip() if action.note else said,
        )
        return replace(
            state, seq=event.seq, actions=actions, totals=totals, settled=(*state.settled, settled)
        )

    return apply


def _action_edited(state: RunState, event: e.Event, body: e.ActionEdited) -> RunState:
    action = state.actions.get(body.action)
    if action is None:
        return replace(state, seq=event.seq)
    edited = replace(
        action,
        arguments=body.arguments,
        digest=body.digest,
        target=body.target,
        amount=body.amount,
        currency=body.currency,
        person=body.person,
        rule=body.rule,
        explanation=body.explanation,
        tier=body.tier,
        edited_by=body.editor,
        note=body.note,
    )
    return replace(state, seq=event.seq, actions={**state.actions, action.id: edited})


def _question_asked(state: RunState, event: e.Event, body: e.QuestionAsked) -> RunState:
    if state.is_over:
        return replace(state, seq=event.seq)
    question = Question(
        body.question,
        body.action,
        body.stage,
        body.agent,
        body.request,
        body.text,
        event.seq,
        body.transcript,
    )
    return replace(state, seq=event.seq, questions={**state.questions, question.id: question})


def _question_answered(state: RunState, event: e.Event, body: e.QuestionAnswered) -> RunState:
    left = {key: question for key, question in state.questions.items() if key != body.question}
    return replace(state, seq=event.seq, questions=left, totals=_used(state.totals, body))


def _commitment_created(state: RunState, event: e.Event, body: e.CommitmentCreated) -> RunState:
    made = Commitment(body.commitment, body.debtor, body.creditor, event.seq, body.due, body.due_at)
    return replace(state, seq=event.seq, commitments={**state.commitments, made.id: made})


def _commitment_settled(state: RunState, event: e.Event, body: Any) -> RunState:
    left = {key: made for key, made in state.commitments.items() if key != body.commitment}
    return replace(state, seq=event.seq, commitments=left)


def _with_stage(state: RunState, name: str, **changes: Any) -> tuple[Stage, ...]:
    return tuple(replace(stage, **changes) if stage.name == name else stage for stage in state.stages)


def _without(table: dict[str, Turn], key: str) -> dict[str, Turn]:
    if key not in table:
        return table
    rest = dict(table)
    del rest[key]
    return rest


def _judged(totals: Totals, verdict: StageVerdict) -> Totals:
    """The totals with what the judges of an output used."""
    for finding in verdict.findings:
        if finding.usage is not None:
            totals = _used(totals, finding.usage)
    return totals


def _used(totals: Totals, body: e.TurnCompleted | e.TurnFailed | e.QuestionAnswered | Usage) -> Totals:
    """The totals with what a call used, whether its answer was usable or not."""
    if not body.model and not body.input_tokens and not body.output_tokens:
        return totals
    return replace(
        totals,
        input_tokens=totals.input_tokens + body.input_tokens,
        output_tokens=totals.output_tokens + body.output_tokens,
        cost=_plus(totals.cost, body.cost),
        unpriced=totals.unpriced + (1 if body.model and body.cost is None else 0),
    )


def _plus(total: str, more: str | None) -> str:
    return total if more is None else str(Decimal(total) + Decimal(more))


_APPLY: dict[type[e.Body], Callable[[RunState, e.Event, Any], RunState]] = {
    e.RunStarted: _run_started,
    e.RunPaused: _paused,
    e.RunResumed: _resumed,
    e.RunSucceeded: _ended("succeeded"),
    e.RunFailed: _ended("failed"),
    e.RunCancelled: _ended("cancelled"),
    e.TurnRequested: _turn_requested,
    e.TurnCompleted: _turn_completed,
    e.BeliefAsserted: _belief_asserted,
    e.CommitmentCreated: _commitment_created,
    e.CommitmentDischarged: _commitment_settled,
    e.CommitmentCancelled: _commitment_settled,
    e.CommitmentViolated: _commitment_settled,
    e.TurnFailed: _turn_failed,
    e.StagePassed: _stage_passed,
    e.StageSentBack: _stage_sent_back,
    e.StageFailed: _stage_failed,
    e.ActionProposed: _action_proposed,
    e.ActionAllowed: _action_moved("allowed"),
    e.ActionHeld: _action_moved("held"),
    e.ActionReleased: _action_moved("released"),
    e.ActionEdited: _action_edited,
    e.QuestionAsked: _question_asked,
    e.QuestionAnswered: _question_answered,
    e.ActionRecalled: _action_moved("proposed"),
    e.ActionClaimed: _action_moved("claimed"),
    e.ActionUnconfirmed: _action_moved("unconfirmed"),
    e.ActionRefused: _action_settled("refused"),
    e.ActionExecuted: _action_settled("executed"),
    e.ActionFailed: _action_settled("failed"),
    e.ActionVoided: _action_settled("voided"),
}
