"""The doors to the outside: the gate, the agents, the tools, the validators. Named by dotted path in settings.

Implementations import this module; this module imports nothing of theirs. A missing setting fails closed: the
default gate holds everything.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol

import msgspec
from django.conf import settings
from django.utils.module_loading import import_string

from orchestrator.domain import errors
from orchestrator.domain.replies import Evidence, Reply, Result, Usage
from orchestrator.domain.specs import AgentSpec, Scope, StageSpec, ToolSpec, WorkflowSpec
from orchestrator.domain.validation import StageVerdict

Decision = Literal["allow", "hold", "refuse"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActionFacts:
    """Everything known of an action when the gate is asked. Amounts are decimal text."""

    run: str
    action: str
    digest: str
    workflow: WorkflowSpec
    agent: AgentSpec
    tool: ToolSpec
    stage: str
    arguments: Mapping[str, Any]
    target: str
    amount: str | None
    currency: str | None
    person: str | None
    reason: str
    evidence: Sequence[Evidence]
    started_by: str
    on_behalf_of: str
    rolling: Mapping[
        str, str
    ]  # spent or reserved in the scope's window, by Limit.account, this action left out
    otherwise: str = ""  # what the agent says it will do instead when this is rejected
    edited_by: str = ""  # a person changed the arguments: then another must agree to them
    # What a newer revision of the agent than the run's may attempt: the action must stand within both.
    scope_now: Scope | None = None
    rolling_now: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The gate's answer: allow, hold or refuse, the rule that decided, and its numbers in words."""

    decision: Decision
    rule: str
    explanation: str
    policy: str = ""
    policy_revision: int = 0
    tier: str = "medium"
    details: dict[str, Any] = {}


class Gate(Protocol):
    """Decides whether an action may happen.

    `assess` runs outside any transaction. The others run inside the engine's transaction, after the Stream row
    is locked, so that what they write commits or fails together with the run's events. `at` is the database's
    time. `claiming` is asked just before the executor takes a released action: it returns None to let it pass,
    or the sentence that says why the release no longer holds. `execute_by` is until when an executor elsewhere may
    begin what a request approved; None leaves that to the engine. `answered` brings what an agent said to a
    reviewer's question; with `could` false, why it said nothing. `tier` says how grave an action is that comes in a
    flood, before it is on the record, and keeps nothing; "" for one that would be refused. `waiting` names the open
    requests by which people are asked about held actions of a run, by action; it is read without a lock.
    """

    def assess(self, facts: ActionFacts) -> Verdict: ...

    def tier(self, facts: ActionFacts) -> str: ...

    def held(self, facts: ActionFacts, verdict: Verdict, *, at: dt.datetime) -> None: ...

    def withdrawn(self, run: str, actions: Sequence[str], *, reason: str, at: dt.datetime) -> None: ...

    def claiming(self, facts: ActionFacts, *, request: str, at: dt.datetime) -> str | None: ...

    def execute_by(self, request: str) -> dt.datetime | None: ...

    def answered(self, *, request: str, question: str, text: str, could: bool, at: dt.datetime) -> None: ...

    def waiting(self, run: str, actions: Sequence[str]) -> Mapping[str, str]: ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class TurnRequest:
    """What an agent is given for one turn. `inputs` holds exactly what its stage names, `files` reads uploaded
    files by digest. `feedback` is the failure text of the attempt before; `results` are of the actions it
    proposed in the turn before; `transcript` is what its adapter returned then."""

    run: str
    turn: str
    key: str  # idempotency key of this invocation
    agent: AgentSpec
    stage: StageSpec
    tools: Sequence[ToolSpec]
    inputs: Mapping[str, Any]
    attempt: int
    number: int
    feedback: str
    results: Sequence[Result]
    transcript: Any
    read_file: Callable[[str], bytes]
    is_cancelled: Callable[[], bool]
    stream_text: Callable[[str], None]  # text as it arrives; shown live, never recorded
    # Allows the runner to stay on the caller's thread: told, on another, that the time is up and why.
    overran: Callable[[errors.PortFailure], None] | None = None


class Abandoned(BaseException):
    """Not an error: the time was up before this thread came back, and another one goes on in its place."""


class CannotAnswer(errors.Refused):
    """This agent cannot answer questions. Look at its reason and evidence, or ask its accountable person."""


@dataclasses.dataclass(frozen=True)
class Spoken:
    """An answer in plain words, and what it used."""

    text: str
    usage: Sequence[Usage] = ()


class AgentRunner(Protocol):
    """Invokes one agent. Raises PortFailure when it cannot, and Abandoned after it told `overran`."""

    def invoke(self, request: TurnRequest) -> Reply: ...

    def answer(self, request: TurnRequest, question: str) -> Spoken:
        """What the agent says to a reviewer's question, without tools. Raises CannotAnswer, PortFailure."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExecutionRequest:
    """An action that may happen now. `key` is stable over retries: pass it on as the idempotency key."""

    run: str
    action: str
    key: str
    tool: ToolSpec
    arguments: Mapping[str, Any]
    is_cancelled: Callable[[], bool]
    read_file: Callable[[str], bytes]


class ActionExecutor(Protocol):
    """Performs one action and returns its result as a JSON value. Raises PortFailure when it cannot."""

    def execute(self, request: ExecutionRequest) -> Any: ...


class Validate(Protocol):
    """Judges a stage's output: schema, deterministic checks, judge, in cost order. Raises PortFailure when a
    judge cannot be reached. `files` are the digests of the run's files."""

    def __call__(
        self,
        stage: StageSpec,
        agent: AgentSpec,
        output: Any,
        inputs: Mapping[str, Any],
        reply: Reply,
        files: frozenset[str],
    ) -> StageVerdict: ...


@lru_cache(maxsize=1)
def validate() -> Validate:
    found: Validate = import_string(settings.COUNTERSIGN_VALIDATE)
    return found


@lru_cache(maxsize=1)
def gate() -> Gate:
    path = settings.COUNTERSIGN_GATE or "orchestrator.adapters.hold_everything.HoldEverything"
    found: Gate = import_string(path)()
    return found


def policies() -> Sequence[str]:
    """The short names of the policies that a workflow may name. Whoever configures a gate may say which there are."""
    found: Callable[[], Sequence[str]] = import_string(settings.COUNTERSIGN_POLICIES)
    return found()


@lru_cache(maxsize=1)
def runners() -> dict[str, AgentRunner]:
    """Agent runners by agent kind."""
    return {kind: import_string(path)() for kind, path in settings.COUNTERSIGN_AGENT_RUNNERS.items()}


def uncounted() -> Sequence[str]:
    """The runs whose actions count against no limit, because nothing they ask for can ever happen."""
    found: Callable[[], Sequence[str]] = import_string(settings.COUNTERSIGN_UNCOUNTED)
    return found()


@lru_cache(maxsize=1)
def executor() -> ActionExecutor:
    return import_string(settings.COUNTERSIGN_EXECUTOR)()
