"""Runs: list, read, start an external one, end it; and its events by cursor."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Query, Router

from orchestrator.api import shapes
from orchestrator.api.calling import IDEMPOTENCY, Cursor, Limit, answer_once, caller_of, needs
from orchestrator.queries import external as queries
from orchestrator.queries.external import RunLine
from orchestrator.services import external

VIEW = "orchestrator.view_run"
router = Router(tags=["runs"])
State = Literal["", "running", "waiting", "paused", "succeeded", "failed", "cancelled"]


@router.get("", response=shapes.RunsOut, operation_id="list_runs")
@needs("read", permission=VIEW, counted_as="reads")
def list_runs(request: HttpRequest, state: State = "", cursor: Cursor = "", limit: Limit = 50) -> Any:
    """The runs that this token may see, the newest first."""
    found, more = queries.run_lines(caller_of(request), state=state, cursor=cursor, limit=limit)
    return {"runs": found, "next": more}


@router.post("", response={201: RunLine}, operation_id="start_run")
@needs("act")
def start_run(request: HttpRequest, body: shapes.StartRun) -> JsonResponse:
    """Start an external run of the token's agent. The same Idempotency-Key is the same run."""
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        run = external.start_run(
            caller=caller,
            key=request.headers.get(IDEMPOTENCY) or secrets.token_hex(16),
            title=body.title,
            inputs=body.input,
            on_behalf_of=body.on_behalf_of,
            now=timezone.now(),
        )
        return shapes.run_out(queries.run_line(caller, run))

    return answer_once(request, body.model_dump(), do, status=201)


@router.get("/{run}", response=RunLine, operation_id="get_run")
@needs("read", permission=VIEW, counted_as="reads")
def get_run(request: HttpRequest, run: str) -> Any:
    return queries.run_line(caller_of(request), run)


@router.post("/{run}/finish", response=RunLine, operation_id="finish_run")
@needs("act")
def finish_run(request: HttpRequest, run: str, body: shapes.FinishRun) -> JsonResponse:
    """The agent is done. What still waits for people is withdrawn."""
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        external.finish_run(
            caller=caller,
            run=run,
            succeeded=body.succeeded,
            output=body.output,
            reason=body.reason,
            now=timezone.now(),
        )
        return shapes.run_out(queries.run_line(caller, run))

    return answer_once(request, body.model_dump(), do)


@router.post("/{run}/cancel", response=RunLine, operation_id="cancel_run")
@needs("act")
def cancel_run(request: HttpRequest, run: str, body: shapes.Because) -> JsonResponse:
    """The agent gives up. What still waits for people is withdrawn."""
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        external.cancel_run(caller=caller, run=run, reason=body.reason, now=timezone.now())
        return shapes.run_out(queries.run_line(caller, run))

    return answer_once(request, body.model_dump(), do)


@router.get("/{run}/events", response=shapes.EventsOut, operation_id="list_events")
@needs("read", permission=VIEW, counted_as="reads")
def list_events(
    request: HttpRequest,
    run: str,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Limit = 100,
    type: Annotated[str, Query(max_length=60)] = "",
) -> Any:
    """Events past a number, in order. `next` is where to go on, also when `type` leaves some of them out."""
    found = queries.events(caller_of(request), run, after=after, limit=limit)
    shown = [shapes.event_out(card) for card in found if not type or card.type == type]
    return {"events": shown, "next": found[-1].seq if found else after}
