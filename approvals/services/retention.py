"""What retention asks of approvals: which runs still wait for people, which streams are theirs, and to let rows go."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from approvals.models import ApprovalRequest, SignOff


def waiting_runs() -> set[str]:
    """Runs with a request that nobody has decided yet."""
    found = ApprovalRequest.objects.filter(status="pending").values_list("run", flat=True)
    return {str(run) for run in found}


def waiting_requests() -> list[str]:
    """The streams of requests that nobody has decided yet."""
    found = ApprovalRequest.objects.filter(status="pending").values_list("pk", flat=True)
    return [str(request) for request in found]


def requests_of(runs: Sequence[str]) -> dict[str, list[str]]:
    """For each of these runs the streams of its approval requests."""
    found: dict[str, list[str]] = {run: [] for run in runs}
    for request, run in ApprovalRequest.objects.filter(run__in=runs).order_by("pk").values_list("pk", "run"):
        found[str(run)].append(str(request))
    return found


def remove_rows(runs: Sequence[str]) -> None:
    """Let the rows of these runs' requests go, in the transaction that takes their streams off the log. The
    guards of the database are told that the log is what changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('countersign.rebuilding', 'on', true)")
        SignOff.objects.filter(request__run__in=runs).delete()
        ApprovalRequest.objects.filter(run__in=runs).delete()
        cursor.execute("SELECT set_config('countersign.rebuilding', 'off', true)")
