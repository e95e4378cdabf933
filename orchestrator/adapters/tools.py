"""Executes actions by calling the Python function that is registered as the tool.

It performs what it is handed, once per call; whether an action may happen was decided before, and whether it is
tried again is decided after.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from orchestrator import ports
from orchestrator.adapters import code_agent, mcp, registry, said, timed
from orchestrator.domain import errors

log = structlog.get_logger(__name__)


class RegisteredTools:
    """ports.ActionExecutor over the registry of this process."""

    def execute(self, request: ports.ExecutionRequest) -> Any:
        """The tool's result as JSON builtins.

        Raises PortFailure: "permanent" for a tool that is not here, arguments that do not fit, a raise, or a
        result that is not JSON; "transient" for the time limit. A tool raises PortFailure itself to say more.
        `facts["uncertain"]` is set when the tool was called and may have done its work.
        """
        if request.tool.server:
            return mcp.call(request)
        tool = _function_of(request)
        arguments = _typed_arguments(tool, request)
        seconds = request.tool.timeout_seconds
        try:
            result = timed.run(tool.function, arguments, request, seconds=seconds)
        except timed.TimeLimitReached:
            _log(request, "tool.out_of_time", seconds=seconds, stuck=timed.stuck_threads())
            raise errors.PortFailure(
                f"The tool {request.tool.name} gave no answer within {seconds:g} seconds. It may still have done "
                "its work.",
                retry="transient",
                uncertain=True,
            ) from None
        except errors.PortFailure:
            raise
        except BaseException as error:
            _log(request, "tool.raised", traceback=code_agent.stack_of(error))
            raise errors.PortFailure(
                f"The tool {request.tool.name} failed with {code_agent.in_one_line(error)}.",
                retry="permanent",
                uncertain=True,
            ) from None
        try:
            return said.to_json(result, f"The result of {request.tool.name}")
        except errors.PortFailure as error:
            # The work is done: asking again would do it twice.
            raise errors.PortFailure(
                f"The tool {request.tool.name} was called, and its result cannot be kept. {error.message}",
                retry="permanent",
                uncertain=True,
            ) from None


def _function_of(request: ports.ExecutionRequest) -> registry.Tool:
    try:
        return registry.find_tool(request.tool.name)
    except errors.NotFound as error:
        raise errors.PortFailure(
            f"The tool {request.tool.name} cannot be called here. {error.message}", retry="permanent"
        ) from None


def _typed_arguments(tool: registry.Tool, request: ports.ExecutionRequest) -> Any:
    arguments = dict(request.arguments)
    if tool.arguments_type is Any or tool.arguments_type is dict:
        return arguments
    try:
        return msgspec.convert(arguments, tool.arguments_type, strict=True)
    except msgspec.ValidationError as error:
        raise errors.PortFailure(
            f"The arguments do not fit the tool {request.tool.name}, so it was not called. {said.in_words(error)}",
            retry="permanent",
        ) from None


def _log(request: ports.ExecutionRequest, event: str, **facts: Any) -> None:
    log.warning(event, tool=request.tool.name, run=request.run, action=request.action, **facts)
