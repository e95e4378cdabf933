"""The rows that this app's events lead to, for `manage.py rebuild`: the log folded once more, compared,
repaired.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
from django.db import connection, transaction

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

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]

# Table -> (model, the columns that name a row). Automatic ids are no part of the comparison.
TABLES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "approval_request": (ApprovalRequest, ("id",)),
    "sign_off": (SignOff, ("request_id", "number")),
    "policy_revision": (PolicyRevision, ("slug", "revision")),
    "sample": (Sample, ("id",)),
    "delegation": (Delegation, ("id",)),
    "standing_grant": (StandingGrant, ("id",)),
    "canary": (Canary, ("id",)),
}


class StoredEvent(Protocol):
    """An event as the log keeps it; only its type and payload are read."""

    @property
    def type(self) -> str: ...
    @property
    def payload(self) -> str: ...


def rows_from(events: Iterable[StoredEvent]) -> Rows:
    """The rows that events of `approval` and `policy` streams lead to, each stream's in its own order."""
    requests: dict[str, record.Request] = {}
    taken: dict[str, samples.Sample] = {}
    delegated: dict[str, delegations.Delegation] = {}
    granted: dict[str, grants.Grant] = {}
    found: Rows = {name: {} for name in TABLES}
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


def stored_rows() -> Rows:
    """The rows as they stand in the tables, in the same shape."""
    return {
        name: {
            tuple(columns[key] for key in keys): {
                key: value for key, value in columns.items() if key != "id" or "id" in keys
            }
            for columns in model.objects.values()
        }
        for name, (model, keys) in TABLES.items()
    }


def differences(events: Iterable[StoredEvent]) -> list[str]:
    """Where the tables differ from the log, one sentence each; empty when they are exact."""
    expected, stored = rows_from(events), stored_rows()
    found: list[str] = []
    for table in TABLES:
        for key in sorted(expected[table].keys() | stored[table].keys(), key=str):
            named = f"{table} {' '.join(map(str, key))}"
            want, have = expected[table].get(key), stored[table].get(key)
            if want is None:
                found.append(f"{named}: the row has no event")
            elif have is None:
                found.append(f"{named}: the row is missing")
            else:
                found.extend(
                    f"{named}: {column} is {_short(have[column])}, the log says {_short(value)}"
                    for column, value in want.items()
                    if have[column] != value
                )
    return found


def repair(events: Iterable[StoredEvent]) -> None:
    """Make the tables what the log says, in one transaction. The guards of the database are told that the log,
    not a person, is changing the rows."""
    expected, stored = rows_from(events), stored_rows()
    with transaction.atomic():
        _unguard(True)
        # Sign-offs point at requests: their rows leave first and come last.
        for table in ("sign_off", *(name for name in TABLES if name != "sign_off")):
            model, keys = TABLES[table]
            for key in stored[table].keys() - expected[table].keys():
                model.objects.filter(**dict(zip(keys, key, strict=True))).delete()
        for table in TABLES:
            model, keys = TABLES[table]
            for key, columns in expected[table].items():
                if key not in stored[table]:
                    model.objects.create(**columns)
                elif stored[table][key] != columns:
                    model.objects.filter(**dict(zip(keys, key, strict=True))).update(**columns)
        _unguard(False)


def _unguard(is_off: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('countersign.rebuilding', %s, true)", ["on" if is_off else "off"])


def _short(value: Any) -> str:
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= 80 else f"{text[:80]}…"
