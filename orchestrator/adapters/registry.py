"""The Python functions that may be used as code agents, tools and validators, by name.

A deployment lists its modules in `COUNTERSIGN_MODULES`; importing them registers what they decorate. A name that
is registered twice is a mistake in the deployment and is refused at start.
"""

from __future__ import annotations

import dataclasses
import importlib
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_type_hints

import msgspec
from django.conf import settings

from orchestrator.domain import errors

F = TypeVar("F", bound=Callable[..., Any])


class AlreadyRegistered(errors.Refused):
    """Two functions are registered under the same name. Rename one of them."""


class NotRegistered(errors.NotFound):
    """No function is registered under this name. Add its module to COUNTERSIGN_MODULES."""


@dataclasses.dataclass(frozen=True)
class CodeAgent:
    """A code agent: `function(work, turn)` gets its typed input and the ports.TurnRequest, returns a Reply.

    `answer(question, turn)` answers reviewers in plain words; without it the agent cannot be asked.
    """

    name: str
    function: Callable[..., Any]
    input_type: Any
    output_schema: dict[str, Any]
    answer: Callable[..., str] | None = None


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool: `function(arguments, request)` gets typed arguments and the ports.ExecutionRequest."""

    name: str
    function: Callable[..., Any]
    arguments_type: Any
    parameters: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Validator:
    """A deterministic check: `function(output, inputs, settings)` returns a validation.Finding or None.

    `inputs` are what the stage's agent was given. `settings` are the names it knows (None: any), `needs` those that
    it cannot work without: an author who misspells one is told, instead of a check that quietly looks elsewhere.
    """

    id: str
    version: int
    function: Callable[..., Any]
    settings: frozenset[str] | None = None
    needs: frozenset[str] = frozenset()

    def wrong_settings(self, given: Iterable[str]) -> str:
        """What is wrong with the names of the settings that were given, as a sentence; empty when nothing is."""
        named = set(given)
        if missing := sorted(self.needs - named):
            return f"{self.id} needs the setting {missing[0]!r}."
        if self.settings is not None and (unknown := sorted(named - self.settings)):
            known = ", ".join(sorted(self.settings)) or "none"
            return f"{self.id} has no setting {unknown[0][:60]!r}. It has: {known}."
        return ""


_agents: dict[str, CodeAgent] = {}
_tools: dict[str, Tool] = {}
_validators: dict[tuple[str, int], Validator] = {}
_loading = threading.Lock()
_loaded: set[str] = set()


def code_agent(
    name: str, *, output: Any = None, answer: Callable[..., str] | None = None
) -> Callable[[F], F]:
    """Register a function as the code agent `name`. Its first parameter's type is its typed input.

    `output` is the type (a msgspec struct) of the output it gives; its JSON Schema is what stages check.
    `answer(question, turn)` is asked when a reviewer has a question about one of its actions.
    """

    def register(function: F) -> F:
        _add(_agents, name, CodeAgent(name, function, _first_type(function), schema_of(output), answer))
        return function

    return register


def tool(name: str) -> Callable[[F], F]:
    """Register a function as the executor of the tool `name`. Its first parameter's type gives the schema."""

    def register(function: F) -> F:
        kind = _first_type(function)
        _add(_tools, name, Tool(name, function, kind, schema_of(kind)))
        return function

    return register


def validator(
    id: str, *, version: int = 1, settings: Iterable[str] | None = None, needs: Iterable[str] = ()
) -> Callable[[F], F]:
    """Register a deterministic validator. A change of behaviour is a new version; old versions stay.

    `settings` names what may be set (left out: anything may), `needs` what must be.
    """
    known = None if settings is None else frozenset((*settings, *needs))

    def register(function: F) -> F:
        _add(_validators, (id, version), Validator(id, version, function, known, frozenset(needs)))
        return function

    return register


def find_agent(name: str) -> CodeAgent:
    return _find(_agents, name, name)


def find_tool(name: str) -> Tool:
    return _find(_tools, name, name)


def find_validator(id: str, version: int) -> Validator:
    return _find(_validators, (id, version), f"{id} version {version}")


def agents() -> dict[str, CodeAgent]:
    load()
    return dict(_agents)


def tools() -> dict[str, Tool]:
    load()
    return dict(_tools)


def validators() -> dict[tuple[str, int], Validator]:
    load()
    return dict(_validators)


def load() -> None:
    """Import the modules that the deployment names, once."""
    with _loading:
        for module in settings.COUNTERSIGN_MODULES:
            if module not in _loaded:
                importlib.import_module(module)
                _loaded.add(module)


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a type, with its components inside it (nothing is ever fetched). {} for no type."""
    if kind is None or kind is Any or kind is dict:
        return {}
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    if list(schema) == ["$ref"]:
        # Inlined, so that its properties stand at the top; a type that refers to itself stays a reference.
        name = schema["$ref"].rsplit("/", 1)[1]
        schema = components[name] if f"'{schema['$ref']}'" not in str(components[name]) else schema
    return {**schema, "$defs": components} if "$defs" in str(schema) else schema


def _add(table: dict[Any, Any], name: Any, entry: Any) -> None:
    known = table.get(name)
    if known is not None and _place(known.function) != _place(entry.function):
        raise AlreadyRegistered(f"Two functions are registered as {name!r}. Rename one of them.")
    table[name] = entry


def _place(function: Callable[..., Any]) -> tuple[str, str]:
    """Where a function is defined: a module that is loaded anew registers the same ones again."""
    return function.__module__, function.__qualname__


def _find(table: dict[Any, Any], key: Any, shown: str) -> Any:
    load()
    try:
        return table[key]
    except KeyError:
        raise NotRegistered(
            f"No function is registered as {shown!r}. Check the name, and that its module is in COUNTERSIGN_MODULES."
        ) from None


def _first_type(function: Callable[..., Any]) -> Any:
    hints = get_type_hints(function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return hints.get(names[0], Any) if names else Any
