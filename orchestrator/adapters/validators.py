"""Runs a stage's validators in the order of their cost: schema, deterministic checks, judge.

Within one class all are run, so that the agent learns everything at once; a class that finds something ends the
examination. Validators are found by id and version, and every finding says which one made it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from orchestrator.adapters import checks, code_agent, judge, registry, timed
from orchestrator.domain import errors, replies, specs
from orchestrator.domain.schemas import clip
from orchestrator.domain.validation import Finding, StageVerdict, combine

log = structlog.get_logger(__name__)

SECONDS = 60.0
MAX_TEXT = 8000
_SCHEMA = specs.ValidatorRef(id=checks.schema.__name__)
_JUDGE = judge.judge.__name__


def run_validators(
    stage: specs.StageSpec,
    agent: specs.AgentSpec,
    output: Any,
    inputs: Mapping[str, Any],
    reply: replies.Reply,
    files: frozenset[str],
) -> StageVerdict:
    """The verdict over one output, with the findings of every validator that was run.

    `files` are the digests of the run's files. The schema is always checked first. Raises PortFailure when
    a validator cannot do its work: what nobody examined does not pass.
    """
    offered = {"stage": stage, "agent": agent, "reply": reply, "files": files}
    findings: list[Finding] = []
    for group in _by_cost(stage):
        found = [_examine(ref, output, inputs, offered) for ref in group]
        findings += found
        if any(finding.outcome != "pass" for finding in found):
            break
    return combine(findings)


def _by_cost(stage: specs.StageSpec) -> list[list[specs.ValidatorRef]]:
    of_schema = [ref for ref in stage.validators if ref.id == _SCHEMA.id] or [_SCHEMA]
    judges = [ref for ref in stage.validators if ref.id == _JUDGE]
    others = [ref for ref in stage.validators if ref.id not in {_SCHEMA.id, _JUDGE}]
    return [of_schema, others, judges]


def _examine(
    ref: specs.ValidatorRef, output: Any, inputs: Mapping[str, Any], offered: Mapping[str, Any]
) -> Finding:
    try:
        validator = registry.find_validator(ref.id, ref.version)
    except errors.NotFound as error:
        raise _cannot(ref, error.message) from None
    keywords = {name: offered[name] for name in _wanted(validator.function)}
    # A judge has time limits of its own.
    seconds = float("inf") if ref.id == _JUDGE else SECONDS
    try:
        found = timed.run(validator.function, output, inputs, ref.settings, seconds=seconds, **keywords)
    except errors.PortFailure:
        raise
    except timed.TimeLimitReached:
        raise _cannot(ref, f"it gave no answer within {SECONDS:g} seconds") from None
    except errors.CountersignError as error:
        raise _cannot(ref, error.message) from None
    except BaseException as error:
        log.warning("validator.raised", validator=ref.id, traceback=code_agent.stack_of(error))
        raise _cannot(ref, code_agent.in_one_line(error)) from None
    return _named(found, ref)


def _named(found: Any, ref: specs.ValidatorRef) -> Finding:
    if found is None:
        return Finding(outcome="pass", validator=ref.id, version=ref.version)
    try:
        finding = msgspec.convert(msgspec.to_builtins(found), Finding)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = clip(str(error), 200)
        raise _cannot(ref, f"it must return a Finding or None ({reason})") from None
    return msgspec.structs.replace(
        finding,
        validator=ref.id,
        version=ref.version,
        text=clip(finding.text, MAX_TEXT),
        evidence=finding.evidence[:50],
    )


def _cannot(ref: specs.ValidatorRef, why: str) -> errors.PortFailure:
    return errors.PortFailure(
        f"The validator {ref.id} version {ref.version} could not examine the output: {why.rstrip('.')}. "
        "The output is kept and not yet accepted.",
        retry="permanent",
    )


@lru_cache(maxsize=256)
def _wanted(function: Any) -> tuple[str, ...]:
    """Which of the optional keywords a validator asks for."""
    known = ("stage", "agent", "reply", "files")
    taken = inspect.signature(function).parameters.values()
    return tuple(one.name for one in taken if one.name in known and one.kind is not one.POSITIONAL_ONLY)
