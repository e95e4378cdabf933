"""Runs whose agent has proposed payments, for tests of the gate: real streams, real effects, a tool that counts.

The agent's reply is written as the worker would write it; assessing and executing go through the orchestrator's
own performance of effects, and so through the gate.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from django.utils import timezone

from approvals.models import ApprovalRequest
from orchestrator import blobs, engine, eventlog, outbox
from orchestrator.adapters import registry
from orchestrator.domain import commands as c
from orchestrator.domain import digests, sealing
from orchestrator.domain.replies import Evidence, ProposedAction
from orchestrator.domain.specs import AgentSpec, Limit, Scope, StageSpec, ToolSpec, WorkflowSpec
from orchestrator.domain.state import RunState
from orchestrator.ports import ExecutionRequest
from orchestrator.services import perform, runs

PAYMENT = {
    "amount": "82000.00",
    "currency": "EUR",
    "payee": "ACME GmbH",
    "iban": "DE89370400440532013000",
    "note": "",
}
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in PAYMENT},
    "required": ["amount", "currency", "payee"],
    "additionalProperties": False,
}
PAY = ToolSpec(
    name="tests.pay",
    description="Pay an invoice",
    parameters=SCHEMA,
    sentence="Pay {amount} {currency} to {payee} ({iban})",
    category="financial",
    idempotent=True,
    target_field="payee",
    amount_field="amount",
    currency_field="currency",
    non_semantic=("note",),
)
ADD_NOTE = ToolSpec(
    name="tests.note",
    description="Add a note",
    parameters={"type": "object", "properties": {"text": {"type": "string"}}},
    reversibility="reversible",
    sentence="Note {text}",
)
# A tool whose calls wait, and can be undone.
POST_NOTE = ToolSpec(
    name="tests.held_note",
    description="Post a note",
    parameters={
        "type": "object",
        "properties": {"text": {"type": "string"}, "audience": {"type": "string"}},
        "required": ["text"],
    },
    reversibility="reversible",
    category="outward",
    sentence="Post {text}",
    idempotent=True,
)
SCOPE = Scope(
    tools=("tests.pay", "tests.note", "tests.held_note"),
    categories=("routine", "financial", "outward"),
    limits=(Limit(currency="EUR", per_action="100000.00", rolling="100000000.00"),),
)
AGENT = AgentSpec(slug="treasurer", name="Treasurer", owner="admin", scope=SCOPE, revision=3)
SPEC = WorkflowSpec(
    slug="settlement",
    name="Settlement",
    owner="admin",
    stages=(StageSpec(name="pay", agent="treasurer"),),
    agents={"treasurer": AGENT},
    tools={"tests.pay": PAY, "tests.note": ADD_NOTE, "tests.held_note": POST_NOTE},
)

paid: list[tuple[str, Mapping[str, Any]]] = []
_paying = threading.Lock()
_keys = itertools.count()


@registry.tool("tests.pay")
def pay(arguments: dict, request: ExecutionRequest) -> dict[str, str]:  # type: ignore[type-arg]
    with _paying:
        paid.append((request.key, dict(arguments)))
    return {"paid": request.arguments["amount"]}


@registry.tool("tests.held_note")
def post_note(arguments: dict, request: ExecutionRequest) -> dict[str, str]:  # type: ignore[type-arg]
    with _paying:
        paid.append((request.key, dict(arguments)))
    return {"posted": "yes"}


@registry.tool("tests.note")
def note(arguments: dict, request: ExecutionRequest) -> dict[str, str]:  # type: ignore[type-arg]
    return {"noted": "yes"}


def start(*, by: str = "operator", spec: WorkflowSpec = SPEC, key: str = "") -> str:
    """A run whose first turn is asked for."""
    return runs.start_revision(
        spec=digests.encode(spec), inputs={}, key=key or f"approvals-{next(_keys)}", by=by, now=timezone.now()
    )


def propose(
    run: str,
    *payments: Mapping[str, Any],
    tool: str = "tests.pay",
    reason: str = "The invoice matched.",
    otherwise: str = "",
) -> None:
    """The agent proposes one action per mapping of arguments."""
    state = state_of(run)
    turn = next(iter(state.turns.values()))
    actions = []
    for number, arguments in enumerate(payments):
        proposal = ProposedAction(
            tool=tool,
            arguments=dict(arguments),
            reason=reason,
            otherwise=otherwise,
            call_id=f"c{number}",
            evidence=(Evidence(source="invoice.xml", locator="cbc:PayableAmount", line=7, quote="82000.00"),),
        )
        sealed, data = sealing.seal_action(
            state.spec, state.spec.agents[turn.agent], proposal, on_behalf_of=state.on_behalf_of
        )
        for part in data:
            blobs.put(part)
        actions.append(sealed)
    command = c.RecordReply(actor="system", at=now(), turn=turn.id, actions=tuple(actions))
    engine.submit(run, command)


def work(run: str, kinds: Sequence[str] = ("assess", "execute")) -> int:
    """Perform the run's wanted effects of these kinds, as a worker would; returns how many."""
    performed = 0
    while True:
        claimed = outbox.claim(run, "test", limit=100)
        held = [one for one in claimed if one.kind in kinds]
        for other in claimed:
            if other.kind not in kinds:
                outbox.put_back(other.key, other.token, count=False)
        if not held:
            return performed
        for one in held:
            perform.perform(eventlog.load(run, fresh=True).state, one, outbox.Owner("test", 0))
            performed += 1


def held_run(*payments: Mapping[str, Any], by: str = "operator", spec: WorkflowSpec = SPEC) -> str:
    """A run whose payments have been proposed and assessed."""
    run = start(by=by, spec=spec)
    propose(run, *(payments or (PAYMENT,)))
    work(run, ("assess",))
    return run


def request_of(run: str, action: str = "a1") -> ApprovalRequest:
    """The newest approval request of an action."""
    return ApprovalRequest.objects.filter(run=run, action=action).latest("revision")


def state_of(run: str) -> RunState:
    state: RunState = eventlog.load(run, fresh=True).state
    return state


def status_of(run: str, action: str = "a1") -> str:
    """The action's status: as the run has it open, else as its last event says."""
    return statuses_of(run)[action]


def statuses_of(run: str) -> dict[str, str]:
    """The same for every action of a run, however long its record is."""
    found = {
        msgspec.json.decode(event.payload).get("action"): event.type.removeprefix("action.")
        for event in events_of(run)
        if event.type.startswith("action.")
    }
    return found | {name: action.status for name, action in state_of(run).actions.items()}


def events_of(stream: str) -> Iterator[eventlog.Stored]:
    """All events of a stream, page by page."""
    after = 0
    while page := eventlog.events_after(stream, after):
        yield from page
        after = page[-1].seq


def types_of(stream: str) -> list[str]:
    return [event.type for event in events_of(stream)]


def now() -> int:
    return eventlog.micros(timezone.now())


def facts_of(stream: object, name: str) -> dict[str, Any]:
    """The payload of the last event of this name on a stream."""
    found = [event for event in events_of(str(stream)) if event.type == name]
    payload: dict[str, Any] = msgspec.json.decode(found[-1].payload)
    return payload
