"""gate.decide_to_claim: from a reviewer's POST to the executor's claim, through real web and worker processes.

Idle, and while a backlog keeps every `runs` worker busy.
"""

from __future__ import annotations

import threading
import time

from django.db import connection
from django.utils import timezone

from bench import ground, parts
from orchestrator import dispatch, eventlog, sql
from orchestrator.domain.specs import ToolSpec

SAMPLES = 150
PAY = ToolSpec(
    name="bench.pay",
    description="Pays.",
    sentence="Pay {amount} {currency} to {payee}",
    parameters={
        "type": "object",
        "properties": {
            "amount": {"type": "string"},
            "currency": {"type": "string"},
            "payee": {"type": "string"},
        },
    },
    category="financial",
    amount_field="amount",
    currency_field="currency",
    target_field="payee",
)


def measure() -> None:
    ground.furnish()
    dispatch.rings = True
    payments = ground.spec("bench.payer", tools=[PAY])
    backlog = ground.spec("bench.noop")
    port = parts.free_port()
    with parts.running(
        ("web", "--port", str(port)), ("worker", "--queue", "resume"), ("worker", "--queue", "runs")
    ):
        parts.wait_for_web(port)
        browser = parts.Browser(port, parts.session_of("reviewer"))
        for name, aim in (("idle", "10 and 50"), ("backlog", "30 and 120")):
            requests = held(payments, SAMPLES + 10)
            stop = threading.Event()
            feeder = threading.Thread(target=_feed, args=(backlog, stop), daemon=True)
            if name == "backlog":
                feeder.start()
                time.sleep(1)
            found = [_decide(browser, run, request) for run, request in requests][10:]
            stop.set()
            if name == "backlog":
                feeder.join()
            for share, label in ((0.5, "p50"), (0.99, "p99")):
                value = ground.percentile(found, share)
                ground.say(f"gate.decide_to_claim.{name}.{label}", value, "ms", aim=f"p50 and p99: {aim} ms")


def held(data: bytes, count: int) -> list[tuple[str, str]]:
    runs = [ground.start(data) for _ in range(count)]
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        rows = sql.run(
            "SELECT run::text, id::text FROM approvals_approvalrequest WHERE run=ANY($1::uuid[]) AND status='pending'",
            [runs],
        )
        if len(rows) == count:
            return [(row[0], row[1]) for row in rows]
        time.sleep(0.1)
    raise SystemExit("The payments were not held within two minutes; the logs are in var/bench/log.")


def _decide(browser: parts.Browser, run: str, request: str) -> float:
    """Milliseconds from sending the answer until the claim's own time."""
    status, page = browser.ask("GET", f"/inbox/{request}/")
    assert status == 200, (status, page[:500])
    fields = {**parts.hidden_fields(page), "verb": "approve", "reason": "measured"}
    sent = eventlog.micros(timezone.now())
    status, said = browser.ask("POST", f"/inbox/{request}/sign-off/", fields)
    assert status in (200, 302), (status, said[:500])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        rows = sql.run(
            "SELECT occurred_at FROM orchestrator_event WHERE stream_id=$1::uuid AND type='action.claimed'",
            [run],
        )
        if rows:
            return (eventlog.micros(rows[0][0]) - sent) / 1000
        time.sleep(0.002)
    raise SystemExit(f"The action of run {run} was not claimed within 30 s.")


def _feed(data: bytes, stop: threading.Event) -> None:
    """Keep some forty runs waiting for the workers."""
    try:
        while not stop.is_set():
            (waiting,) = sql.run(
                "SELECT count(*) FROM orchestrator_run WHERE state='running' AND changed_at > now() - interval '1 minute'"
            )[0]
            for _ in range(max(0, 40 - waiting)):
                ground.start(data)
            time.sleep(0.02)
    finally:
        connection.close()
