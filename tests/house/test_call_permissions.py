"""Who may call which operation of the API: each operation of the routers against every kind of caller.

A new operation without a line here fails, and so does one that asks for no scope.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from config.api import api
from tests import callers
from tests.callers import Api, problem_of

pytestmark = pytest.mark.django_db

VALUES = {
    "run": str(uuid.UUID(int=7)),
    "action": "a1",
    "commitment": "c2",
    "request_id": str(uuid.UUID(int=7)),
    "slug": "none",
}
PEOPLE = ("operator", "reviewer", "admin")


class Call(NamedTuple):
    """The scope that lets a caller in; `body` is one that can be read."""

    scope: str
    body: Any = None


SEEN = {"verb": "approve", "seen_digest": "0" * 64, "seen_version": 1}
CALLS: dict[str, Call] = {
    "list_runs": Call("read"),
    "start_run": Call("act", {}),
    "get_run": Call("read"),
    "finish_run": Call("act", {}),
    "cancel_run": Call("act", {"reason": "Enough."}),
    "list_events": Call("read"),
    "list_actions": Call("read"),
    "propose_action": Call("act", {"tool": "door.note"}),
    "get_action": Call("read"),
    "claim_action": Call("act", {"digest": "0" * 64}),
    "report_result": Call("act", {"outcome": "failed"}),
    "assert_beliefs": Call("act", {"assertions": [{"subject": "a", "predicate": "b"}]}),
    "make_commitment": Call("act", {"creditor": "a", "consequent": "b"}),
    "list_commitments": Call("read"),
    "list_all_commitments": Call("read"),
    "get_commitment": Call("read"),
    "discharge_commitment": Call("act", {}),
    "cancel_commitment": Call("act", {"reason": "Not needed."}),
    "list_approval_requests": Call("read"),
    "get_approval_request": Call("read"),
    # Whether the answer counts is asked of the request itself (quorum.check).
    "sign_off": Call("decide", SEEN),
    "list_policies": Call("read"),
    "get_policy": Call("read"),
}


def _operations() -> Iterator[tuple[str, str, str, Any]]:
    """(operation, method, address, view) of everything that the API takes."""
    for bound in api._get_bound_routers():
        for path, view in bound.path_operations.items():
            for operation in view.operations:
                address = f"{bound.prefix}{path}".format(**VALUES)
                for method in operation.methods:
                    yield operation.operation_id or "", method, address, operation.view_func


OPERATIONS = {name: (method, address, view) for name, method, address, view in _operations()}


def test_every_operation_says_who_may_call_it() -> None:
    assert set(OPERATIONS) == set(CALLS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_asks_for_its_scope(name: str) -> None:
    assert getattr(OPERATIONS[name][2], "call_scope", "none") == CALLS[name].scope


@pytest.fixture
def everybody(admin: Any, request: pytest.FixtureRequest) -> dict[tuple[str, str], Api]:
    """A caller for every kind of identity and every scope it can have."""
    callers.publish_agent(owner=admin.username)
    found = {
        ("agent", scope): Api(callers.agent_token(by=admin, scopes=(scope,)).secret)
        for scope in ("act", "read")
    }
    for role in PEOPLE:
        person = request.getfixturevalue(role)
        for scope in ("decide", "read"):
            found[role, scope] = Api(callers.person_token(person, scope).secret)
    return found


def test_an_operation_lets_in_whom_it_names_and_nobody_else(everybody: dict[tuple[str, str], Api]) -> None:
    for name, (method, address, _) in OPERATIONS.items():
        wanted, body = CALLS[name]
        assert problem_of(Api().send(method, address, body))[0] == 401, name
        for (who, scope), caller in everybody.items():
            answer = caller.send(method, address, body)
            met = f"{who} with {scope}: {name} {answer.status_code}"
            if scope != wanted:
                assert problem_of(answer) == (403, "scope"), met
            else:
                assert answer.status_code not in {401, 403, 405, 422}, met
                assert answer.status_code < 500, met


def test_a_person_without_a_role_reads_and_decides_nothing(everybody: object, reviewer: Any) -> None:
    token = Api(callers.person_token(reviewer, "read", "decide").secret)
    reviewer.groups.clear()
    for name, (method, address, _) in OPERATIONS.items():
        if CALLS[name].scope != "act":
            answer = token.send(method, address, CALLS[name].body)
            assert problem_of(answer) == (403, "role"), name
