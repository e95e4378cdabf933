"""Reading the payload of a fact for its sentence: what is not as it should be is left out, and costs words only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

Facts = Mapping[str, Any]


class Said(NamedTuple):
    """A fact in words; `state` is one of the states that pages have a colour for, or empty."""

    title: str
    detail: str = ""
    state: str = ""


def text(facts: Facts, name: str) -> str:
    """A text; empty where there is none."""
    found = facts.get(name)
    return found if isinstance(found, str) else ""


def number(facts: Facts, name: str) -> int:
    """A whole number; 0 where there is none."""
    found = facts.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def names(facts: Facts, name: str) -> str:
    """A list as one text."""
    found = facts.get(name)
    return ", ".join(str(one) for one in found) if isinstance(found, list) else ""


def inside(facts: Facts, name: str) -> Facts:
    """The fact within a fact; empty where there is none."""
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def moment(facts: Facts, name: str) -> str:
    """A time in UTC; empty where it cannot be read."""
    try:
        found = dt.datetime.fromisoformat(text(facts, name))
        return f"{found.astimezone(dt.UTC):%-d %b %Y %H:%M} UTC" if found.tzinfo else ""
    except (ValueError, OverflowError):
        return ""


def quoted(facts: Facts, name: str = "reason") -> str:
    """What somebody wrote, in quotation marks."""
    found = text(facts, name)
    return f"“{found}”" if found else ""


def joined(*parts: str) -> str:
    """What there is of these, with commas."""
    return ", ".join(part for part in parts if part)


def labelled(label: str, value: str) -> str:
    """A value after its label; nothing without a value."""
    return f"{label} {value}".strip() if value else ""


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
