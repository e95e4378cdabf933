"""Commitments: an agent makes them, says that it has done them or takes them back; whoever sees the run reads them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from django.http import HttpRequest, JsonResponse
from ninja import Query, Router, Schema

from orchestrator.api import shapes
from orchestrator.api.calling import Cursor, Limit, Name, Word, answer_once, caller_of, needs
from orchestrator.queries import CommitmentFilter, CommitmentLine
from orchestrator.queries import external as queries
from orchestrator.queries.commitments import CommitmentCard
from orchestrator.services import commitments as services

VIEW = "orchestrator.view_run"
router = Router(tags=["commitments"])
over_all_runs = Router(tags=["commitments"])
State = Literal["", "created", "discharged", "cancelled", "violated"]


class AllCommitmentsOut(Schema):
    commitments: list[CommitmentLine]
    next: str


@over_all_runs.get("", response=AllCommitmentsOut, operation_id="list_all_commitments")
@needs("read", permission=VIEW, counted_as="reads")
def list_all_commitments(
    request: HttpRequest,
    state: State = "",
    agent: Word = "",
    run: Word = "",
    q: Word = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Any:
    """Commitments of all runs that this token may see, the newest first. `agent` is the debtor; `q` asks for words by
    their beginnings, in what was committed, under which condition and to whom. `next` is "" at the end."""
    wanted = CommitmentFilter(state=state, agent=agent, run=run, words=q.strip())
    found, more = queries.all_commitments(caller_of(request), wanted, cursor=cursor, limit=limit)
    return {"commitments": list(found), "next": more}


@router.get("/{run}/commitments", response=shapes.CommitmentsOut, operation_id="list_commitments")
@needs("read", permission=VIEW, counted_as="reads")
def list_commitments(
    request: HttpRequest,
    run: str,
    state: State = "",
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Limit = 50,
) -> Any:
    """What the run's agent committed itself to, in that order. `next` is where to go on, 0 at the end."""
    found = queries.commitments(caller_of(request), run, state=state, after=after, limit=limit)
    return {"commitments": list(found.cards), "next": found.after}


@router.post("/{run}/commitments", response={201: CommitmentCard}, operation_id="make_commitment")
@needs("act")
def make_commitment(request: HttpRequest, run: str, body: shapes.CommitmentIn) -> JsonResponse:
    """Commit the agent: to the creditor, if the antecedent holds, then the consequent. Past `due` it is violated."""
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        made = services.make_commitment(caller=caller, run=run, **body.model_dump())
        return dataclasses.asdict(queries.commitment(caller, run, made))

    return answer_once(request, body.model_dump(), do, status=201)


@router.get("/{run}/commitments/{commitment}", response=shapes.CommitmentRead, operation_id="get_commitment")
@needs("read", permission=VIEW, counted_as="reads")
def get_commitment(request: HttpRequest, run: str, commitment: Name) -> Any:
    """A commitment as it stands, with what its fulfilment rests on."""
    return shapes.commitment_read(queries.commitment(caller_of(request), run, commitment))


@router.post(
    "/{run}/commitments/{commitment}/discharge",
    response=CommitmentCard,
    operation_id="discharge_commitment",
)
@needs("act")
def discharge_commitment(
    request: HttpRequest, run: str, commitment: Name, body: shapes.DischargeIn
) -> JsonResponse:
    """Say that it was done, and on what evidence. Only the agent of the run does, in time; also after the run ended."""
    evidence = [one.plain() for one in body.evidence]
    return _settle(request, run, commitment, body, outcome="discharged", text=body.text, evidence=evidence)


@router.post(
    "/{run}/commitments/{commitment}/cancel", response=CommitmentCard, operation_id="cancel_commitment"
)
@needs("act")
def cancel_commitment(request: HttpRequest, run: str, commitment: Name, body: shapes.Because) -> JsonResponse:
    """Take it back, with the reason. Only the agent of the run does, in time; also after the run ended."""
    return _settle(request, run, commitment, body, outcome="cancelled", text=body.reason)


def _settle(request: HttpRequest, run: str, commitment: str, body: shapes.Asked, **said: Any) -> JsonResponse:
    caller = caller_of(request)

    def do() -> dict[str, Any]:
        services.settle_commitment(caller=caller, run=run, commitment=commitment, **said)
        return dataclasses.asdict(queries.commitment(caller, run, commitment))

    return answer_once(request, body.model_dump(), do)
