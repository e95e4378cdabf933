"""JSON Schema: whether a value fits, and in which words it does not.

Schemas are compiled once and kept by digest. Nothing is ever fetched: a reference to another document makes
the schema unusable. The words name path, expected and found; they never carry a large value along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NoReturn

import jsonschema_rs
import msgspec

from orchestrator.domain import digests, errors

MAX_PROBLEMS = 10
_SHOWN = 60  # characters of a name, a short text or an expectation


class UnusableSchema(errors.Refused):
    """This is not a usable JSON Schema. Correct it; references to other documents are never fetched."""


class SchemaMismatch(errors.Refused):
    """This value does not fit its schema. Correct the named fields and try again."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a value does not fit. `path` is empty for the value as a whole."""

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        where = self.path or "the value"
        return f"{where}: expected {self.expected}, found {self.found}"


def check_schema(schema: Mapping[str, Any]) -> None:
    """Make sure that a schema can be used. Raises UnusableSchema with the reason."""
    _validator(schema)


def problems(schema: Mapping[str, Any], value: Any, *, limit: int = MAX_PROBLEMS) -> tuple[Problem, ...]:
    """Where a JSON value does not fit a schema, at most `limit` places; nothing when it fits.

    An empty schema allows anything. Raises UnusableSchema when the schema itself is broken.
    """
    if not schema:
        return ()
    validator = _validator(schema)
    try:
        if validator.is_valid(value):
            return ()
        return tuple(_problem(error) for error in islice(validator.iter_errors(value), limit))
    except (ValueError, RecursionError):
        return (Problem(path="", expected="a JSON value", found=_kind(value)),)


def describe(found: Iterable[Problem]) -> str:
    """All problems, one to a line."""
    return "\n".join(str(problem) for problem in found)


def require(schema: Mapping[str, Any], value: Any, *, what: str) -> None:
    """Raise SchemaMismatch unless the value fits. `what` opens the sentence, such as "The run's input"."""
    found = problems(schema, value)
    if found:
        raise SchemaMismatch(f"{what} does not fit its schema.\n{describe(found)}", problems=found)


def _validator(schema: Mapping[str, Any]) -> Any:
    try:
        data = digests.canonical(dict(schema))
    except digests.NotCanonical as error:
        raise UnusableSchema(f"This is not a usable JSON Schema: {error.message}") from error
    return _compiled(digests.sha256(data), data)


# A refused schema is not kept: an exception leaves no entry in the cache.
@lru_cache(maxsize=512)
def _compiled(digest: str, data: bytes) -> Any:
    try:
        return jsonschema_rs.validator_for(
            msgspec.json.decode(data),
            validate_formats=True,
            retriever=_refuse_to_fetch,
            # Linear time: a pattern cannot hold a worker. Look-around is refused for that reason.
            pattern_options=jsonschema_rs.RegexOptions(size_limit=1 << 20),
        )
    except (ValueError, RecursionError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UnusableSchema(f"This is not a usable JSON Schema: {clip(reason, 300)}") from error


def _refuse_to_fetch(uri: str) -> NoReturn:
    raise ValueError(f"references to other documents are not fetched: {clip(uri, _SHOWN)}")


def _problem(error: jsonschema_rs.ValidationError) -> Problem:
    path = list(error.instance_path)
    keyword = error.kind.name
    value = error.kind.value
    if keyword == "required":
        return Problem(path=shown_path([*path, str(value)]), expected="a value", found="nothing")
    if keyword in {"additionalProperties", "unevaluatedProperties"} and isinstance(value, list):
        unexpected = str(value[0]) if value else ""
        return Problem(path=shown_path([*path, unexpected]), expected="no such field", found="one")
    found = shown_value(error.instance)
    return Problem(path=shown_path(path), expected=_expectation(keyword, value), found=found)


def _expectation(keyword: str, value: Any) -> str:
    words = _WORDS.get(keyword)
    if words is not None:
        return clip(words(value), 200)
    return clip(f"something else ({keyword} {_json(value)})", 200)


_WORDS: dict[str, Callable[[Any], str]] = {
    "type": lambda value: " or ".join(map(str, value)) if isinstance(value, list) else str(value),
    "enum": lambda value: "one of " + ", ".join(_json(item) for item in value[:20]),
    "const": lambda value: _json(value),
    "format": lambda value: f"text in the format {value}",
    "pattern": lambda value: f"text that matches {clip(str(value), _SHOWN)}",
    "minimum": lambda value: f"at least {value}",
    "maximum": lambda value: f"at most {value}",
    "exclusiveMinimum": lambda value: f"more than {value}",
    "exclusiveMaximum": lambda value: f"less than {value}",
    "multipleOf": lambda value: f"a multiple of {value}",
    "minLength": lambda value: f"at least {value} characters",
    "maxLength": lambda value: f"at most {value} characters",
    "minItems": lambda value: f"at least {value} entries",
    "maxItems": lambda value: f"at most {value} entries",
    "minProperties": lambda value: f"at least {value} fields",
    "maxProperties": lambda value: f"at most {value} fields",
    "uniqueItems": lambda value: "entries that all differ",
    "falseSchema": lambda value: "no value here",
    "anyOf": lambda value: _alternatives(value),
    "oneOf": lambda value: _alternatives(value) if any(value) else "to fit only one of the alternatives",
}


def _alternatives(branches: list[list[jsonschema_rs.ValidationError]]) -> str:
    wanted = [_expectation(branch[0].kind.name, branch[0].kind.value) for branch in branches[:5] if branch]
    return "one of these: " + "; ".join(dict.fromkeys(wanted))


def shown_path(parts: Iterable[str | int]) -> str:
    """A path in words a person reads: `lines[3].amount`. Long names, which an agent may choose, are cut."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{clip(part, _SHOWN)}"
    return clip(text.removeprefix("."), 300)


def shown_value(value: Any) -> str:
    """A value for a sentence: itself when it is short, its kind and size when it is not."""
    if value is None or isinstance(value, (bool, int, float)):
        return clip(_json(value), _SHOWN)
    if isinstance(value, str) and len(value) <= _SHOWN:
        return _json(value)
    return _kind(value)


def clip(text: str, length: int) -> str:
    """The text, cut to `length` characters with an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"text of {len(value):,} characters"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value):,} entries"
    if isinstance(value, dict):
        return f"an object of {len(value):,} fields"
    return f"a value of type {type(value).__name__}"


def _json(value: Any) -> str:
    try:
        return clip(msgspec.json.encode(value).decode(), _SHOWN)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _kind(value)
