"""The MCP server: the gate as tools, for agents that speak the Model Context Protocol. Mounted by `config.asgi`.

It does what REST does, with the same tokens and counts. A refusal is a value, because the text of an exception
does not reach the caller: `ok` is false, `code` is for programs and `detail` for the model to read.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, Field

from approvals.services import tokens
from orchestrator import tails
from orchestrator.api.calling import code_of
from orchestrator.api.shapes import AssertionIn, EvidenceIn, Json
from orchestrator.domain import errors, ids
from orchestrator.domain.callers import Caller
from orchestrator.domain.replies import ProposedAction
from orchestrator.queries import external as queries
from orchestrator.services import external, rates

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
RunId = Annotated[str, Field(max_length=40, description="The run that request_approval named.")]
ActionName = Annotated[
    str, Field(pattern=r"^[a-z][0-9]{1,9}$", description="The action that request_approval named.")
]
Wait = Annotated[float, Field(ge=0, le=30, description="How many seconds to wait for people's answer.")]
INSTRUCTIONS = (
    "Before you do anything that changes the world, call request_approval with the tool and the exact arguments. "
    "While its state is proposed or held, call check_approval. When it is allowed or released, call claim_action, do "
    "exactly what claim_action returns before execute_by, and call report_result. When it is refused, do not do it; "
    "explanation says why. When you are done, call finish_run."
)


class Answer(BaseModel):
    """What every tool gives: whether it was done, and if not why, in `code` and `detail`."""

    ok: bool = True
    code: str = ""
    detail: str = ""


class ActionAnswer(Answer):
    """Where an action stands. "allowed" or "released": claim it. "refused": `explanation` says why."""

    run: str = ""
    action: str = ""
    state: str = ""
    digest: str = ""
    explanation: str = ""
    request: str = ""
    coalesced: bool = False


class ClaimAnswer(Answer):
    """`arguments` is the call that was approved: do exactly this, before `execute_by`."""

    arguments: dict[str, Any] = {}
    execute_by: str = ""


class StatedAnswer(Answer):
    """The number of the event, or the name of the commitment."""

    seq: int = 0
    commitment: str = ""


class Tokens:
    """Recognises the same tokens as REST."""

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            caller = await _apart(lambda: tokens.recognise(token))
        except tokens.NotAuthentic:
            return None
        return AccessToken(token=token, client_id=caller.token, scopes=sorted(caller.scopes))


def build_server() -> MCPServer:
    """A server with all tools. One serves one event loop."""
    server = MCPServer(
        "countersign",
        instructions=INSTRUCTIONS,
        token_verifier=Tokens(),
        auth=AuthSettings(
            issuer_url="http://countersign.invalid",  # type: ignore[arg-type]
            resource_server_url=None,
            required_scopes=["act"],
        ),
    )
    for tool in (
        request_approval,
        check_approval,
        claim_action,
        report_result,
        assert_belief,
        make_commitment,
        finish_run,
    ):
        server.tool()(tool)
    return server


async def request_approval(
    tool: Annotated[str, Field(max_length=200)],
    arguments: Json,
    reason: Annotated[str, Field(max_length=4000)] = "",
    evidence: Annotated[list[EvidenceIn], Field(max_length=50)] = [],  # noqa: B006  never changed
    run: Annotated[str, Field(max_length=40, description="Empty starts a new run.")] = "",
    title: Annotated[str, Field(max_length=200, description="What a new run is about.")] = "",
    wait_seconds: Wait = 0,
) -> ActionAnswer:
    """Ask to do something, with its exact arguments. The policy allows it, refuses it, or asks people."""

    def ask(caller: Caller) -> ActionAnswer:
        into = run or external.start_run(
            caller=caller, key=secrets.token_hex(16), title=title, now=timezone.now()
        )
        proposal = ProposedAction(
            tool=tool,
            arguments=arguments,
            reason=reason,
            evidence=tuple(one.plain() for one in evidence),
        )
        coalesce = rates.take_proposal(caller, queries.tool_category(caller, into, tool))
        made = external.propose(
            caller=caller, run=into, proposal=proposal, coalesce=coalesce, now=timezone.now()
        )
        return _action(caller, into, made.action, coalesced=made.coalesced)

    found = await _answer(ActionAnswer, ask, counted_as="")
    return await _patient(found, wait_seconds)


async def check_approval(run: RunId, action: ActionName, wait_seconds: Wait = 0) -> ActionAnswer:
    """Where an action stands. With wait_seconds the answer comes as soon as people have decided."""
    found = await _answer(ActionAnswer, lambda caller: _action(caller, run, action), counted_as="reads")
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

    return await _answer(ClaimAnswer, take)


async def report_result(
    run: RunId,
    action: ActionName,
    outcome: Literal["executed", "failed", "unknown"],
    result: Json = {},  # noqa: B006  never changed
    text: Annotated[str, Field(max_length=2000)] = "",
) -> ActionAnswer:
    """Say what became of a claimed action: executed with its result, failed, or unknown (a person finds out)."""

    def report(caller: Caller) -> ActionAnswer:
        external.report_result(
            caller=caller, run=run, action=action, outcome=outcome, result=result, text=text
        )
        return _action(caller, run, action)

    return await _answer(ActionAnswer, report)


async def assert_belief(run: RunId, assertion: AssertionIn) -> StatedAnswer:
    """State something with the evidence for it, so that people and other agents can check it."""

    def state(caller: Caller) -> StatedAnswer:
        stated = [assertion.plain()]
        seq = external.assert_beliefs(caller=caller, run=run, assertions=stated, now=timezone.now())
        return StatedAnswer(seq=seq)

    return await _answer(StatedAnswer, state)


async def make_commitment(
    run: RunId,
    creditor: Annotated[str, Field(min_length=1, max_length=200)],
    consequent: Annotated[str, Field(min_length=1, max_length=2000)],
    antecedent: Annotated[str, Field(max_length=2000)] = "",
    due: Annotated[str, Field(max_length=40)] = "",
) -> StatedAnswer:
    """Commit yourself: to the creditor, if the antecedent holds, then the consequent."""

    def make(caller: Caller) -> StatedAnswer:
        made = external.make_commitment(
            caller=caller,
            run=run,
            creditor=creditor,
            consequent=consequent,
            antecedent=antecedent,
            due=due,
            now=timezone.now(),
        )
        return StatedAnswer(commitment=made)

    return await _answer(StatedAnswer, make)


async def finish_run(
    run: RunId, succeeded: bool = True, reason: Annotated[str, Field(max_length=2000)] = ""
) -> Answer:
    """End the run. What still waits for people is withdrawn."""

    def finish(caller: Caller) -> Answer:
        external.finish_run(caller=caller, run=run, succeeded=succeeded, reason=reason, now=timezone.now())
        return Answer()

    return await _answer(Answer, finish)


def _action(caller: Caller, run: str, action: str, *, coalesced: bool = False) -> ActionAnswer:
    card = queries.action(caller, run, action)
    return ActionAnswer(
        run=run,
        action=action,
        state=card.state,
        digest=card.digest,
        explanation=card.explanation,
        request=card.request,
        coalesced=coalesced,
    )


async def _patient(found: ActionAnswer, seconds: float) -> ActionAnswer:
    """The answer, waited for."""
    if not found.ok or not seconds or found.state not in tails.WAITS:
        return found
    try:
        await tails.wait_for_answer(ids.row_id(found.run, found.action), seconds)
    except tails.TooManyWait:
        return found
    again = await _answer(
        ActionAnswer, lambda caller: _action(caller, found.run, found.action), counted_as=""
    )
    again.coalesced = found.coalesced
    return again


async def _answer(kind: type[Any], do: Callable[[Caller], Any], *, counted_as: str = "calls") -> Any:
    """Do it as the caller of this request, and make a refusal a value."""
    shown = get_access_token()

    def work() -> Any:
        caller = tokens.recognise(shown.token if shown is not None else "")
        if counted_as:
            rates.take(caller, counted_as)
        return do(caller)

    try:
        return await _apart(work)
    except errors.Corrupt as corrupt:
        log.exception("mcp_corrupt")
        return kind(ok=False, code="corrupt", detail=corrupt.message)
    except errors.CountersignError as refused:
        return kind(ok=False, code=code_of(refused)[0], detail=refused.message)


async def _apart(do: Callable[[], Result]) -> Result:
    """In a thread of its own, whose connection goes back to the pool afterwards."""

    def work() -> Result:
        try:
            return do()
        finally:
            connection.close()

    found: Result = await sync_to_async(work, thread_sensitive=False)()
    return found
