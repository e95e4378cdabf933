"""Whole workflows as they are declared in a TOML file: their tools, agents, stages and assumptions.

Owns reading a file and publishing what it declares. What a person has published since is never overwritten.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from django.conf import settings
from django.db import transaction
from msgspec.structs import replace

from orchestrator import models
from orchestrator.domain import digests, errors
from orchestrator.domain.specs import AgentSpec, ToolSpec, WorkflowSpec
from orchestrator.services import catalogue

INSTALLER = "system"
DECLARATIONS = "examples/*/workflow*.toml"
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")
S = TypeVar("S", AgentSpec, ToolSpec, WorkflowSpec)


class BrokenDeclaration(errors.Refused):
    """This file does not declare a workflow. Correct the named field; nothing of it was published."""


class VariableUnset(errors.Refused):
    """This file needs an environment variable that is not set."""

    def __init__(self, file: Path, names: list[str]) -> None:
        self.names = names
        listed = " and ".join(names)
        super().__init__(f"{file} was skipped: it needs {listed} in the environment.", names=names)


def read_declaration(*, file: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """What a TOML file declares, `${NAME}` and `${NAME:-default}` in its texts replaced.

    Raises BrokenDeclaration, and VariableUnset when a variable has neither value nor default.
    """
    try:
        declared = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BrokenDeclaration(f"{file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenDeclaration(f"{file} is not TOML: {error}.") from error
    unset: list[str] = []
    filled: dict[str, Any] = _filled(declared, variables, unset)
    if unset:
        raise VariableUnset(file, list(dict.fromkeys(unset)))
    return filled


def install(
    *,
    declaration: Mapping[str, Any],
    now: dt.datetime,
    output_schemas: Mapping[str, dict[str, Any]],
    notes: str = "",
) -> list[str]:
    """Publish what a declaration says, all of it or nothing; returns what was published, in words.

    `output_schemas` gives the schemas of registered functions, as "agent:<name>" and "tool:<name>", for agents
    and tools that declare none. What is published already stays, and so does what a person has published since.
    Raises BrokenDeclaration, and what publishing raises.
    """
    agents, tools, workflow = _parsed(declaration, output_schemas)
    done: list[str] = []
    with transaction.atomic():
        for tool in tools:
            if _may_renew(models.ToolRevision, tool.name):
                _publish(catalogue.publish_tool, tool, f"tool {tool.name}", done, now=now)
        for agent in agents:
            if _may_renew(models.AgentRevision, agent.slug):
                _publish(catalogue.publish_agent, agent, f"agent {agent.slug}", done, now=now, notes=notes)
        current = catalogue.find_workflow(workflow.slug)
        # A new revision of an agent, published by a person, does not enter a workflow by a restart.
        is_new = bool(done) or current is None or _declared(current) != _declared(workflow)
        if is_new and _may_renew(models.WorkflowRevision, workflow.slug):
            name = f"workflow {workflow.slug}"
            _publish(catalogue.publish_workflow, workflow, name, done, now=now, notes=notes)
    return done


def _parsed(
    declaration: Mapping[str, Any], schemas: Mapping[str, dict[str, Any]]
) -> tuple[list[AgentSpec], list[ToolSpec], WorkflowSpec]:
    agents = [
        _with_schema(_convert({"slug": slug, **fields}, AgentSpec, f"agents.{slug}"), schemas)
        for slug, fields in _table(declaration, "agents").items()
    ]
    tools = [
        _convert(
            {"name": name, **fields, "parameters": fields.get("parameters") or _parameters(name, schemas)},
            ToolSpec,
            f'tools."{name}"',
        )
        for name, fields in _table(declaration, "tools").items()
    ]
    fields = {name: value for name, value in declaration.items() if name not in {"tools", "agents"}}
    workflow = _convert(fields, WorkflowSpec, "")
    outputs = {agent.slug: agent.output_schema for agent in agents}
    stages = tuple(
        stage if stage.output_schema else replace(stage, output_schema=outputs.get(stage.agent, {}))
        for stage in workflow.stages
    )
    return agents, tools, replace(workflow, stages=stages)


def _with_schema(agent: AgentSpec, schemas: Mapping[str, dict[str, Any]]) -> AgentSpec:
    if agent.output_schema or agent.kind != "code":
        return agent
    return replace(agent, output_schema=schemas.get(f"agent:{agent.reference}", {}))


def _parameters(tool: str, schemas: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return schemas.get(f"tool:{tool}") or {"type": "object"}


def _table(declaration: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = declaration.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(fields, dict) for fields in found.values()):
        raise BrokenDeclaration(f"`{name}` must be a table of tables, as in [{name}.intake].")
    return found


def _convert(fields: Mapping[str, Any], kind: type[S], where: str) -> S:
    try:
        return msgspec.convert(dict(fields), kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        field = f"{where}{path.rstrip('`')}".lstrip(".")
        raise BrokenDeclaration(f"`{field}`: {reason}." if field else f"{reason}.") from error


def _declared(spec: WorkflowSpec) -> str:
    """The digest of a workflow without what publishing adds: numbers, digests, pinned revisions, findings."""
    answers = tuple(replace(given, checked=None, finding="") for given in spec.assumptions)
    bare = replace(spec, revision=0, digest="", agents={}, tools={}, assumptions=answers)
    return digests.digest(digests.said(bare))


def _may_renew(revisions: Any, name: str) -> bool:
    """Whether the newest revision is absent or was installed from a file, not published by a person."""
    key = {"ToolRevision": "tool_id", "AgentRevision": "agent_id"}.get(revisions.__name__, "workflow_id")
    number = "version" if key == "tool_id" else "revision"
    newest = revisions.objects.filter(**{key: name}).order_by(f"-{number}").first()
    return newest is None or newest.published_by == INSTALLER


def _publish(publish: Any, spec: S, name: str, done: list[str], **arguments: Any) -> None:
    try:
        published = publish(spec=spec, by=INSTALLER, **arguments)
    except catalogue.NothingChanged:
        return
    except errors.Refused as error:
        raise BrokenDeclaration(f"{name[0].upper()}{name[1:]}: {error.message}") from error
    number = published.version if isinstance(published, ToolSpec) else published.revision
    done.append(f"{name}, revision {number}")


def _filled(value: Any, variables: Mapping[str, str], unset: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, variables, unset) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables, unset) for item in value]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        found = variables.get(name) or default
        if found is None:
            unset.append(name)
            return ""
        return found

    return _VARIABLE.sub(replaced, value)


class Example(NamedTuple):
    """A folder of files that come with an example workflow."""

    folder: Path
    names: tuple[str, ...]


@lru_cache(maxsize=64)
def example_files(slug: str) -> Example | None:
    """The files that lie beside the declaration of a workflow, in `files/`, if there are any."""
    for file in sorted(settings.BASE_DIR.glob(DECLARATIONS)):
        folder = file.parent / "files"
        try:
            declared = tomllib.loads(file.read_text(encoding="utf-8")).get("slug")
        except (OSError, ValueError):
            continue
        if declared == slug and folder.is_dir():
            found = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
            return Example(folder, tuple(found)) if found else None
    return None
