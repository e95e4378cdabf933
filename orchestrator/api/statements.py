"""What an agent states: assertions with their evidence, and commitments. Read them among the run's events."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router

from orchestrator.api import shapes
from orchestrator.api.calling import answer_once, caller_of, needs
from orchestrator.services import external

router = Router(tags=["statements"])


@router.post("/{run}/assertions", response={201: shapes.SeqOut}, operation_id="assert_beliefs")
@needs("act")
def assert_beliefs(request: HttpRequest, run: str, body: shapes.AssertionsIn) -> JsonResponse:
    """State something, each with the evidence for it."""
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        stated = [one.plain() for one in body.assertions]
        return {"seq": external.assert_beliefs(caller=caller, run=run, assertions=stated, now=timezone.now())}

    return answer_once(request, body.model_dump(), do, status=201)


@router.post("/{run}/commitments", response={201: shapes.CommitmentOut}, operation_id="make_commitment")
@needs("act")
def make_commitment(request: HttpRequest, run: str, body: shapes.CommitmentIn) -> JsonResponse:
    """Commit the agent: to the creditor, if the antecedent holds, then the consequent."""
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        made = external.make_commitment(caller=caller, run=run, now=timezone.now(), **body.model_dump())
        return {"commitment": made}

    return answer_once(request, body.model_dump(), do, status=201)
