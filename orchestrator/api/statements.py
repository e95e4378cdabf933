"""What an agent states, with its evidence. Read it among the run's events."""

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
