"""One name, one function: a deployment that registers two under one name does not start."""

from __future__ import annotations

import pytest

from orchestrator.adapters import registry


def test_two_functions_of_one_name_are_refused_also_when_they_are_called_the_same() -> None:
    def pay(arguments: dict, request: object) -> None:  # type: ignore[type-arg]
        """The first."""

    def other(arguments: dict, request: object) -> None:  # type: ignore[type-arg]
        """Another, from another module, that is called the same."""

    other.__qualname__, other.__module__ = pay.__qualname__, "elsewhere"
    registry.tool("tests.registered_once")(pay)

    with pytest.raises(registry.AlreadyRegistered, match="Rename one"):
        registry.tool("tests.registered_once")(other)

    registry.tool("tests.registered_once")(pay)
    assert registry.find_tool("tests.registered_once").function is pay


def test_a_name_that_nobody_registered_says_where_to_look() -> None:
    with pytest.raises(registry.NotRegistered, match="COUNTERSIGN_MODULES"):
        registry.find_tool("tests.nobody")
