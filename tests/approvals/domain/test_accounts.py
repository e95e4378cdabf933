"""Who is told of a change of an account, in which words; nobody of their own, nor of what the machine does in starting."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.domain.accounts import change

ROSA = {"person": "rosa"}


@pytest.mark.parametrize(
    ("kind", "facts", "actor", "own", "of"),
    [
        (
            "password_reset",
            ROSA,
            "user:adam",
            "you were given a new password, and are signed out everywhere",
            "rosa was given a new password",
        ),
        (
            "second_factor_reset",
            ROSA,
            "system",
            "your second factor was taken off, and you are signed out everywhere",
            "the second factor of rosa was taken off",
        ),
        ("roles_set", {**ROSA, "roles": ["admin", "reviewer"]}, "user:adam", "your roles are now admin, reviewer", ""),
        ("roles_set", ROSA, "user:adam", "your roles are now none", ""),
        ("groups_set", ROSA, "user:adam", "your groups were changed", ""),
    ],
)  # fmt: skip
def test_what_another_did_is_told_to_its_person_and_the_gravest_to_administrators(
    kind: str, facts: dict[str, Any], actor: str, own: str, of: str
) -> None:
    found = change(f"person.{kind}", facts, actor=actor)
    assert found is not None
    assert (found.person, found.own, found.of) == ("rosa", own, of)


@pytest.mark.parametrize(
    ("kind", "facts", "actor"),
    [
        ("password_reset", ROSA, "user:rosa"),
        ("password_reset", ROSA, "system"),
        ("password_changed", ROSA, "user:adam"),
        ("password_reset", {"person": 7}, "user:adam"),
        ("password_reset", {}, "user:adam"),
    ],
)
def test_what_concerns_nobody_is_told_to_nobody(kind: str, facts: dict[str, Any], actor: str) -> None:
    assert change(f"person.{kind}", facts, actor=actor) is None
