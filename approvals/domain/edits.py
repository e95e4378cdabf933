"""What changed between two sets of arguments, field by field, as a reviewer reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from approvals.domain.opened import Change


class Comparison(NamedTuple):
    """All changes, and how many fields are the same."""

    changes: tuple[Change, ...]
    unchanged: int


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """Every field that differs. Text and numbers are told apart: "100" is not 100."""
    was, now = dict(_flat(before, "")), dict(_flat(after, ""))
    changes = []
    for path in dict.fromkeys([*was, *now]):
        old, new = was.get(path, ""), now.get(path, "")
        if old == new and (path in was) == (path in now):
            continue
        kind = "added" if path not in was else "removed" if path not in now else "changed"
        if _shown(old) == _shown(new):  # only the type differs: say so
            changes.append(Change(label=path, before=old, after=new, kind=kind))
        else:
            changes.append(Change(label=path, before=_shown(old), after=_shown(new), kind=kind))
    same = sum(1 for path, value in now.items() if path in was and was[path] == value)
    return Comparison(tuple(changes), same)


def in_words(changes: Iterable[Change]) -> str:
    """The changes in one line, bounded: `amount: 820.00 -> 82.00.`"""
    told = []
    for one in changes:
        before, after = (text if len(text) <= 60 else f"{text[:60]}…" for text in (one.before, one.after))
        if one.kind == "added":
            told.append(f"{one.label}: {after} added")
        elif one.kind == "removed":
            told.append(f"{one.label}: {before} removed")
        else:
            told.append(f"{one.label}: {before} → {after}")
    shown = "; ".join(told[:6])
    return f"{shown}; and {len(told) - 6} more." if len(told) > 6 else f"{shown}."


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Each value by its path, as JSON, so that the type is kept."""
    if isinstance(value, Mapping) and (value or path):
        if not value:
            yield path, "{}"
        for name, inside in value.items():
            yield from _flat(inside, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for place, inside in enumerate(value, start=1):
            yield from _flat(inside, f"{path}[{place}]")
    elif path:
        yield path, json.dumps(value, ensure_ascii=False)


def _shown(text: str) -> str:
    """A JSON value as a person reads it: text without its quotation marks."""
    if text.startswith('"'):
        decoded: str = json.loads(text)
        return decoded
    return text
