"""Rows that are not what the log says are found in the same words and repaired in the same way, whatever they are of."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from approvals.models import Delegation, Hook, SignOff
from approvals.services import delegations
from approvals.services.notifications import hooks
from orchestrator.services import rebuild
from tests.approvals import runs
from tests.approvals.answers import approve
from tests.approvals.rows import unguarded

pytestmark = pytest.mark.django_db


def _hook(people: dict[str, Any]) -> Any:
    made = hooks.create(
        kind="chat",
        url="https://93.184.216.34/x",
        topics=["runs"],
        reason="x",
        by=people["admin"],
        now=timezone.now(),
    )
    return Hook.objects.filter(pk=made.id)


def _delegation(people: dict[str, Any]) -> Any:
    now = timezone.now()
    made = delegations.set_delegation(
        person="reviewer", is_leave=True, until=now + delegations.delegations.LONGEST / 2,
        by=people["reviewer"], now=now,
    )  # fmt: skip
    return Delegation.objects.filter(pk=made.id)


def _sign_off(people: dict[str, Any]) -> Any:
    approve(runs.request_of(runs.held_run()), people["reviewer"])
    return SignOff.objects.all()


MADE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "hook": (_hook, "reason"),
    "delegation": (_delegation, "reason"),
    "sign_off": (_sign_off, "reason"),
}


@pytest.fixture
def people(admin: Any, operator: Any, reviewer: Any, reviewer2: Any) -> dict[str, Any]:
    return {"admin": admin, "operator": operator, "reviewer": reviewer, "reviewer2": reviewer2}


@pytest.mark.parametrize("table", MADE)
def test_a_changed_a_lost_and_a_strange_row_are_found_and_repaired(
    table: str, people: dict[str, Any]
) -> None:
    make, column = MADE[table]
    rows = make(people)
    before = list(rows.values())
    key = {"hook": "id", "delegation": "id", "sign_off": "request_id"}[table]
    with unguarded():
        rows.update(**{column: "somebody else's words"})
        assert _texts() == [f'{_named(table, before[0])}: {column} is "somebody else\'s words", the log says '
                            f'"{before[0][column]}"']  # fmt: skip
        stranger = rows.get()
        if table == "sign_off":
            stranger.pk, stranger.number, stranger.reviewer = None, 7, "nobody"
        else:
            stranger.pk = uuid.uuid4()
        stranger.save(force_insert=True)
        assert len([text for text in _texts() if text.endswith("the row has no event")]) == 1
        type(stranger).objects.filter(**{key: before[0][key]}).delete()
        assert len([text for text in _texts() if text.endswith("the row is missing")]) == 1
    rebuild.rebuild()
    assert _texts() == []
    after = list(type(stranger).objects.values())
    assert [{**row, "id": before[0]["id"]} for row in after] == before


def _named(table: str, row: dict[str, Any]) -> str:
    keys = (row["request_id"], row["number"]) if table == "sign_off" else (row["id"],)
    return f"{table} {' '.join(map(str, keys))}"


def _texts() -> list[str]:
    return [found.text for found in rebuild.differences()]
