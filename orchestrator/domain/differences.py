"""What changed between two published settings, field by field, ready to be read by a person.

Owns the comparison of two specs. What publishing adds by itself (numbers, digests) is not a difference; of the
agents and tools that a workflow pins only their revisions are compared, because they have pages of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

_OWN = frozenset({"revision", "version", "digest"})
_PINNED = frozenset({"agents", "tools"})
# What tells one entry of a list from another.
_NAMES = ("name", "id", "currency")


class Change(NamedTuple):
    """One field that differs. `before` and `after` are text; one of them is empty when it was added or removed."""

    label: str
    before: str
    after: str
    kind: Literal["changed", "added", "removed"]


class Comparison(NamedTuple):
    """All changes, and how many fields are the same."""

    changes: list[Change]
    unchanged: int


def compare(before: msgspec.Struct | None, after: msgspec.Struct) -> Comparison:
    """Everything that differs between two specs of one kind; against nothing, every field that says something."""
    old = dict(_flat(_plain(before), ())) if before is not None else {}
    new = dict(_flat(_plain(after), ()))
    changes: list[Change] = []
    for path in dict.fromkeys([*new, *old]):
        was, now = old.get(path, ""), new.get(path, "")
        if was == now:
            continue
        kind: Literal["changed", "added", "removed"]
        kind = "added" if not was else "removed" if not now else "changed"
        changes.append(Change(label(path), was, now, kind))
    return Comparison(changes, sum(1 for path, text in new.items() if text and old.get(path) == text))


def label(path: tuple[str, ...]) -> str:
    """A field's place in words: ("scope", "tools") is "Scope, tools"."""
    words = ", ".join(part.replace("_", " ") if part.isidentifier() else part for part in path)
    return words[:1].upper() + words[1:]


def _plain(spec: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in spec.__struct_fields__:
        if name in _OWN:
            continue
        value = getattr(spec, name)
        if name in _PINNED and isinstance(value, Mapping):
            found[f"pinned {name}"] = {
                key: f"revision {getattr(pinned, 'revision', getattr(pinned, 'version', ''))}"
                for key, pinned in value.items()
            }
        else:
            found[name] = _value(value)
    return found


def _value(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: _value(getattr(value, name)) for name in value.__struct_fields__ if name not in _OWN}
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _value(item) for key, item in value.items()}
    return value


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _flat(item, (*path, name))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        names = _distinct([_name(item, place) for place, item in enumerate(value, start=1)])
        yield (*path, "order"), ", ".join(names) if len(names) > 1 else ""
        for name, item in zip(names, value, strict=True):
            yield from _flat(item, (*path, name))
    elif isinstance(value, list):
        yield path, ", ".join(_text(item) for item in value)
    else:
        yield path, _text(value)


def _name(item: Any, place: int) -> str:
    if isinstance(item, dict):
        for name in _NAMES:
            if isinstance(item.get(name), str):
                tool = item.get("tool")
                return f"{item[name]} ({tool})" if isinstance(tool, str) else str(item[name])
    return str(place)


def _distinct(names: list[str]) -> list[str]:
    return [
        f"{name} ({names[:place].count(name) + 1})" if name in names[:place] else name
        for place, name in enumerate(names)
    ]


def _text(value: Any) -> str:
    if value is None or value == {} or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
