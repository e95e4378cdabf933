"""Who may open which address: every route of the address book against everybody, so that none is open by accident.

A new route without a line here fails, and so does a line without a route.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.house.test_call_permissions import CALLS

pytestmark = pytest.mark.django_db

ROLES = ("operator", "reviewer", "admin")
EVERYBODY = frozenset(ROLES)
READ, CHANGE, POST = frozenset({"GET"}), frozenset({"GET", "POST"}), frozenset({"POST"})
RUN = {"run": uuid.UUID(int=7)}


class Door(NamedTuple):
    """Who passes, with which methods. `of_subject` says that a permission is asked for the subject itself,
    `leads_to` where it sends whoever was let in and did it."""

    who: frozenset[str]
    methods: frozenset[str]
    values: dict[str, Any] = {}
    of_subject: bool = False
    leads_to: str = "-"


def _seen(**values: Any) -> Door:
    return Door(EVERYBODY, READ, values)


def _watched(**values: Any) -> Door:
    return Door(EVERYBODY, READ, {**RUN, **values})


def _edited(**values: Any) -> Door:
    return Door(frozenset({"admin"}), CHANGE, values)


DOORS: dict[str, Door] = {
    "people": Door(frozenset({"admin"}), READ),
    "invite_person": _edited(),
    "person": _edited(username="nobody"),
    "groups": _edited(),
    "group": _edited(name="none"),
    "monitoring:overview": _seen(),
    "monitoring:runs": _seen(),
    "monitoring:commitments": _seen(),
    "monitoring:run": _watched(),
    "monitoring:run_actions": _watched(),
    "monitoring:run_outputs": _watched(),
    "monitoring:run_cost": _watched(),
    "monitoring:run_log": _watched(),
    "monitoring:run_files": _watched(),
    "monitoring:run_file": _watched(number=1),
    "monitoring:run_output": _watched(stage="pay"),
    "monitoring:run_events": _watched(),
    "monitoring:run_event": _watched(seq=1),
    "monitoring:run_event_content": _watched(seq=1, name="output"),
    "monitoring:audit": _seen(),
    "monitoring:audit_chain": _watched(action="a1"),
    "monitoring:audit_record": _seen(),
    "monitoring:audit_verifier": _seen(),
    "monitoring:audit_verify": Door(frozenset({"admin"}), POST, leads_to="/audit/record/"),
    "monitoring:audit_checkpoint": Door(frozenset({"admin"}), POST, leads_to="/audit/record/"),
    "monitoring:audit_export": Door(frozenset({"admin"}), POST),
    "monitoring:audit_erase": Door(frozenset({"admin"}), POST),
    "approvals:inbox": _seen(),
    "approvals:inbox_rows": _seen(),
    "approvals:case": _seen(request_id=uuid.UUID(int=7)),
    # Whoever may see a case may answer; whether the answer counts is asked of the case itself (quorum.check).
    "approvals:sign_off": Door(EVERYBODY, POST, {"request_id": uuid.UUID(int=7)}, of_subject=True),
    "approvals:policies": _seen(),
    "approvals:new_policy": _edited(),
    "approvals:preview_policy": Door(frozenset({"admin"}), POST),
    "approvals:try_policy": Door(frozenset({"admin"}), POST),
    "approvals:dry_run_policy": Door(frozenset({"admin"}), POST),
    "approvals:policy": _seen(slug="none"),
    "approvals:edit_policy": _edited(slug="none"),
    "approvals:compare_policy": _seen(slug="none"),
    "approvals:drop_draft": Door(frozenset({"admin"}), POST, {"slug": "none"}),
    "approvals:agent_tokens": Door(frozenset({"admin"}), CHANGE, {"slug": "none"}),
    "approvals:own_tokens": Door(frozenset({"reviewer"}), CHANGE),
    **{
        f"approvals:{verb}": Door(EVERYBODY, POST, {"request_id": uuid.UUID(int=7)}, of_subject=True)
        for verb in ("retract", "revoke", "ask", "pick_up", "let_go", "break_glass", "snooze", "wake")
    },
    "approvals:sign_off_many": Door(EVERYBODY, POST, of_subject=True),
    "approvals:keep_filter": Door(EVERYBODY, POST, of_subject=True),
    "approvals:drop_filter": Door(EVERYBODY, POST, {"filter": 7}, of_subject=True),
    "approvals:statistics": Door(frozenset({"reviewer", "admin"}), READ),
    "approvals:canaries": Door(frozenset({"admin"}), READ),
    "approvals:plant_canary": Door(frozenset({"admin"}), CHANGE, {"like": uuid.UUID(int=7)}),
    "approvals:change": Door(EVERYBODY, CHANGE, {"request_id": uuid.UUID(int=7)}, of_subject=True),
    "approvals:samples": Door(EVERYBODY, CHANGE, of_subject=True),
    "approvals:grants": Door(EVERYBODY, CHANGE, of_subject=True),
    "approvals:approve_grant": Door(frozenset({"admin"}), POST, {"grant": uuid.UUID(int=7)}),
    "approvals:revoke_grant": Door(frozenset({"admin"}), POST, {"grant": uuid.UUID(int=7)}),
    "approvals:delegations": Door(EVERYBODY, CHANGE),
    "approvals:end_delegation": Door(EVERYBODY, POST, {"delegation": uuid.UUID(int=7)}, of_subject=True),
    "approvals:notifications": Door(EVERYBODY, CHANGE),
    "approvals:browser_notices": _seen(),
    "approvals:outgoing": _edited(),
    "approvals:hook": _edited(hook=uuid.UUID(int=7)),
    "approvals:retry_notice": Door(frozenset({"admin"}), POST, {"notice": 7}, of_subject=True),
    "approvals:group_notifications": _edited(group="none"),
    "orchestrator:new_run": Door(frozenset({"operator", "admin"}), CHANGE),
    "orchestrator:start_run": Door(frozenset({"operator", "admin"}), CHANGE, {"slug": "none"}),
    "orchestrator:workflows": _seen(),
    "orchestrator:new_workflow": _edited(),
    "orchestrator:preview_workflow": Door(frozenset({"admin"}), POST),
    "orchestrator:workflow": _seen(slug="none"),
    "orchestrator:edit_workflow": _edited(slug="none"),
    "orchestrator:compare_workflow": _seen(slug="none"),
    "orchestrator:retire_workflow": Door(frozenset({"admin"}), POST, {"slug": "none"}),
    "orchestrator:agents": _seen(),
    "orchestrator:new_agent": _edited(),
    "orchestrator:preview_agent": Door(frozenset({"admin"}), POST),
    "orchestrator:agent": _seen(slug="none"),
    "orchestrator:edit_agent": _edited(slug="none"),
    "orchestrator:compare_agent": _seen(slug="none"),
    "orchestrator:retire_agent": Door(frozenset({"admin"}), POST, {"slug": "none"}),
    "orchestrator:tools": _seen(),
    "orchestrator:new_tool": _edited(),
    "orchestrator:preview_tool": Door(frozenset({"admin"}), POST),
    "orchestrator:outside_tools": Door(frozenset({"admin"}), READ),
    "orchestrator:tool": _seen(name="none"),
    "orchestrator:edit_tool": _edited(name="none"),
    "orchestrator:compare_tool": _seen(name="none"),
    "orchestrator:pause_run": Door(frozenset({"operator", "admin"}), POST, RUN),
    "orchestrator:resume_run": Door(frozenset({"operator", "admin"}), POST, RUN),
    "orchestrator:cancel_run": Door(frozenset({"operator", "admin"}), POST, RUN),
    # An unconfirmed action may also be settled by the person whom it was given to.
    "orchestrator:confirm_action": Door(EVERYBODY, POST, {**RUN, "action": "a1"}, of_subject=True),
}
# Whoever comes, signed in or not: the account's own pages, and the health check.
OPEN = frozenset(
    {
        "healthz",
        "account_login",
        "account_logout",
        "account_inactive",
        "account_reauthenticate",
        "account_change_password",
        # Each person's own mail address: tests/config/test_mail_address.py says who gets how far.
        "mail_address",
        "account_confirm_email",
        # Each person's own ways to sign in: tests/config/test_second_factor.py says who gets how far.
        "sign_out_elsewhere",
        "mfa_index",
        "mfa_authenticate",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "mfa_login_webauthn",
        "mfa_add_webauthn",
        "mfa_remove_webauthn",
        "mfa_activate_totp",
        "mfa_deactivate_totp",
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "sign_in_link",
        # What the API can do, without anything of what it holds; who may call is in test_call_permissions.
        "api:openapi-json",
        "api:api-root",
    }
)


def _names(patterns: list[Any], space: str = "") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _names(one.url_patterns, f"{one.namespace}:" if one.namespace else space)
        elif isinstance(one, URLPattern):
            yield f"{space}{one.name}"


def _people(request: pytest.FixtureRequest) -> dict[str, Client]:
    clients = {"nobody": Client()}
    for role in ROLES:
        clients[role] = Client()
        clients[role].force_login(request.getfixturevalue(role))
    return clients


def test_every_route_says_who_may_open_it() -> None:
    calls = {f"api:{name}" for name in CALLS}
    names = {name for name in _names(get_resolver().url_patterns) if not name.startswith("admin:")} - calls
    assert names - set(DOORS) - OPEN == set()
    assert set(DOORS) | OPEN == names


@pytest.mark.parametrize("name", DOORS)
def test_a_route_lets_in_whom_it_names_and_nobody_else(name: str, request: pytest.FixtureRequest) -> None:
    door = DOORS[name]
    address = reverse(name, kwargs=door.values)
    for who, client in _people(request).items():
        for method in sorted(door.methods):
            answer = client.generic(method, address)
            met = f"{who} {method} {address}: {answer.status_code}"
            if who == "nobody":
                assert answer.status_code == 302, met
                assert answer["Location"].startswith(reverse(settings.LOGIN_URL)), met
            elif who not in door.who:
                assert answer.status_code == 403, met
            elif not door.of_subject and not (method == "POST" and answer.get("Location") == door.leads_to):
                assert answer.status_code not in {302, 403, 405}, met
            assert answer.status_code < 500, met


@pytest.mark.parametrize("name", DOORS)
def test_a_route_takes_no_other_method(name: str, request: pytest.FixtureRequest) -> None:
    door = DOORS[name]
    address = reverse(name, kwargs=door.values)
    clients = _people(request)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - door.methods:
        for who in sorted(door.who):
            assert clients[who].generic(method, address).status_code == 405, f"{who} {method} {address}"


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if "POST" in door.methods])
def test_a_form_from_another_site_is_refused(name: str, admin: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    assert client.post(reverse(name, kwargs=DOORS[name].values)).status_code == 403


def test_the_record_in_the_admin_is_for_administrators_and_is_never_written(
    request: pytest.FixtureRequest,
) -> None:
    clients = _people(request)
    for name in sorted(set(_names(get_resolver().url_patterns))):
        if not name.startswith("admin:") or not name.endswith(("_changelist", "_add")):
            continue
        address = reverse(name)
        for who in ("nobody", "operator", "reviewer"):
            assert clients[who].get(address).status_code in {302, 403}, f"{who} {address}"
        if name.endswith("_add"):
            assert clients["admin"].post(address).status_code in {302, 403}, address


def test_nobody_signs_in_past_the_page_that_signs_in() -> None:
    """The admin's own form would know neither the limit on attempts nor where demonstration passwords work."""
    answer = Client().get("/admin/login/?next=/admin/")
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse(settings.LOGIN_URL))
