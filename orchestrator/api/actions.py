"""Actions of an external run: propose, wait for the answer, claim, report the result."""

from __future__ import annotations

from typing import Annotated, Any

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Query, Router

from orchestrator import tails
from orchestrator.api import shapes
from orchestrator.api.calling import Limit, Name, answer_once, caller_of, needs
from orchestrator.domain import ids
from orchestrator.queries import external as queries
from orchestrator.services import external, proposals

VIEW = "orchestrator.view_run"
MOST_WAIT = 30
router = Router(tags=["actions"])


@router.get("/{run}/actions", response=shapes.ActionsOut, operation_id="list_actions")
@needs("read", permission=VIEW, counted_as="reads")
def list_actions(
    request: HttpRequest,
    run: str,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Limit = 50,
) -> Any:
    line = queries.run_line(caller_of(request), run)
    found = queries.actions(caller_of(request), run, after=after, limit=limit)
    shown = [shapes.action_out(card, is_external=line.is_external) for card in found.cards]
    return {"actions": shown, "next": found.after}


@router.post("/{run}/actions", response={201: shapes.ActionOut}, operation_id="propose_action")
@needs("act", counted_as="")
def propose_action(request: HttpRequest, run: str, body: shapes.Propose) -> JsonResponse:
    """Ask for an action. It is stored, weighed by the gate, and held for people where the policy says so.

    Many proposals in a minute are coalesced: one that says what another says that still waits gives that one. Past
    the ceiling 429 turns away what the policy calls low or medium; what it calls high or critical always gets in.
    """
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        made = proposals.propose(caller=caller, run=run, proposal=body.plain(), now=timezone.now())
        card = queries.action(caller, run, made.action)
        return shapes.action_out(card, coalesced=made.coalesced)

    return answer_once(request, body.model_dump(), do, status=201)


@router.get("/{run}/actions/{action}", response=shapes.ActionRead, operation_id="get_action")
@needs("read", permission=VIEW, counted_as="reads")
async def get_action(
    request: HttpRequest,
    run: str,
    action: Name,
    wait: Annotated[float, Query(ge=0, le=MOST_WAIT)] = 0,
) -> Any:
    """An action as it stands, with the result that was reported of it. With `wait`, the answer comes as soon as the
    gate and people have answered, or after so many seconds with what is known then."""
    found = await _look(request, run, action)
    if wait and found["state"] in queries.WAITS:
        await tails.wait_for_answer(ids.row_id(run, action), wait)
        found = await _look(request, run, action)
    return found


@router.post("/{run}/actions/{action}/claim", response=shapes.ClaimOut, operation_id="claim_action")
@needs("act")
def claim_action(request: HttpRequest, run: str, action: Name, body: shapes.ClaimIn) -> JsonResponse:
    """Take an action that is allowed or released: once, echoing its digest. Do it before `execute_by`, then report.

    409 with the code `recalled` when an approval no longer holds: the action is weighed again.
    """
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        claim = external.claim_action(caller=caller, run=run, action=action, digest=body.digest)
        if claim.execute_by is None:
            return {
                "_status": 409,
                "type": "about:blank",
                "title": "Not allowed by a rule",
                "status": 409,
                "code": "recalled",
                "detail": f"{claim.objection} The action is weighed again; wait for its answer.",
            }
        return {
            "run": run,
            "action": action,
            "digest": body.digest,
            "arguments": claim.arguments,
            "execute_by": claim.execute_by.isoformat(),
        }

    return answer_once(request, body.model_dump(), do)


@router.post("/{run}/actions/{action}/result", response=shapes.ActionOut, operation_id="report_result")
@needs("act")
def report_result(request: HttpRequest, run: str, action: Name, body: shapes.ResultIn) -> JsonResponse:
    """Say what became of a claimed action: executed with its result, failed, or unknown."""
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        external.report_result(
            caller=caller, run=run, action=action, outcome=body.outcome, result=body.result, text=body.text
        )
        return shapes.action_out(queries.action(caller, run, action))

    return answer_once(request, body.model_dump(), do)


@sync_to_async
def _look(request: HttpRequest, run: str, action: str) -> dict[str, Any]:
    """The action, read on a connection that goes back to the pool before anybody waits."""
    try:
        caller = caller_of(request)
        line = queries.run_line(caller, run)
        return shapes.action_read(queries.action(caller, run, action), is_external=line.is_external)
    finally:
        if not connection.in_atomic_block:
            connection.close()
