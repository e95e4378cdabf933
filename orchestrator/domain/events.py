"""The facts of a run, as typed payloads. A published event is never edited: a new meaning is a new name, a new
field raises VERSION and gains an upcast (see `docs/howto/add-an-event.md`).
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from orchestrator.domain import digests
from orchestrator.domain.content import Content
from orchestrator.domain.validation import StageVerdict


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload of an event. TYPE is its name on the log, VERSION the shape of its fields."""

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1


class Event(msgspec.Struct, frozen=True):
    """A fact on a stream. `at` is in whole microseconds since 1970 UTC; `cause` the seq of the event that led
    here, 0 for none; `actor` is "agent:<slug>@<revision>", "user:<username>" or "system"."""

    seq: int
    at: int
    actor: str
    cause: int
    body: Body


class SignedBy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sign-off behind a release or refusal: who, in which role, when, what they answered and were shown."""

    who: str
    role: str
    verb: str
    at: str
    seen_digest: str
    seen_version: int
    reason: str = ""


# ---- run ----
class RunStarted(Body, frozen=True, kw_only=True):
    TYPE = "run.started"
    spec: msgspec.Raw
    spec_digest: str
    input: Content
    started_by: str
    on_behalf_of: str
    title: str = ""


class RunPaused(Body, frozen=True, kw_only=True):
    """`fault` marks a pause that the system made because something failed and a person must look."""

    TYPE = "run.paused"
    reason: str
    fault: bool = False


class RunResumed(Body, frozen=True, kw_only=True):
    TYPE = "run.resumed"
    reason: str = ""


class RunSucceeded(Body, frozen=True, kw_only=True):
    TYPE = "run.succeeded"
    output: Content | None = None
    refused: int = 0


class RunFailed(Body, frozen=True, kw_only=True):
    TYPE = "run.failed"
    reason: str


class RunCancelled(Body, frozen=True, kw_only=True):
    TYPE = "run.cancelled"
    reason: str


# ---- turns and stages ----
class TurnRequested(Body, frozen=True, kw_only=True):
    """`attempt` counts the stage's tries, `number` the turns within one try."""

    TYPE = "turn.requested"
    turn: str
    stage: str
    agent: str
    attempt: int
    number: int
    feedback: str = ""
    transcript: Content | None = None


class TurnCompleted(Body, frozen=True, kw_only=True):
    """`proposals` are the actions that came with an output; nobody is asked about them before its verdict."""

    TYPE = "turn.completed"
    proposals: Content | None = None
    turn: str
    output: Content | None = None
    transcript: Content | None = None
    note: str = ""
    more: bool = False
    actions: int = 0
    assertions: int = 0
    suspects_upstream: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None
    is_estimated: bool = False
    milliseconds: int = 0


class TurnFailed(Body, frozen=True, kw_only=True):
    """A turn without a usable answer. What it cost is recorded all the same."""

    TYPE = "turn.failed"
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


class StagePassed(Body, frozen=True, kw_only=True):
    TYPE = "stage.passed"
    VERSION = 2
    stage: str
    turn: str
    output: Content
    verdict: StageVerdict


class StageSentBack(Body, frozen=True, kw_only=True):
    """The output was not accepted. `to` is the stage that is opened again: the same one, or the one before."""

    TYPE = "stage.sent_back"
    VERSION = 2
    stage: str
    turn: str
    to: str
    reason: str
    verdict: StageVerdict


class StageFailed(Body, frozen=True, kw_only=True):
    TYPE = "stage.failed"
    VERSION = 2
    stage: str
    turn: str = ""
    reason: str = ""
    verdict: StageVerdict | None = None


class BeliefAsserted(Body, frozen=True, kw_only=True):
    """What an agent stated in one turn, with its evidence: a list of replies.Assertion."""

    TYPE = "belief.asserted"
    turn: str
    stage: str
    agent: str
    count: int
    assertions: Content


class CommitmentCreated(Body, frozen=True, kw_only=True):
    """A debtor commits itself to a creditor: if the antecedent holds, it brings about the consequent.

    `due` is the moment as it was said, `due_at` the same in microseconds, 0 for none: past it, it is violated.
    """

    TYPE = "commitment.created"
    VERSION = 2
    commitment: str
    debtor: str
    creditor: str
    consequent: str
    antecedent: str = ""
    premises: tuple[str, ...] = ()
    due: str = ""
    due_at: int = 0


class CommitmentDischarged(Body, frozen=True, kw_only=True):
    """The debtor says that it has brought about the consequent, and on what evidence."""

    TYPE = "commitment.discharged"
    commitment: str
    debtor: str
    creditor: str
    text: str = ""
    evidence: Content | None = None


class CommitmentCancelled(Body, frozen=True, kw_only=True):
    """The debtor takes it back, and says why."""

    TYPE = "commitment.cancelled"
    commitment: str
    debtor: str
    creditor: str
    reason: str


class CommitmentViolated(Body, frozen=True, kw_only=True):
    """Its time is over, and the debtor neither discharged nor cancelled it."""

    TYPE = "commitment.violated"
    commitment: str
    debtor: str
    creditor: str
    due: str


class BudgetExhausted(Body, frozen=True, kw_only=True):
    TYPE = "budget.exhausted"
    unit: str
    limit: str
    used: str
    subject: str = ""


# ---- actions ----
class ActionProposed(Body, frozen=True, kw_only=True):
    """An action as the agent asked for it, sealed by its digest. Only the stored arguments are ever executed.

    `reason` and `otherwise` (what it will do instead when this is rejected) are the agent's words; no digest covers them.
    """

    TYPE = "action.proposed"
    VERSION = 2
    action: str
    turn: str
    stage: str
    agent: str
    tool: str
    tool_version: int
    arguments: Content
    digest: str
    call_id: str = ""
    consequential: bool = True
    target: str = ""
    amount: str | None = None
    currency: str | None = None
    person: str | None = None
    reason: str = ""
    otherwise: str = ""
    evidence: Content | None = None


class ActionAllowed(Body, frozen=True, kw_only=True):
    TYPE = "action.allowed"
    action: str
    rule: str
    explanation: str = ""
    policy: str = ""
    policy_revision: int = 0


class ActionHeld(Body, frozen=True, kw_only=True):
    TYPE = "action.held"
    action: str
    rule: str
    explanation: str
    tier: str = ""
    policy: str = ""
    policy_revision: int = 0


class ActionRefused(Body, frozen=True, kw_only=True):
    """`source` says who refused: scope, arguments, policy, reviewer, expiry, budget."""

    TYPE = "action.refused"
    action: str
    source: str
    reason: str
    rule: str = ""
    request: str = ""
    digest: str = ""
    policy: str = ""
    policy_revision: int = 0
    sign_offs: tuple[SignedBy, ...] = ()


class ActionReleased(Body, frozen=True, kw_only=True):
    TYPE = "action.released"
    action: str
    request: str
    digest: str
    policy: str
    policy_revision: int
    sign_offs: tuple[SignedBy, ...]


class ActionRecalled(Body, frozen=True, kw_only=True):
    """A release no longer held when it was to be used; the action is assessed anew. `assessment` counts them."""

    TYPE = "action.recalled"
    action: str
    reason: str
    assessment: int


class ActionClaimed(Body, frozen=True, kw_only=True):
    """`execute_by` (whole microseconds) is set when the executor runs elsewhere: until when it may begin."""

    TYPE = "action.claimed"
    VERSION = 2
    action: str
    digest: str
    execute_by: int = 0


class ActionExecuted(Body, frozen=True, kw_only=True):
    TYPE = "action.executed"
    action: str
    result: Content
    confirmed_by: str = ""


class ActionFailed(Body, frozen=True, kw_only=True):
    TYPE = "action.failed"
    action: str
    text: str
    confirmed_by: str = ""


class ActionUnconfirmed(Body, frozen=True, kw_only=True):
    """The outcome is not known: the executor stopped between claim and result. `assigned_to` must find out."""

    TYPE = "action.unconfirmed"
    action: str
    text: str
    assigned_to: str


class ActionVoided(Body, frozen=True, kw_only=True):
    TYPE = "action.voided"
    action: str
    reason: str


class ActionEdited(Body, frozen=True, kw_only=True):
    """A person changed the arguments of a held action; it stays held. Only these are executed from now on.

    `note` is what its agent is told with the result; the verdict is the policy's over the changed call.
    """

    TYPE = "action.edited"
    action: str
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


# ---- questions of reviewers ----
class QuestionAsked(Body, frozen=True, kw_only=True):
    """A reviewer asks the agent of a held action. The run does not wait for the answer."""

    TYPE = "question.asked"
    question: str
    action: str
    stage: str
    agent: str
    request: str
    text: str
    transcript: Content | None = None


class QuestionAnswered(Body, frozen=True, kw_only=True):
    """What the agent said, or, with `could` false, why it gave no answer."""

    TYPE = "question.answered"
    question: str
    action: str
    text: str
    could: bool = True
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = None
    is_estimated: bool = False
    milliseconds: int = 0


# ---- catalogue: agents and workflows ----
class AgentPublished(Body, frozen=True, kw_only=True):
    TYPE = "agent.published"
    slug: str
    name: str
    owner: str
    revision: int
    digest: str
    spec: msgspec.Raw
    published_by: str
    notes: str = ""


class AgentRetired(Body, frozen=True, kw_only=True):
    TYPE = "agent.retired"
    slug: str
    reason: str


class ToolPublished(Body, frozen=True, kw_only=True):
    TYPE = "tool.published"
    name: str
    version: int
    digest: str
    spec: msgspec.Raw
    published_by: str


class WorkflowPublished(Body, frozen=True, kw_only=True):
    TYPE = "workflow.published"
    slug: str
    name: str
    owner: str
    pattern: str
    revision: int
    digest: str
    spec: msgspec.Raw
    published_by: str
    notes: str = ""


class WorkflowRetired(Body, frozen=True, kw_only=True):
    TYPE = "workflow.retired"
    slug: str
    reason: str


class Recorded(Body, frozen=True, kw_only=True):
    """A fact of another app, carried as it is: the orchestrator does not read it. `name` is its type."""

    TYPE = "recorded"
    name: str
    version: int
    payload: msgspec.Raw


TYPES: dict[str, type[Body]] = {
    kind.TYPE: kind for kind in Body.__subclasses__() if kind.TYPE and kind is not Recorded
}
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(kind) for name, kind in TYPES.items()
}


def name_of(body: Body) -> tuple[str, int]:
    """The type and version under which a body stands on the log."""
    if type(body) is Recorded:
        return body.name, body.version
    return body.TYPE, body.VERSION


def encode(body: Body) -> bytes:
    """The canonical payload bytes of a body."""
    if type(body) is Recorded:
        return bytes(body.payload)
    return digests.encode(body)


def decode(name: str, version: int, payload: bytes | str) -> Body:
    """The body that stored bytes stand for. Older versions are lifted by their upcasts first."""
    decoder = _decoders.get(name)
    data = payload.encode() if isinstance(payload, str) else payload
    if decoder is None:
        return Recorded(name=name, version=version, payload=msgspec.Raw(data))
    current = TYPES[name].VERSION
    if version < current:
        data = _lift(name, version, current, data)
    body: Body = decoder.decode(data)
    return body


def _as_it_is(payload: dict[str, Any]) -> dict[str, Any]:
    return payload


# (type, from version) -> function over the payload's dict that gives the next version's.
UPCASTS: dict[tuple[str, int], Any] = {
    # Version 2: a finding of the verdict says what its judge used.
    ("stage.passed", 1): _as_it_is,
    ("stage.sent_back", 1): _as_it_is,
    ("stage.failed", 1): _as_it_is,
    # An agent that proposed an action before it could say what it would do instead has said nothing of it.
    ("action.proposed", 1): _as_it_is,
    # A claim from before agents elsewhere could make one has no time to begin by.
    ("action.claimed", 1): _as_it_is,
    # A commitment from before its time was read as a moment has none that could pass.
    ("commitment.created", 1): _as_it_is,
}


def _lift(name: str, version: int, current: int, data: bytes) -> bytes:
    value = msgspec.json.decode(data)
    for step in range(version, current):
        value = UPCASTS[(name, step)](value)
    return msgspec.json.encode(value)


def envelope(stream: str, seq: int, name: str, version: int, actor: str, cause: int, at: int) -> bytes:
    """The canonical bytes of everything about an event but its payload; what its hash covers first."""
    return digests.encode([stream, seq, name, version, actor, cause, at])
