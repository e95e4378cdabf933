"""Requests and policies as callers from outside may see them: an agent those of its own runs, people all."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from django.db.models import QuerySet

from approvals.models import ApprovalRequest, PolicyRevision
from approvals.queries import requests as queries
from orchestrator import blobs
from orchestrator.domain import errors
from orchestrator.domain.callers import Caller
from orchestrator.queries.external import visible_runs
from orchestrator.queries.newest import newest


class NoSuchPolicy(errors.NotFound):
    """There is no such policy. List the policies to see which are published."""


def requests(caller: Caller, *, status: str, cursor: str, limit: int) -> tuple[list[dict[str, Any]], str]:
    """A page of requests, the newest first, and the cursor of the next one or ""."""
    found = _visible(caller)
    if status:
        found = found.filter(status=status)
    rows, more = newest(found, "opened_at", cursor=cursor, limit=limit)
    return [_card(row) for row in rows], more


def request(caller: Caller, request_id: str) -> dict[str, Any]:
    """Raises UnknownRequest, also for one that belongs to another agent."""
    try:
        row = _visible(caller).filter(pk=uuid.UUID(request_id)).first()
    except ValueError:
        row = None
    if row is None:
        raise queries.UnknownRequest(request=request_id)
    return _card(row)


def policies() -> list[dict[str, Any]]:
    """The newest revision of each policy."""
    newest = PolicyRevision.objects.order_by("slug", "-revision").distinct("slug")
    return [_policy(row) for row in newest]


def policy(slug: str) -> dict[str, Any]:
    """Raises NoSuchPolicy."""
    row = PolicyRevision.objects.filter(slug=slug).order_by("-revision").first()
    if row is None:
        raise NoSuchPolicy(slug=slug)
    return _policy(row)


def _visible(caller: Caller) -> QuerySet[ApprovalRequest]:
    if not caller.agent:
        return ApprovalRequest.objects.all()  # whether the person may see requests is asked at the door
    return ApprovalRequest.objects.filter(agent=caller.agent, run__in=visible_runs(caller).values("id"))


def _card(row: ApprovalRequest) -> dict[str, Any]:
    found = queries.from_row(row)
    opened = found.opened
    try:
        arguments, gone = blobs.value(opened.arguments), ""
    except blobs.Erased as erased:
        arguments, gone = None, erased.message
    return {
        "id": opened.request,
        "run": opened.run,
        "action": opened.action,
        "status": found.status,
        "version": found.version,
        "digest": opened.digest,
        "sentence": opened.sentence,
        "tool": opened.tool,
        "agent": opened.agent,
        "tier": opened.tier,
        "target": opened.target,
        "amount": opened.amount or "",
        "currency": opened.currency or "",
        "stated_reason": opened.stated_reason,
        "stated_otherwise": opened.stated_otherwise,
        "rule": opened.rule,
        "explanation": opened.explanation,
        "policy": opened.policy,
        "policy_revision": opened.policy_revision,
        "levels": [{"name": level.name, "group": level.group, "need": level.need} for level in opened.levels],
        "sign_offs": [
            {
                "who": one.reviewer,
                "role": one.role,
                "verb": one.verb,
                "reason": one.reason,
                "at": one.decided_at,
            }
            for one in found.sign_offs
        ],
        "arguments": arguments,
        "arguments_left_out": gone,
        "opened_at": opened.opened_at,
        "decide_by": opened.decide_by,
        "decided_at": found.decided_at,
        "decided_by": found.decided_by,
        "reason": found.reason,
        "execute_by": found.execute_by,
    }


def _policy(row: PolicyRevision) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "revision": row.revision,
        "title": row.title,
        "digest": row.digest,
        "parameters": msgspec.json.decode(row.parameters),
        "published_at": row.published_at,
    }
