"""Callers from outside: a published agent that works elsewhere, its tokens, and a client that speaks JSON."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from django.test import Client
from django.utils import timezone

from approvals.services import policies, tokens
from approvals.services.tokens import TokenMade
from orchestrator.domain.specs import AgentSpec, Limit, Scope, ToolSpec
from orchestrator.queries import published
from orchestrator.services import catalogue, rates

PAYMENT = {"payee": "ACME GmbH", "amount": "82000.00", "currency": "EUR"}
PAY = ToolSpec(
    name="door.pay",
    description="Pay an invoice",
    parameters={
        "type": "object",
        "properties": {name: {"type": "string"} for name in PAYMENT},
        "required": list(PAYMENT),
        "additionalProperties": False,
    },
    sentence="Pay {amount} {currency} to {payee}",
    category="financial",
    target_field="payee",
    amount_field="amount",
    currency_field="currency",
)
NOTE = ToolSpec(
    name="door.note",
    description="Keep a note",
    parameters={"type": "object", "properties": {"text": {"type": "string"}}},
    reversibility="reversible",
)
LOOK = ToolSpec(
    name="door.look",
    description="Look something up",
    parameters={"type": "object", "properties": {"what": {"type": "string"}}},
    reads_only=True,
)
SCOPE = Scope(
    tools=("door.pay", "door.note", "door.look"),
    categories=("routine", "financial"),
    limits=(Limit(currency="EUR", per_action="100000.00"),),
)
_numbers = itertools.count(1)


def publish_agent(slug: str = "courier", *, owner: str = "admin", scope: Scope = SCOPE) -> AgentSpec:
    """An agent that works elsewhere, published with its tools."""
    policies.ensure_shipped(now=timezone.now())
    for tool in (PAY, NOTE, LOOK):
        if published.find_tool(tool.name) is None:
            catalogue.publish_tool(spec=tool, by=owner, now=timezone.now())
    spec = AgentSpec(slug=slug, name=slug.capitalize(), owner=owner, kind="external", scope=scope)
    return catalogue.publish_agent(spec=spec, by=owner, now=timezone.now(), notes="For a test.")


def agent_token(agent: str = "courier", *, by: Any, **more: Any) -> TokenMade:
    """A token of that agent that acts and reads."""
    settings = {"scopes": ("act", "read"), "days": 30, "reason": "For a test.", **more}
    return tokens.create_agent_token(agent=agent, by=by, now=timezone.now(), **settings)


def person_token(by: Any, *scopes: str) -> TokenMade:
    """A person's own token."""
    return tokens.create_person_token(
        scopes=scopes or ("decide", "read"), days=30, reason="For a test.", by=by, now=timezone.now()
    )


def within_a_minute(seconds: float) -> None:
    """Return when the minute in which calls are counted has so many seconds left."""
    left = rates.WINDOW - time.time() % rates.WINDOW
    if left < seconds:
        time.sleep(left)


class Api:
    """What a program sends and gets. Addresses are given without `/api/v1`."""

    def __init__(self, secret: str = "") -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def send(
        self, method: str, path: str, body: Any = None, *, key: str = "", raw: bytes | None = None
    ) -> Any:
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method, f"/api/v1{path}", data, content_type="application/json", headers=headers
        )

    def get(self, path: str) -> Any:
        return self.send("GET", path)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        return self.send("POST", path, {} if body is None else body, key=key)

    def start(self, **body: Any) -> str:
        """A run of this caller's own."""
        answer = self.post("/runs", body, key=f"run-{next(_numbers)}")
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def propose(self, run: str, tool: str = "door.pay", arguments: Any = None, **more: Any) -> dict[str, Any]:
        """The action that a proposal becomes."""
        body = {"tool": tool, "arguments": PAYMENT if arguments is None else arguments, **more}
        answer = self.post(f"/runs/{run}/actions", body)
        assert answer.status_code == 201, answer.content
        found: dict[str, Any] = answer.json()
        return found


def problem_of(answer: Any) -> tuple[int, str]:
    """The status and code of a problem document; fails when the answer is none."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    found = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= found.keys()
    assert found["status"] == answer.status_code
    return answer.status_code, found["code"]
