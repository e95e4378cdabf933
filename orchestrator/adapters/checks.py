"""The validators that come with Countersign, each with a version; a change of behaviour is a new version.

All read an output that is untrusted, and say what is wrong in words that its agent can act on. The setting
`outcome` chooses what a finding means (repairable, upstream_suspect or fatal).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from orchestrator.adapters import paths
from orchestrator.adapters.registry import validator
from orchestrator.domain import digests, errors, replies, schemas, specs
from orchestrator.domain.schemas import shown_value
from orchestrator.domain.validation import SEVERITY, Finding

_MOST = 20  # sentences in one finding


class BadSettings(errors.Refused):
    """A validator's settings are not usable. Correct the workflow and publish it again."""


@validator("schema", settings=("schema", "outcome"))
def schema(
    output: Any, inputs: Any, settings: Mapping[str, Any], *, stage: specs.StageSpec
) -> Finding | None:
    """The output fits the stage's output schema, or the one in the settings."""
    wanted = settings.get("schema") or stage.output_schema
    found = schemas.problems(wanted, output)
    return _finding(settings, [f"The output does not fit the schema. {problem}" for problem in found])


@validator("required_evidence", settings=("at_least", "predicates", "outcome"))
def required_evidence(
    output: Any,
    inputs: Any,
    settings: Mapping[str, Any],
    *,
    reply: replies.Reply,
    files: frozenset[str],
) -> Finding | None:
    """Each assertion cites evidence, and all of it stands in the run's files, by the digest of their bytes.

    `files` are the digests. Settings: `at_least` assertions (1), `predicates` that need it (all).
    """
    only = settings.get("predicates")
    wanted = [said for said in reply.assertions if not only or said.predicate in only]
    problems = []
    if len(wanted) < settings.get("at_least", 1):
        problems.append(f"{len(wanted)} assertions with evidence were given; state what the output rests on.")
    for assertion in wanted:
        about = f"{shown_value(assertion.subject)} {shown_value(assertion.predicate)}"
        if not assertion.evidence:
            problems.append(f"The assertion {about} cites no evidence.")
        problems += [
            f"The assertion {about} {wrong}"
            for cited in assertion.evidence
            if (wrong := _not_cited(cited, files))
        ]
    return _finding(settings, problems)


@validator("fields_unchanged", settings=("input", "outcome"), needs=("paths",))
def fields_unchanged(output: Any, inputs: Any, settings: Mapping[str, Any]) -> Finding | None:
    """Fields that the stage must hand on as it got them.

    Settings: `paths`, each a path that is the same in both, or {"input": path, "output": path}; `input`, the name
    of the input that they are read from (needed when there are several).
    """
    given = _the_input(inputs, settings)
    problems = []
    for entry in _listed(settings, "paths"):
        pair = entry if isinstance(entry, Mapping) else {"input": entry, "output": entry}
        before, after = paths.read(given, pair["input"]), paths.read(output, pair["output"])
        if len(before) != len(after):
            problems.append(f"{pair['output']} has {len(after)} values, and its input had {len(before)}.")
        for number, (old, new) in enumerate(zip(before, after, strict=False), start=1):
            if not _same(old, new):
                which = f" (entry {number})" if len(before) > 1 else ""
                problems.append(f"{pair['output']}{which} was changed from {_shown(old)} to {_shown(new)}.")
    return _finding(settings, problems)


@validator("sum_equals", settings=("each", "tolerance", "outcome"), needs=("items", "total"))
def sum_equals(output: Any, inputs: Any, settings: Mapping[str, Any]) -> Finding | None:
    """Amounts that must add up to a total.

    Settings: `items` and `total` (paths), `each` (path of entries in which they are read), `tolerance` (decimal
    text, "0").
    """
    tolerance = _amount(settings.get("tolerance", "0"))
    if tolerance is None:
        raise BadSettings("sum_equals: tolerance must be a decimal number, such as 0.01.")
    items, total = _named(settings, "items"), _named(settings, "total")
    problems = []
    entries = paths.read(output, settings.get("each", ""))
    for number, entry in enumerate(entries, start=1):
        where = f"Entry {number}: " if len(entries) > 1 else ""
        parts = [_amount(item) for item in paths.read(entry, items)]
        stated = [_amount(item) for item in paths.read(entry, total)]
        if None in parts or None in stated or len(stated) != 1:
            problems.append(f"{where}{items} and {total} must all be decimal numbers.")
            continue
        found = sum((part for part in parts if part is not None), Decimal(0))
        if stated[0] is not None and abs(found - stated[0]) > tolerance:
            problems.append(f"{where}{items} add up to {found:f}, and {total} says {stated[0]:f}.")
    return _finding(settings, problems)


@validator("not_empty", settings=("paths", "outcome"))
def not_empty(output: Any, inputs: Any, settings: Mapping[str, Any]) -> Finding | None:
    """Fields that must hold something. Settings: `paths` (the output itself when left out)."""
    problems = []
    for path in settings.get("paths", [""]):
        found = paths.read(output, path)
        if not found or any(_is_empty(value) for value in found):
            problems.append(f"{path or 'The output'} is empty.")
    return _finding(settings, problems)


def _finding(settings: Mapping[str, Any], problems: Sequence[str]) -> Finding | None:
    if not problems:
        return None
    outcome = settings.get("outcome", "repairable")
    if outcome not in SEVERITY or outcome == "pass":
        raise BadSettings("A validator's outcome must be repairable, upstream_suspect or fatal.")
    shown = list(problems[:_MOST])
    if len(problems) > _MOST:
        shown.append(f"{len(problems) - _MOST} more of this kind.")
    return Finding(outcome=outcome, text="\n".join(shown), evidence=tuple(shown[:_MOST]))


def _not_cited(cited: replies.Evidence, files: frozenset[str]) -> str:
    source = shown_value(cited.source)
    if not cited.digest:
        return f"cites {source} without the file's digest."
    if cited.digest not in files:
        return f"cites {source} with a digest that is none of the run's files'."
    return ""


def _the_input(inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    name = settings.get("input")
    if name is None and len(inputs) == 1:
        return next(iter(inputs.values()))
    if not isinstance(name, str) or name not in inputs:
        raise BadSettings(
            f"fields_unchanged: name one of the stage's inputs ({', '.join(inputs)}) as `input`."
        )
    return inputs[name]


def _listed(settings: Mapping[str, Any], name: str) -> list[Any]:
    value = settings.get(name)
    if not isinstance(value, (list, tuple)) or not value:
        raise BadSettings(f"The setting {name} must be a list with at least one entry.")
    return list(value)


def _named(settings: Mapping[str, Any], name: str) -> str:
    value = settings.get(name)
    if not isinstance(value, str) or not value:
        raise BadSettings(f"The setting {name} must be a path, such as lines[*].amount.")
    return value


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        # An exponent could ask for a number of a billion digits.
        amount = Decimal(str(value)) if len(str(value)) <= 40 else Decimal("NaN")
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount.adjusted()) <= 40 else None


def _same(old: Any, new: Any) -> bool:
    if old is paths.MISSING or new is paths.MISSING:
        return old is new
    return digests.canonical(old) == digests.canonical(new)


def _shown(value: Any) -> str:
    return "nothing" if value is paths.MISSING else shown_value(value)


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value is paths.MISSING or value in ([], {})
