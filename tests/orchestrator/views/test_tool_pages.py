"""Tools on pages: declared from registered functions, with operands that exist."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from orchestrator.queries.published import find_tool

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(admin: Any) -> Client:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(admin)
    return client


def form(**changes: Any) -> dict[str, Any]:
    sent = {
        "name": "payments.pay",
        "description": "Pays a supplier.",
        "sentence": "Pay {amount} {currency} to {payee}",
        "category": "financial",
        "reversibility": "irreversible",
        "idempotent": "on",
        "target_field": "iban",
        "amount_field": "amount",
        "currency_field": "currency",
        "non_semantic": ["note"],
        "timeout_seconds": "30",
        "expected": "0",
        **changes,
    }
    return {name: value for name, value in sent.items() if value is not None}


def test_a_registered_function_is_declared_with_its_own_schema(at: Client) -> None:
    assert b"payments.pay" in at.get("/tools/").content
    assert at.post("/tools/new/", form(do="review")).status_code == 200
    assert at.post("/tools/new/", form(do="publish")).headers["Location"] == "/tools/payments.pay/"
    declared = find_tool("payments.pay")
    assert declared is not None
    assert declared.idempotent
    assert "iban" in declared.parameters["properties"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "os.system"}, "not one of the available choices"),
        ({"amount_field": ""}, "holds? the amount|which arguments hold the amount"),
        ({"target_field": "nowhere"}, "not one of the available choices"),
        ({"sentence": "Pay {everything}"}, "everything} is no argument"),
        ({"sentence": "Pay {amount.__class__}"}, "is no argument"),
        ({"non_semantic": ["amount"]}, "digest must cover it"),
        ({"description": ""}, "required"),
        ({"timeout_seconds": "0"}, "greater than or equal"),
    ],
)
def test_a_declaration_that_cannot_hold_is_refused_at_its_field(
    at: Client, change: dict[str, Any], words: str
) -> None:
    import re

    page = at.post("/tools/new/", form(**change))
    assert page.status_code == 422
    assert re.search(words, page.content.decode())
    assert find_tool("payments.pay") is None


def test_the_sentence_is_shown_with_its_arguments_while_one_types(at: Client) -> None:
    said = at.post("/tools/preview/", form()).content.decode()
    assert "Pay ‹amount› ‹currency› to ‹payee›" in said
    assert "Each call waits for a person (financial)." in said


def test_a_second_declaration_makes_a_second_version_and_both_compare(at: Client) -> None:
    at.post("/tools/new/", form(do="publish"))
    edited = form(name=None, declared="payments.pay", expected="1", timeout_seconds="45", do="publish")
    assert at.post("/tools/payments.pay/edit/", edited).status_code == 302
    assert at.post("/tools/payments.pay/edit/", edited).status_code == 409
    assert b"Timeout seconds" in at.get("/tools/payments.pay/compare/").content


ELSEWHERE = {
    "name": "crm.send_letter",
    "schema": '{"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}',
    "sentence": "Write to {to}",
    "category": "outward",
    "target_field": "to",
    "amount_field": "",
    "currency_field": "",
    "non_semantic": None,
    "idempotent": None,
}


def test_a_tool_that_works_elsewhere_is_declared_with_a_schema_that_is_typed(at: Client) -> None:
    assert b"Take the arguments" in at.get("/tools/new/?elsewhere=yes").content
    first = at.post(
        "/tools/new/?elsewhere=yes", form(**{**ELSEWHERE, "target_field": "", "sentence": "", "do": "write"})
    )
    assert b'<option value="to">' in first.content
    assert at.post("/tools/new/", form(**ELSEWHERE, do="review")).status_code == 200
    made = at.post("/tools/new/", form(**ELSEWHERE, do="publish"))
    assert made.headers["Location"] == "/tools/crm.send_letter/"
    declared = find_tool("crm.send_letter")
    assert declared is not None
    assert (declared.target_field, declared.parameters["required"]) == ("to", ["to"])
    assert b"This tool works elsewhere" in at.get("/tools/crm.send_letter/").content
    shown = at.get("/tools/crm.send_letter/edit/").content
    assert b"&quot;required&quot;" in shown
    changed = {
        **ELSEWHERE,
        "schema": '{"type": "object", "properties": {"to": {}, "cc": {}}}',
        "expected": "1",
    }
    at.post("/tools/crm.send_letter/edit/", form(**changed, do="publish"))
    newest = find_tool("crm.send_letter")
    assert newest is not None
    assert sorted(newest.parameters["properties"]) == ["cc", "to"]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "{"},
        {"schema": ""},
        {"schema": '{"type": "array"}'},
        {"schema": '{"type": "object", "$ref": "http://example.org/x"}'},
        {"name": "os system"},
        {"target_field": "nowhere"},
        {"name": "payments.pay"},
    ],
)
def test_what_cannot_be_declared_as_working_elsewhere(at: Client, change: dict[str, str]) -> None:
    answer = at.post("/tools/new/?elsewhere=yes", form(**{**ELSEWHERE, **change, "do": "publish"}))
    assert answer.status_code == 422
    assert find_tool(change.get("name", "crm.send_letter")) is None
