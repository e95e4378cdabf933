"""Paths into JSON values, as validators' settings write them: `invoices[*].total`, `lines[0].amount`, `total`."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.domain import errors

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+|\*)\]")

MISSING = object()


class BadPath(errors.Refused):
    """This is not a path. Write it like total, lines[0].amount or invoices[*].total."""


def read(value: Any, path: str) -> list[Any]:
    """The values at a path: one for a plain path, one per entry for each `[*]`; MISSING where nothing stands.

    An empty path is the value itself. Raises BadPath.
    """
    found = [value]
    for step in _steps(path):
        if step == "*":
            found = [item for held in found for item in (held if isinstance(held, list) else [MISSING])]
        else:
            found = [_inside(held, step) for held in found]
    return found


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        position += path[position] == "." and position > 0
        match = _STEP.match(path, position)
        if match is None:
            raise BadPath(
                f"{path!r} is not a path. Write it like total, lines[0].amount or invoices[*].total."
            )
        name, index = match.groups()
        steps.append(name if name is not None else (index if index == "*" else int(index)))
        position = match.end()
    return steps


def _inside(held: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return held[step] if isinstance(held, list) and step < len(held) else MISSING
    return held.get(step, MISSING) if isinstance(held, dict) else MISSING
