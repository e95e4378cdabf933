"""What an agent said, checked before anybody relies on it: its form, its size, and that it is JSON at all.

A reply that fails is a failure of the contract: its text goes back to the agent, so it names place and remedy.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from orchestrator.domain import digests, errors, replies
from orchestrator.domain.schemas import clip, shown_path

MAX_BYTES = 8 * 1024 * 1024
MAX_NOTE = 20_000
MAX_REASON = 4_000
MAX_NAME = 200
MAX_COUNT = 1_000_000_000
_DEEPEST = 200


def checked(reply: Any) -> replies.Reply:
    """The reply as plain JSON values, with its fields checked and bounded.

    Raises PortFailure (contract) with a text that the agent can act on.
    """
    if not isinstance(reply, replies.Reply):
        raise unacceptable(f"The agent must return a Reply, and returned {_type_name(reply)}.")
    plain = to_json(reply, "The reply")
    try:
        found = msgspec.convert(plain, replies.Reply, strict=True)
    except msgspec.ValidationError as error:
        raise unacceptable(f"The reply has a field of the wrong form. {in_words(error)}") from None
    _check_bounds(found)
    return found


def to_json(value: Any, what: str) -> Any:
    """The value as JSON builtins. Raises PortFailure (contract) when it has no JSON form, or is too large.

    `what` opens the sentence, such as "The reply".
    """
    try:
        plain = msgspec.to_builtins(value, str_keys=True)
        size = len(digests.canonical(plain))
    except digests.NotCanonical:
        where, why = _not_json(plain, ())
        raise unacceptable(f"{what} is not JSON at {where}: {why}.") from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else clip(str(error), 200)
        raise unacceptable(f"{what} cannot be written as JSON: {reason}.") from None
    if size > MAX_BYTES:
        raise unacceptable(f"{what} is too large: {size:,} bytes, and at most {MAX_BYTES:,} are taken.")
    return plain


def unacceptable(text: str, **facts: Any) -> errors.PortFailure:
    """The failure that sends its text back to the agent."""
    return errors.PortFailure(clip(text, 4000), retry="contract", **facts)


def in_words(error: msgspec.ValidationError) -> str:
    """msgspec's finding, with the field first: `lines[0].amount: expected int, got str.`"""
    problem, _, path = str(error).partition(" - at ")
    where = path.strip("`").removeprefix("$").removeprefix(".")
    problem = clip(problem.replace("`", ""), 300)
    return f"{clip(where, 300)}: {problem[:1].lower()}{problem[1:]}." if where else f"{problem}."


def _check_bounds(reply: replies.Reply) -> None:
    counts = (
        ("actions", len(reply.actions), replies.MAX_ACTIONS),
        ("assertions", len(reply.assertions), replies.MAX_ASSERTIONS),
    )
    for name, count, limit in counts:
        if count > limit:
            raise unacceptable(
                f"The reply has {count:,} {name}, and at most {limit:,} are taken. Split the work."
            )
    for number, usage in enumerate(reply.usage):
        _check_usage(usage, f"usage[{number}]")
    texts = [("note", reply.note, MAX_NOTE), ("suspects_upstream", reply.suspects_upstream, MAX_REASON)]
    for number, action in enumerate(reply.actions):
        texts += [
            (f"actions[{number}].tool", action.tool, MAX_NAME),
            (f"actions[{number}].call_id", action.call_id, MAX_NAME),
            (f"actions[{number}].reason", action.reason, MAX_REASON),
            (f"actions[{number}].otherwise", action.otherwise, replies.MAX_OTHERWISE),
        ]
    for name, text, limit in texts:
        if len(text) > limit:
            raise unacceptable(
                f"{name} is too long: {len(text):,} characters, and at most {limit:,} are taken."
            )


def _check_usage(usage: replies.Usage, where: str) -> None:
    """Costs and counts are added up against limits: one below zero, or not a number, would lift them."""
    for name in ("input_tokens", "output_tokens", "milliseconds"):
        if not 0 <= getattr(usage, name) <= MAX_COUNT:
            raise unacceptable(f"{where}.{name} must be 0 to {MAX_COUNT:,}.")
    if usage.cost is None:
        return
    try:
        cost = Decimal(usage.cost)
    except InvalidOperation:
        cost = Decimal("NaN")
    if not cost.is_finite() or not 0 <= cost <= MAX_COUNT:
        raise unacceptable(f"{where}.cost must be decimal text from 0 up, such as 0.0125.")


def _not_json(value: Any, path: tuple[str | int, ...]) -> tuple[str, str]:
    """Where a value stops being JSON, and why."""
    where = shown_path(path) or "its top"
    if len(path) > _DEEPEST:
        return where, "it is nested too deeply"
    if isinstance(value, float):
        return where, "NaN and infinity have no JSON form, leave the field out" if value - value != 0 else ""
    if isinstance(value, int) and abs(value) > digests.SAFE_INTEGER:
        return where, "whole numbers beyond 2^53 lose digits, carry this one as text"
    if isinstance(value, str) and not _is_text(value):
        return where, "the text holds half a character (a lone surrogate), leave it out"
    inside: Any = ()
    if isinstance(value, dict):
        for key in value:
            if not _is_text(key):
                return where, "a field's name holds half a character (a lone surrogate), leave it out"
        inside = value.items()
    elif isinstance(value, (list, tuple)):
        inside = enumerate(value)
    for key, item in inside:
        place, why = _not_json(item, (*path, key))
        if why:
            return place, why
    return where, "it has no single JSON form" if not path else ""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _type_name(value: Any) -> str:
    return "nothing" if value is None else f"a value of type {clip(type(value).__name__, 60)}"
