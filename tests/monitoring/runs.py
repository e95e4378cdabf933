"""Runs to watch: a reader, then a payer whose payments are held; driven as a worker would, in this process.

Also runs with as many events as asked for, written in bulk with valid hashes.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from orchestrator import engine, eventlog, projections
from orchestrator.adapters import registry
from orchestrator.domain import commands as c
from orchestrator.domain import content, digests
from orchestrator.domain import events as e
from orchestrator.domain.decide import decide
from orchestrator.domain.replies import Assertion, Evidence, ProposedAction, Reply, Usage
from orchestrator.domain.specs import AgentSpec, Budget, Limit, Scope, StageSpec, ToolSpec, WorkflowSpec
from orchestrator.domain.state import RunState, evolve
from orchestrator.ports import ExecutionRequest, TurnRequest
from orchestrator.services import effects, runs
from orchestrator.services import release as door

HOSTILE = 'Pay <script>alert(1)</script> "ACME\u202egpj.\u202c" \u200bnow\x07 {{ 7|add:7 }}'
PAY = ToolSpec(
    name="watch.pay",
    description="Pay an invoice",
    parameters={
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("payee", "amount", "currency")},
        "required": ["payee", "amount", "currency"],
        "additionalProperties": False,
    },
    sentence="Pay {amount} {currency} to {payee}",
    category="financial",
    target_field="payee",
    amount_field="amount",
    currency_field="currency",
)
READER = AgentSpec(slug="reader", name="Reader", owner="admin", revision=2, reference="watch.reader")
PAYER = AgentSpec(
    slug="payer",
    name="Payer",
    owner="admin",
    revision=1,
    reference="watch.payer",
    scope=Scope(
        tools=("watch.pay",),
        categories=("routine", "financial"),
        limits=(Limit(currency="EUR", per_action="100000.00"),),
    ),
)
SPEC = WorkflowSpec(
    slug="watched",
    name="Watched settlement",
    owner="admin",
    revision=1,
    stages=(
        StageSpec(name="read", agent="reader", inputs={"files": "run.files", "say": "run.say"}),
        StageSpec(name="pay", agent="payer", inputs={"rows": "read", "payments": "run.payments"}),
        StageSpec(name="report", agent="reader", inputs={"say": "run.say"}),
    ),
    agents={"reader": READER, "payer": PAYER},
    tools={"watch.pay": PAY},
)
STEADY = msgspec.structs.replace(
    SPEC,
    slug="steady",
    name="Steady work",
    stages=(StageSpec(name="count", agent="counter", inputs={"steps": "run.steps", "pause": "run.pause"}),),
    agents={
        "counter": AgentSpec(
            slug="counter",
            name="Counter",
            owner="admin",
            reference="watch.counter",
            budget=Budget(turns=100_000),
        )
    },
    tools={},
)

# The workers of `site` are started with these modules, and know these agents too.
if __name__ not in settings.COUNTERSIGN_MODULES:
    settings.COUNTERSIGN_MODULES = [*settings.COUNTERSIGN_MODULES, __name__]


def _used(cost: str | None) -> Usage:
    return Usage(model="test:small", input_tokens=1200, output_tokens=80, cost=cost, milliseconds=350)


@registry.code_agent("watch.reader")
def reader(work: dict, turn: TurnRequest) -> Reply:  # type: ignore[type-arg]
    say = str(work.get("say") or "")
    if say == "raise":
        raise RuntimeError("The ledger is on fire")
    return Reply(
        output={"rows": [{"payee": "ACME GmbH"}], "said": say},
        note=say,
        assertions=(
            Assertion(
                subject="invoice 7", predicate="total", value="82000.00", evidence=(Evidence(source="7.xml"),)
            ),
        ),
        usage=(_used(cost=None if say == "unpriced" else "0.0042"),),
    )


@registry.code_agent("watch.payer")
def payer(work: dict, turn: TurnRequest) -> Reply:  # type: ignore[type-arg]
    payments = work.get("payments") or []
    if payments and turn.number == 1:
        return Reply(
            actions=tuple(
                ProposedAction(
                    tool="watch.pay",
                    arguments=dict(one),
                    reason=one["payee"] + " has to be paid",
                    call_id=str(at),
                )
                for at, one in enumerate(payments)
            )
        )
    return Reply(output={"paid": len(payments), "results": [result.state for result in turn.results]})


@registry.code_agent("watch.counter")
def counter(work: dict, turn: TurnRequest) -> Reply:  # type: ignore[type-arg]
    """Two events a turn, as many turns as asked for, so that there is something to watch for a while."""
    time.sleep(float(work.get("pause") or 0))
    if turn.number >= int(work["steps"]):
        return Reply(output={"counted": turn.number})
    return Reply(more=True, note=f"Step {turn.number}")


@registry.tool("watch.pay")
def pay(arguments: dict, request: ExecutionRequest) -> dict[str, str]:  # type: ignore[type-arg]
    return {"paid": str(request.arguments["amount"])}


def payment(payee: str = "ACME GmbH", amount: str = "82000.00") -> dict[str, str]:
    return {"payee": payee, "amount": amount, "currency": "EUR"}


def start(*, title: str = "", by: str = "operator", spec: WorkflowSpec = SPEC, **inputs: Any) -> str:
    """A run that nobody has worked on."""
    return runs.start_revision(
        spec=digests.encode(spec),
        inputs={"files": [], **inputs},
        key=f"watched-{uuid.uuid4()}",
        by=by,
        now=timezone.now(),
        title=title,
    )


def worked(**given: Any) -> str:
    """A run that a worker took as far as it goes."""
    run = start(**given)
    effects.advance_run(run=run)
    return run


def held_run(*payments: dict[str, str], **given: Any) -> str:
    """A run whose payments wait for a person."""
    return worked(payments=list(payments or (payment(),)), **given)


def state_of(run: str) -> RunState:
    state: RunState = eventlog.load(run, fresh=True).state
    return state


def release(run: str, action: str = "a1") -> None:
    """Release a held action as a completed quorum does; no worker has taken it yet."""
    found = state_of(run).actions[action]
    signed = e.SignedBy(
        who="reviewer",
        role="reviewer",
        verb="approve",
        at=timezone.now().isoformat(),
        seen_digest=found.digest,
        seen_version=1,
        reason="The goods have arrived",
    )
    with transaction.atomic():
        door.lock(run=run)
        door.release(
            run=run,
            action=action,
            request=str(uuid.uuid4()),
            digest=found.digest,
            policy="strict",
            policy_revision=1,
            sign_offs=(signed,),
            by="user:reviewer",
            now=timezone.now(),
        )


def unconfirmed_run() -> str:
    """A run whose payment was taken by an executor that was not heard of again."""
    run = held_run()
    release(run)
    action = state_of(run).actions["a1"]
    at = eventlog.micros(timezone.now())
    engine.submit(run, c.ClaimAction(actor="system", at=at, action="a1", digest=action.digest))
    engine.submit(run, c.RecordUnconfirmed(actor="system", at=at, action="a1", text="The worker stopped."))
    return run


def long_run(events: int, *, title: str = "A long run", kind: Any = "code") -> str:
    """A run with this many events, decided by the kernel and written in bulk."""
    run = str(uuid.uuid4())
    spec = WorkflowSpec(
        slug="watched", name="Watched settlement", owner="admin", revision=1,
        stages=(StageSpec(name="read", agent="reader"),),
        agents={"reader": msgspec.structs.replace(READER, kind=kind, budget=Budget(turns=10**9))},
    )  # fmt: skip
    data = digests.encode(spec)
    at = eventlog.micros(timezone.now()) - events * 1000
    state = RunState(run)
    recorded: list[e.Event] = []
    first = c.StartRun(
        actor="user:operator", at=at, spec=msgspec.Raw(data), spec_digest=digests.sha256(data),
        input=content.seal({"files": []})[0], started_by="operator", on_behalf_of="operator", title=title,
    )  # fmt: skip
    command: c.Command = first
    while True:
        decision = decide(state, command)
        state = decision.state
        recorded += decision.events
        if len(recorded) >= events:
            break
        at += 2000
        turn = next(iter(state.turns))
        command = c.RecordReply(
            actor="system", at=at, turn=turn, more=True, note=f"Row {len(recorded)} was read"
        )
    recorded = recorded[:events]
    _write(run, recorded)
    return run


def _write(run: str, recorded: list[e.Event]) -> None:
    """Events, head and rows of one run, in bulk; the state is folded from what was written."""
    hash_ = digests.GENESIS
    state = RunState(run)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orchestrator_stream (id, kind, head, hash) VALUES (%s, 'run', 0, '')", [run]
        )
        with cursor.copy(
            "COPY orchestrator_event (stream_id, seq, type, version, actor, cause, occurred_at, payload, hash) FROM STDIN"
        ) as copy:
            for event in recorded:
                name, version = e.name_of(event.body)
                payload = e.encode(event.body)
                hash_ = digests.link(
                    hash_,
                    e.envelope(run, event.seq, name, version, event.actor, event.cause, event.at),
                    payload,
                )
                moment = projections.moment(event.at)
                copy.write_row(
                    (run, event.seq, name, version, event.actor, event.cause, moment, payload.decode(), hash_)
                )
                state = evolve(state, event)
        cursor.execute(
            "UPDATE orchestrator_stream SET head=%s, hash=%s WHERE id=%s", [len(recorded), hash_, run]
        )
    puts = projections.rows(run, recorded, RunState(run), state)
    by_table: dict[str, list[Any]] = {}
    for put in puts:
        model = projections.TABLES[put.table]
        by_table.setdefault(put.table, []).append(
            model(**{projections.KEYS[put.table]: put.key, **put.columns})
        )
    for table, rows in by_table.items():
        projections.TABLES[table].objects.bulk_create(rows, batch_size=2000)
    eventlog.forget(run)
