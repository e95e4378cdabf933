"""What a workflow asks of the person who starts it: files, and settings of simple types, read from its input schema.

Owns turning the texts of a form or a shell into the run's input. What does not fit is named by its field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from orchestrator.domain import errors, schemas

GROUP = "parameters"
FILES = "files"
Kind = Literal["string", "integer", "number", "boolean"]
KINDS = ("string", "integer", "number", "boolean")


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that a person may give. `path` says where it stands in the run's input."""

    name: str
    path: tuple[str, ...]
    kind: Kind
    schema: dict[str, Any]
    title: str
    description: str = ""
    is_required: bool = False

    @property
    def default(self) -> str:
        """The default as a person types it."""
        value = self.schema.get("default", "")
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)

    @property
    def choices(self) -> list[str]:
        return [str(choice) for choice in self.schema.get("enum", [])]


class UnusableParameter(errors.Refused):
    """A setting cannot be used. Correct the named one."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(message, name=name)


def takes_files(schema: Mapping[str, Any]) -> bool:
    """Whether a run of the workflow is given files. A workflow that says nothing of its input may be."""
    return not schema or FILES in schema.get("properties", {})


def needs_files(schema: Mapping[str, Any]) -> bool:
    """Whether it cannot start without any."""
    return FILES in schema.get("required", [])


def parameters(schema: Mapping[str, Any]) -> list[Parameter]:
    """The settings of simple types, in the order in which the schema declares them."""
    properties: dict[str, Any] = schema.get("properties", {})
    found = _simple(properties, (), schema.get("required", []))
    group = properties.get(GROUP, {})
    return found + _simple(group.get("properties", {}), (GROUP,), group.get("required", []))


def read(schema: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The run's input that these texts stand for, without the files. An empty text means the default.

    Raises UnusableParameter for a name that the workflow does not have and for a value that does not fit.
    """
    known = {parameter.name: parameter for parameter in parameters(schema)}
    found: dict[str, Any] = {GROUP: {}} if GROUP in schema.get("properties", {}) else {}
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UnusableParameter(name, f"This workflow has no setting {name!r}. It has: {listed}.")
    for name, parameter in known.items():
        text = given.get(name, "").strip()
        if not text:
            if parameter.is_required and "default" not in parameter.schema:
                raise UnusableParameter(name, f"{parameter.title}: this is needed.")
            continue
        place = found
        for part in parameter.path[:-1]:
            place = place.setdefault(part, {})
        place[name] = _value(parameter, text)
    return found


def _simple(properties: Mapping[str, Any], path: tuple[str, ...], required: list[str]) -> list[Parameter]:
    return [
        Parameter(
            name=name,
            path=(*path, name),
            kind=schema["type"],
            schema=schema,
            title=str(schema.get("title") or name.replace("_", " ").capitalize()),
            description=str(schema.get("description", "")),
            is_required=name in required,
        )
        for name, schema in properties.items()
        if isinstance(schema, dict) and schema.get("type") in KINDS
    ]


def _value(parameter: Parameter, text: str) -> Any:
    value: Any = text
    try:
        if parameter.kind == "integer":
            value = int(text)
        elif parameter.kind == "number":
            value = float(text)
        elif parameter.kind == "boolean":
            value = {"yes": True, "true": True, "on": True, "1": True}.get(text.lower(), False)
    except ValueError:
        raise UnusableParameter(parameter.name, f"{parameter.title}: {text[:40]!r} is no number.") from None
    wrong = schemas.problems(parameter.schema, value, limit=1)
    if wrong:
        raise UnusableParameter(
            parameter.name, f"{parameter.title}: expected {wrong[0].expected}, found {wrong[0].found}."
        )
    return value
