"""From a model's answer to a Reply: its calls become actions, its call of `final_output` the stage's output.

Arguments are parsed here and nowhere else. What cannot be parsed or does not fit fails closed, with the exact
text that the model needs to correct itself.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from orchestrator import ports
from orchestrator.adapters import said
from orchestrator.adapters.model_messages import FINAL, OTHERWISE, wire_names
from orchestrator.domain import replies, schemas
from orchestrator.domain.schemas import clip

# As `model_messages.OTHERWISE` asks for it, also as models like to set it off.
_OTHERWISE = re.compile(rf"^[ \t*_#>-]*{re.escape(OTHERWISE)}[ \t*_]*:[ \t*_]*", re.IGNORECASE | re.MULTILINE)
_FIELDS = {"output", "note", "assertions", "suspects_upstream"}


def with_own_ids(response: Any, number: int) -> Any:
    """The answer with a name of its own for each call: some servers send empty, equal or endless ones."""
    from pydantic_ai.messages import ToolCallPart

    seen: set[str] = set()
    parts = []
    for index, part in enumerate(response.parts):
        if isinstance(part, ToolCallPart):
            name = part.tool_call_id
            if not name or name in seen or len(name) > said.MAX_NAME:
                name = f"call-{number}-{index}"
                part = dataclasses.replace(part, tool_call_id=name)
            seen.add(name)
        parts.append(part)
    return dataclasses.replace(response, parts=parts)


def reply_from(response: Any, request: ports.TurnRequest, output_schema: Mapping[str, Any]) -> replies.Reply:
    """What the model said, checked. Raises PortFailure (contract) when it cannot be used.

    When it calls tools and gives its output in one breath, the calls come first: the output is asked for again
    when their results are known.
    """
    from pydantic_ai.messages import ToolCallPart

    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    actions = [call for call in calls if call.tool_name != FINAL]
    if actions:
        text = response.text or ""
        reason, otherwise = _why_and_otherwise(text)
        proposed = tuple(_action(call, request, reason, otherwise) for call in actions)
        return replies.Reply(actions=proposed, note=clip(text, said.MAX_NOTE))
    if response.finish_reason == "length":
        limit = request.agent.budget.output_tokens
        raise said.unacceptable(f"The answer was cut off at {limit:,} tokens. Answer in less.")
    if len(calls) > 1:
        raise said.unacceptable(
            f"{FINAL} was called {len(calls)} times. Call it once, with the whole result."
        )
    if calls:
        return _final(arguments_of(calls[0]), response.text or "", output_schema)
    return _from_text(response.text or "", output_schema)


def arguments_of(call: Any) -> dict[str, Any]:
    """The arguments of a call as an object. Raises PortFailure (contract) when they are not one."""
    given = call.args
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given) if given.strip() else {}
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            name = clip(call.tool_name, 80)
            raise said.unacceptable(
                f"The arguments of {name} are not valid JSON: {clip(str(error), 200)}"
            ) from None
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise said.unacceptable(f"The arguments of {clip(call.tool_name, 80)} must be a JSON object.")
    return given


def _why_and_otherwise(text: str) -> tuple[str, str]:
    """The text beside calls, parted: why, and, from the line that is marked so on, what follows a rejection."""
    marked = _OTHERWISE.search(text)
    if marked is None:
        return text, ""
    return text[: marked.start()].strip(), text[marked.end() :].strip()


def _action(call: Any, request: ports.TurnRequest, reason: str, otherwise: str) -> replies.ProposedAction:
    tools = wire_names(request.tools)
    tool = tools.get(call.tool_name)
    if tool is None:
        known = ", ".join([*tools, FINAL])
        raise said.unacceptable(f"There is no tool {clip(call.tool_name, 80)!r}. Your tools are: {known}.")
    arguments = arguments_of(call)
    if found := schemas.problems(tool.parameters, arguments):
        raise said.unacceptable(
            f"The arguments of {call.tool_name} do not fit its parameters.\n{schemas.describe(found)}"
        )
    return replies.ProposedAction(
        tool=tool.name,
        arguments=arguments,
        reason=clip(reason, said.MAX_REASON),
        otherwise=clip(otherwise, replies.MAX_OTHERWISE),
        call_id=call.tool_call_id,
    )


def _final(given: dict[str, Any], text: str, output_schema: Mapping[str, Any]) -> replies.Reply:
    suspects = given.get("suspects_upstream") or ""
    if "output" not in given and not suspects:
        # Some models leave the wrapping out and give the result itself.
        if not given or _FIELDS & set(given) or schemas.problems(output_schema, given):
            raise said.unacceptable(f"{FINAL} needs the result as `output`.")
        given = {"output": given}
    # Who says that the input is wrong gives no result made from it.
    output = msgspec.UNSET if suspects else given["output"]
    if output is not msgspec.UNSET:
        _fits(output, output_schema)
    assertions = given.get("assertions") or []
    try:
        return replies.Reply(
            output=output,
            assertions=msgspec.convert(assertions, tuple[replies.Assertion, ...]),
            note=msgspec.convert(given.get("note") or clip(text, said.MAX_NOTE), str),
            suspects_upstream=msgspec.convert(suspects, str),
        )
    except msgspec.ValidationError as error:
        raise said.unacceptable(f"A field of {FINAL} has the wrong form. {said.in_words(error)}") from None


def _from_text(text: str, output_schema: Mapping[str, Any]) -> replies.Reply:
    """An answer without any call: taken when it is the result itself, as text or as JSON."""
    if not text.strip():
        raise said.unacceptable(f"The answer is empty. Call {FINAL} with the result.")
    if not output_schema:
        return replies.Reply(output=text)
    try:
        output = msgspec.json.decode(_without_fence(text))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise said.unacceptable(
            f"The answer was text alone. Call {FINAL} with the result as `output`."
        ) from None
    if isinstance(output, dict) and set(output) <= _FIELDS and "output" in output:
        return _final(output, "", output_schema)
    _fits(output, output_schema)
    return replies.Reply(output=output)


def _fits(output: Any, output_schema: Mapping[str, Any]) -> None:
    if found := schemas.problems(output_schema, output):
        raise said.unacceptable(f"The output does not fit the stage's schema.\n{schemas.describe(found)}")


def _without_fence(text: str) -> str:
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text[3:-3].removeprefix("json")
    return text
