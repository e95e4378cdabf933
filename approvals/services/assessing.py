"""Assess recorded runs from a file of JSON lines, line by line, and write a verdict for each tool call."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from approvals.domain import classification, recorded, shipped
from approvals.domain.terms import Policy
from approvals.services import policies
from orchestrator.domain import errors

TOOLS = Path(__file__).resolve().parent.parent / "tools.toml"
LINE_LENGTH = 20_000_000
NAMED = 100  # so many bad lines are named, the others counted


class Counted(msgspec.Struct):
    """What came of a file. `bad` are (line number, what is wrong), the first hundred of them."""

    runs: int = 0
    calls: int = 0
    interrupted: int = 0
    verdicts: Counter[str] = msgspec.field(default_factory=Counter)
    bad: list[tuple[int, str]] = []
    bad_lines: int = 0


def tools_table(path: Path = TOOLS) -> classification.Table:
    """The table of tools in a file. Raises Unreadable."""
    try:
        return classification.table_of(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise classification.Unreadable(f"The table of tools {path} cannot be read: {error}.") from None


class Judges(NamedTuple):
    """The policy that is asked, and the organisation's floor below it."""

    policy: Policy
    floor: Policy


def as_published(slug: str) -> Judges:
    """The newest revision that is published here. Raises UnknownPolicy."""
    return Judges(policies.find_policy(slug), policies.find_policy(shipped.FLOOR_SLUG))


def as_shipped(slug: str) -> Judges:
    """The policy as every installation begins with it, for which no database is asked. Raises UnknownPolicy."""
    found = next((one for one in shipped.SHIPPED if one.slug == slug), None)
    if found is None:
        raise policies.UnknownPolicy(f"No policy named {slug!r} is shipped with Countersign.", slug=slug)
    return Judges(found, shipped.FLOOR)


def assess_lines(
    lines: Iterable[str],
    write: Callable[[recorded.Verdict], object],
    *,
    judges: Judges,
    table: classification.Table | None = None,
    guards_guesses: bool = False,
) -> Counted:
    """Assess every call of every run, one line after the other. A bad line is counted and named, the rest goes on."""
    applied, floor = judges
    table = table or tools_table()
    counted = Counted()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            if len(line) > LINE_LENGTH:
                raise recorded.BadLine(f"it is longer than {LINE_LENGTH:,} characters")
            run = recorded.parse(line)
            verdicts = [
                recorded.verdict(run.get("id", run.get("run_id", number)), call, found)
                for call in recorded.calls(run)
                for found in (
                    recorded.assess_call(call, applied, table, floor=floor, guards_guesses=guards_guesses),
                )
            ]
        except errors.Refused as refused:
            _bad(counted, number, refused.message)
            continue
        except Exception as error:
            # Whatever somebody else's recording holds, the lines after it are read.
            _bad(counted, number, f"it cannot be assessed ({type(error).__name__})")
            continue
        counted.runs += 1
        counted.calls += len(verdicts)
        counted.interrupted += any(verdict.verdict != "allow" for verdict in verdicts)
        for verdict in verdicts:
            counted.verdicts[verdict.verdict] += 1
            write(verdict)
    return counted


def _bad(counted: Counted, number: int, why: str) -> None:
    counted.bad_lines += 1
    if len(counted.bad) < NAMED:
        counted.bad.append((number, why))
