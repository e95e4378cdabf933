"""The approval requests of one action, as their own streams: for whoever follows a chain from goal to effect."""

from __future__ import annotations

from collections.abc import Iterable

from approvals.models import ApprovalRequest


def requests_of(run: str, action: str) -> tuple[str, ...]:
    """The ids of an action's requests, which are those of their streams, oldest revision first."""
    found = ApprovalRequest.objects.filter(run=run, action=action).order_by("revision", "opened_at")
    return tuple(str(request) for request in found.values_list("pk", flat=True))


def revisions_of(run: str, actions: Iterable[str]) -> dict[tuple[str, int], str]:
    """The ids of the requests of these actions, by action and revision, in one read."""
    found = ApprovalRequest.objects.filter(run=run, action__in=list(actions))
    return {
        (action, revision): str(request)
        for action, revision, request in found.values_list("action", "revision", "pk")
    }


def pending(run: str, actions: Iterable[str]) -> dict[str, str]:
    """The open request of each of these actions that has one, in one read."""
    found = ApprovalRequest.objects.filter(run=run, action__in=list(actions), status="pending")
    return {action: str(request) for action, request in found.values_list("action", "pk")}
