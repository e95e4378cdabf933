"""What a run may be asked to do. A command may be refused; a fact may not."""

from __future__ import annotations

import msgspec

from orchestrator.domain.content import Content
from orchestrator.domain.events import Body, SignedBy
from orchestrator.domain.validation import StageVerdict


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a stream. `actor` is who asks, `at` when (whole microseconds, UTC)."""

    actor: str
    at: int


class StartRun(Command, frozen=True, kw_only=True):
    spec: msgspec.Raw
    spec_digest: str
    input: Content
    started_by: str
    on_behalf_of: str
    title: str = ""


class PauseRun(Command, frozen=True, kw_only=True):
    reason: str


class ResumeRun(Command, frozen=True, kw_only=True):
    reason: str = ""


class CancelRun(Command, frozen=True, kw_only=True):
    reason: str


class SealedAction(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed action with its arguments sealed. `malformed` says why it may not be asked of anybody."""

    tool: str
    arguments: Content
    digest: str
    call_id: str = ""
    target: str = ""
    amount: str | None = None
    currency: str | None = None
    person: str | None = None
    reason: str = ""
    otherwise: str = ""
    evidence: Content | None = None
    refusal: str = ""
    refusal_source: str = ""


class RecordReply(Command, frozen=True, kw_only=True):
    """An agent answered a turn."""

    turn: str
    output: Content | None = None
    proposals: Content | None = None
    transcript: Content | None = None
    assertions: Content | None = None
    assertion_count: int = 0
    actions: tuple[SealedAction, ...] = ()
    note: str = ""
    more: bool = False
    suspects_upstream: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None
    is_estimated: bool = False
    milliseconds: int = 0


class RecordTurnFailure(Command, frozen=True, kw_only=True):
    """A turn ended without an answer. `retry` is "contract" (ask again with the text) or "permanent"."""

    turn: str
    retry: str
    text: str
    transcript: Content | None = None
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None
    is_estimated: bool = False
    milliseconds: int = 0


class RecordVerdict(Command, frozen=True, kw_only=True):
    """The verdict over a turn's output; `actions` are the proposals that came with it, read back from the log."""

    turn: str
    verdict: StageVerdict
    actions: tuple[SealedAction, ...] = ()


class RecordAssessment(Command, frozen=True, kw_only=True):
    """The gate's answer for an action: allow, hold or refuse."""

    action: str
    decision: str
    rule: str
    explanation: str
    tier: str = ""
    policy: str = ""
    policy_revision: int = 0


class ReleaseAction(Command, frozen=True, kw_only=True):
    """People agreed. Only `services.release` makes this command, and only approvals may import that."""

    action: str
    request: str
    digest: str
    policy: str
    policy_revision: int
    sign_offs: tuple[SignedBy, ...]


class RefuseAction(Command, frozen=True, kw_only=True):
    action: str
    source: str
    reason: str
    request: str = ""
    digest: str = ""
    policy: str = ""
    policy_revision: int = 0
    sign_offs: tuple[SignedBy, ...] = ()


class EditAction(Command, frozen=True, kw_only=True):
    """A person changes the arguments of a held action. Only `services.held` makes this command."""

    action: str
    seen_digest: str
    arguments: Content
    digest: str
    editor: str
    note: str
    replaces: str
    target: str = ""
    amount: str | None = None
    currency: str | None = None
    person: str | None = None
    rule: str = ""
    explanation: str = ""
    tier: str = ""
    policy: str = ""
    policy_revision: int = 0


class AskAgent(Command, frozen=True, kw_only=True):
    """A reviewer asks the agent of a held action something. It decides nothing."""

    question: str
    action: str
    request: str
    text: str


class RecordAnswer(Command, frozen=True, kw_only=True):
    """The agent answered a question, or, with `could` false, why it did not."""

    question: str
    text: str
    could: bool = True
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None
    is_estimated: bool = False
    milliseconds: int = 0


class RecallAction(Command, frozen=True, kw_only=True):
    """A release no longer holds (an approval lapsed, the policy became stricter): the action is assessed anew."""

    action: str
    reason: str


class ClaimAction(Command, frozen=True, kw_only=True):
    """The executor's one-time take, before it acts. `execute_by` (whole microseconds, 0 for none) is until when
    an executor elsewhere may begin."""

    action: str
    digest: str
    execute_by: int = 0


class RecordResult(Command, frozen=True, kw_only=True):
    action: str
    result: Content


class RecordActionFailure(Command, frozen=True, kw_only=True):
    action: str
    text: str


class RecordUnconfirmed(Command, frozen=True, kw_only=True):
    action: str
    text: str


class ConfirmAction(Command, frozen=True, kw_only=True):
    """A named person found out what became of an unconfirmed action."""

    action: str
    executed: bool
    text: str
    result: Content | None = None


class DeadLetter(Command, frozen=True, kw_only=True):
    """An effect was handed out too often without an answer."""

    kind: str
    subject: str
    text: str


class ProposeAction(Command, frozen=True, kw_only=True):
    """An agent that runs elsewhere asks for an action. `is_grave`: the gate calls it so, and it is never turned away."""

    sealed: SealedAction
    is_grave: bool = False


class FinishRun(Command, frozen=True, kw_only=True):
    """An agent that runs elsewhere is done. `reason` says why when it failed."""

    succeeded: bool
    output: Content | None = None
    reason: str = ""


class AssertBeliefs(Command, frozen=True, kw_only=True):
    """An agent that runs elsewhere states something, with its evidence."""

    assertions: Content
    count: int


class MakeCommitment(Command, frozen=True, kw_only=True):
    """An agent that runs elsewhere commits itself: to `creditor`, if `antecedent`, then `consequent`.

    `due` is a moment with its offset, or empty.
    """

    creditor: str
    consequent: str
    antecedent: str = ""
    premises: tuple[str, ...] = ()
    due: str = ""


class DischargeCommitment(Command, frozen=True, kw_only=True):
    """The agent says that it has done what it committed itself to."""

    commitment: str
    text: str = ""
    evidence: Content | None = None


class CancelCommitment(Command, frozen=True, kw_only=True):
    """The agent takes a commitment back."""

    commitment: str
    reason: str


class ViolateCommitment(Command, frozen=True, kw_only=True):
    """A commitment's time is over. `at` is the moment at which that was looked at."""

    commitment: str


class Record(Command, frozen=True, kw_only=True):
    """Write facts of a catalogue or of another app as they are."""

    bodies: tuple[Body, ...]
    expected_seq: int | None = None
