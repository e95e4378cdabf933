"""The tools: each is one call of a service, in the name of the token's agent."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from django.utils import timezone
from pydantic import Field

from approvals.mcp.answers import ActionAnswer, Answer, ClaimAnswer, CommitmentAnswer, StatedAnswer
from approvals.mcp.calls import answer
from orchestrator import tails
from orchestrator.api.calling import Reason, Word
from orchestrator.api.shapes import AssertionIn, Due, EvidenceIn, Json, Otherwise
from orchestrator.domain import ids
from orchestrator.domain.callers import Caller
from orchestrator.domain.replies import ProposedAction
from orchestrator.queries import external as queries
from orchestrator.queries.outcomes import outcome_of
from orchestrator.services import commitments, external, proposals

# A result that is larger would fill the context of the model that asks; REST gives it.
RESULT_BYTES = 32 * 1024
NAME = r"^[a-z][0-9]{1,9}$"
RunId = Annotated[str, Field(max_length=40, description="The run that request_approval named.")]
ActionName = Annotated[str, Field(pattern=NAME, description="The action that request_approval named.")]
Wait = Annotated[float, Field(ge=0, le=30, description="How many seconds to wait for people's answer.")]


async def request_approval(
    tool: Annotated[str, Field(max_length=200)],
    arguments: Json,
    reason: Annotated[str, Field(max_length=4000)] = "",
    otherwise: Otherwise = "",
    evidence: Annotated[list[EvidenceIn], Field(max_length=50)] = [],  # noqa: B006  never changed
    run: Annotated[str, Field(max_length=40, description="Empty starts a new run.")] = "",
    title: Annotated[Word, Field(description="What a new run is about.")] = "",
    wait_seconds: Wait = 0,
) -> ActionAnswer:
    """Ask to do something, with its exact arguments. The policy allows it, refuses it, or asks people."""

    def ask(caller: Caller) -> ActionAnswer:
        proposal = ProposedAction(
            tool=tool,
            arguments=arguments,
            reason=reason,
            otherwise=otherwise,
            evidence=tuple(one.plain() for one in evidence),
        )
        now = timezone.now()
        if run:
            made = proposals.propose(caller=caller, run=run, proposal=proposal, now=now)
        else:
            key = secrets.token_hex(16)
            made = proposals.ask(caller=caller, proposal=proposal, title=title, key=key, now=now)
        return _action(caller, made.run, made.action, coalesced=made.coalesced)

    found = await answer(ActionAnswer, ask, counted_as="")
    return await _patient(found, wait_seconds)


async def check_approval(run: RunId, action: ActionName, wait_seconds: Wait = 0) -> ActionAnswer:
    """Where an action stands, and what was reported of it. With wait_seconds the answer comes as soon as people have
    decided."""
    found = await answer(ActionAnswer, lambda caller: _action(caller, run, action), counted_as="reads")
    return await _patient(found, wait_seconds)


async def claim_action(
    run: RunId,
    action: ActionName,
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="The action's digest, echoed.")],
) -> ClaimAnswer:
    """Take an allowed or released action, once. Do what `arguments` says before `execute_by`, then report_result."""

    def take(caller: Caller) -> ClaimAnswer:
        claim = external.claim_action(caller=caller, run=run, action=action, digest=digest)
        if claim.execute_by is None:
            again = f"{claim.objection} The action is weighed again; check it until it is answered."
            return ClaimAnswer(ok=False, code="recalled", detail=again)
        return ClaimAnswer(arguments=claim.arguments, execute_by=claim.execute_by.isoformat())

    return await answer(ClaimAnswer, take)


async def report_result(
    run: RunId,
    action: ActionName,
    outcome: Literal["executed", "failed", "unknown"],
    result: Json = {},  # noqa: B006  never changed
    text: Reason = "",
) -> ActionAnswer:
    """Say what became of a claimed action: executed with its result, failed, or unknown (a person finds out)."""

    def report(caller: Caller) -> ActionAnswer:
        external.report_result(
            caller=caller, run=run, action=action, outcome=outcome, result=result, text=text
        )
        return _action(caller, run, action)

    return await answer(ActionAnswer, report)


async def assert_belief(run: RunId, assertion: AssertionIn) -> StatedAnswer:
    """State something with the evidence for it, so that people and other agents can check it."""

    def state(caller: Caller) -> StatedAnswer:
        stated = [assertion.plain()]
        seq = external.assert_beliefs(caller=caller, run=run, assertions=stated, now=timezone.now())
        return StatedAnswer(seq=seq)

    return await answer(StatedAnswer, state)


async def make_commitment(
    run: RunId,
    creditor: Annotated[str, Field(min_length=1, max_length=200)],
    consequent: Annotated[str, Field(min_length=1, max_length=2000)],
    antecedent: Annotated[str, Field(max_length=2000)] = "",
    due: Due = "",
    premises: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=50)] = [],  # noqa: B006
) -> CommitmentAnswer:
    """Commit yourself: to the creditor, if the antecedent holds, then the consequent. After `due` it is violated."""

    def make(caller: Caller) -> CommitmentAnswer:
        made = commitments.make_commitment(
            caller=caller,
            run=run,
            creditor=creditor,
            consequent=consequent,
            antecedent=antecedent,
            premises=premises,
            due=due,
        )
        return _commitment(caller, run, made)

    return await answer(CommitmentAnswer, make)


async def settle_commitment(
    run: RunId,
    commitment: Annotated[str, Field(pattern=NAME, description="What make_commitment named.")],
    outcome: Literal["discharged", "cancelled"],
    text: Annotated[Reason, Field(description="What you did, or why you take it back.")] = "",
    evidence: Annotated[list[EvidenceIn], Field(max_length=50)] = [],  # noqa: B006  never changed
) -> CommitmentAnswer:
    """Say that you did what you committed yourself to (discharged), or take it back with a reason (cancelled)."""

    def settle(caller: Caller) -> CommitmentAnswer:
        commitments.settle_commitment(
            caller=caller,
            run=run,
            commitment=commitment,
            outcome=outcome,
            text=text,
            evidence=[one.plain() for one in evidence],
        )
        return _commitment(caller, run, commitment)

    return await answer(CommitmentAnswer, settle)


async def finish_run(run: RunId, succeeded: bool = True, reason: Reason = "") -> Answer:
    """End the run. What still waits for people is withdrawn."""

    def finish(caller: Caller) -> Answer:
        external.finish_run(caller=caller, run=run, succeeded=succeeded, reason=reason, now=timezone.now())
        return Answer()

    return await answer(Answer, finish)


def _action(caller: Caller, run: str, action: str, *, coalesced: bool = False) -> ActionAnswer:
    card = queries.action(caller, run, action)
    outcome = outcome_of(card, most=RESULT_BYTES)
    return ActionAnswer(
        run=run,
        action=action,
        state=card.state,
        digest=card.digest,
        explanation=card.explanation,
        request=card.request,
        coalesced=coalesced,
        result=outcome.value,
        result_left_out=outcome.left_out,
    )


def _commitment(caller: Caller, run: str, commitment: str) -> CommitmentAnswer:
    card = queries.commitment(caller, run, commitment)
    return CommitmentAnswer(commitment=card.commitment, state=card.state, due=card.due)


async def _patient(found: ActionAnswer, seconds: float) -> ActionAnswer:
    """The answer, waited for."""
    if not found.ok or not seconds or found.state not in queries.WAITS:
        return found
    try:
        await tails.wait_for_answer(ids.row_id(found.run, found.action), seconds)
    except tails.TooManyWait:
        return found
    again = await answer(ActionAnswer, lambda caller: _action(caller, found.run, found.action), counted_as="")
    again.coalesced = found.coalesced
    return again
