"""REST of this app: approval requests, sign-offs with a person's token, and published policies. Mounted by `config.api`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from approvals.queries import outside
from approvals.services import outside as deciding
from orchestrator.api.calling import Asked, Cursor, Limit, Reason, caller_of, needs

SEE = "approvals.view_approvalrequest"
requests = Router(tags=["approval requests"])
policies = Router(tags=["policies"])
Status = Literal[
    "", "pending", "approved", "rejected", "expired", "withdrawn", "superseded", "revoked", "stale", "lapsed"
]


class SignOffIn(Asked):
    """`seen_digest` and `seen_version` echo what the person was shown: an answer to something else is refused."""

    verb: Literal["approve", "reject"]
    seen_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seen_version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    reason: Reason = ""


class SignOffOut(Schema):
    request: str
    status: str
    verb: str
    repeated: bool


class SignedOut(Schema):
    who: str
    role: str
    verb: str
    reason: str
    at: dt.datetime


class LevelOut(Schema):
    name: str
    group: str
    need: int


class RequestOut(Schema):
    """A held action before people. `arguments` is the whole call that would be executed; `arguments_left_out`
    says why it is not there, when it was erased after the request had ended. `stated_reason` and `stated_otherwise`,
    what it will do instead when this is rejected, are its agent's words."""

    id: str
    run: str
    action: str
    status: str
    version: int
    digest: str
    sentence: str
    tool: str
    agent: str
    tier: str
    target: str
    amount: str
    currency: str
    stated_reason: str
    stated_otherwise: str
    rule: str
    explanation: str
    policy: str
    policy_revision: int
    levels: list[LevelOut]
    sign_offs: list[SignedOut]
    arguments: Any
    arguments_left_out: str = ""
    opened_at: dt.datetime
    decide_by: dt.datetime
    decided_at: dt.datetime | None
    decided_by: str
    reason: str
    execute_by: dt.datetime | None


class RequestsOut(Schema):
    requests: list[RequestOut]
    next: str


class PolicyOut(Schema):
    slug: str
    revision: int
    title: str
    digest: str
    parameters: Any
    published_at: dt.datetime


class PoliciesOut(Schema):
    policies: list[PolicyOut]


@requests.get("", response=RequestsOut, operation_id="list_approval_requests")
@needs("read", permission=SEE, counted_as="reads")
def list_approval_requests(
    request: HttpRequest, status: Status = "", cursor: Cursor = "", limit: Limit = 50
) -> Any:
    """Approval requests that this token may see, the newest first."""
    found, more = outside.requests(caller_of(request), status=status, cursor=cursor, limit=limit)
    return {"requests": found, "next": more}


@requests.get("/{request_id}", response=RequestOut, operation_id="get_approval_request")
@needs("read", permission=SEE, counted_as="reads")
def get_approval_request(request: HttpRequest, request_id: str) -> Any:
    return outside.request(caller_of(request), request_id)


@requests.post("/{request_id}/sign-offs", response=SignOffOut, operation_id="sign_off")
@needs("decide", permission=SEE)
def sign_off(request: HttpRequest, request_id: str, body: SignOffIn) -> Any:
    """Answer in the name of the token's person. 409 `decided` names who was first, 412 `changed` means look again,
    410 `expired` that the time is over. The same answer twice is success."""
    answered = deciding.sign_off(
        caller=caller_of(request), request=request_id, now=timezone.now(), **body.model_dump()
    )
    return {
        "request": answered.request,
        "status": answered.status,
        "verb": answered.verb,
        "repeated": answered.repeated,
    }


@policies.get("", response=PoliciesOut, operation_id="list_policies")
@needs("read", permission=SEE, counted_as="reads")
def list_policies(request: HttpRequest) -> Any:
    """The newest revision of each published policy."""
    return {"policies": outside.policies()}


@policies.get("/{slug}", response=PolicyOut, operation_id="get_policy")
@needs("read", permission=SEE, counted_as="reads")
def get_policy(request: HttpRequest, slug: str) -> Any:
    return outside.policy(slug)
