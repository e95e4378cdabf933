"""The rows that this app's events lead to, for `manage.py rebuild`: the log folded once more, compared,
repaired.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from approvals import projections
from approvals.domain import canaries, delegations, grants, published, record, samples
from approvals.models import (
    ApprovalRequest,
    Canary,
    Delegation,
    PolicyRevision,
    Sample,
    SignOff,
    StandingGrant,
)
from approvals.services import row_tables
from approvals.services.row_tables import StoredEvent, Table

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]

# Sign-offs point at requests, so they come after them.
TABLES = (
    Table("approval_request", ApprovalRequest),
    Table("sign_off", SignOff, ("request_id", "number")),
    Table("policy_revision", PolicyRevision, ("slug", "revision")),
    Table("sample", Sample),
    Table("delegation", Delegation),
    Table("standing_grant", StandingGrant),
    Table("canary", Canary),
)


def rows_from(events: Iterable[StoredEvent]) -> Rows:
    """The rows that events of `approval` and `policy` streams lead to, each stream's in its own order."""
    requests: dict[str, record.Request] = {}
    taken: dict[str, samples.Sample] = {}
    delegated: dict[str, delegations.Delegation] = {}
    granted: dict[str, grants.Grant] = {}
    found: Rows = {table.name: {} for table in TABLES}
    for event in events:
        payload = event.payload.encode() if isinstance(event.payload, str) else bytes(event.payload)
        if event.type == published.PolicyPublished.TYPE:
            columns = projections.policy_columns(published.decode(payload))
            found["policy_revision"][columns["slug"], columns["revision"]] = columns
        elif (about := samples.decode(event.type, payload)) is not None:
            if (sample := samples.evolve(taken.get(about.sample), about)) is not None:
                taken[about.sample] = sample
        elif (given := delegations.decode(event.type, payload)) is not None:
            key = given.delegation.id if isinstance(given, delegations.DelegationSet) else given.id
            delegation = delegations.evolve(delegated.get(key), given)
            if delegation is not None:
                delegated[key] = delegation
        elif (allowed := grants.decode(event.type, payload)) is not None:
            key = allowed.grant.id if isinstance(allowed, grants.GrantCreated) else allowed.id
            grant = grants.evolve(granted.get(key), allowed)
            if grant is not None:
                granted[key] = grant
        elif (planted := canaries.decode(event.type, payload)) is not None:
            columns = projections.canary_columns(planted)
            found["canary"][(columns["id"],)] = columns
        elif (fact := record.decode(event.type, payload)) is not None:
            request = record.evolve(requests.get(fact.request), fact)
            if request is not None:
                requests[fact.request] = request
    for request in requests.values():
        columns = projections.request_columns(request)
        found["approval_request"][(columns["id"],)] = columns
        for sign_off in request.sign_offs:
            columns = projections.sign_off_columns(sign_off)
            found["sign_off"][columns["request_id"], columns["number"]] = columns
    for sample in taken.values():
        columns = projections.sample_columns(sample)
        found["sample"][(columns["id"],)] = columns
    for delegation in delegated.values():
        columns = projections.delegation_columns(delegation)
        found["delegation"][(columns["id"],)] = columns
    for grant in granted.values():
        columns = projections.grant_columns(grant)
        found["standing_grant"][(columns["id"],)] = columns
    return found


def differences(events: Iterable[StoredEvent]) -> list[str]:
    """Where the tables differ from the log, one sentence each; empty when they are exact."""
    return row_tables.differences(_expected(events))


def repair(events: Iterable[StoredEvent]) -> None:
    """Make the tables what the log says."""
    row_tables.repair(_expected(events))


def _expected(events: Iterable[StoredEvent]) -> list[tuple[Table, row_tables.Rows]]:
    rows = rows_from(events)
    return [(table, rows[table.name]) for table in TABLES]
