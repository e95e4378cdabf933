"""What changed between two revisions of a policy, as a person reads it: times in words, levels by their places.

It lays both out alike and leaves the comparison to the orchestrator's. A time that a rule does not set is the policy's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from approvals.domain import soundness, spans
from approvals.domain.terms import Clocks, Level, Policy, Rule
from approvals.domain.wording import FOUR_FIFTHS
from orchestrator.domain import differences

NOT_SET = "as the policy says"
DECIDE, RUN, GO_UP = "decide within", "run within", "silence goes up"
_Fields = dict[str, Any]


class Laid(msgspec.Struct, frozen=True, kw_only=True):
    """A policy laid out to be compared: the fields of `Policy`, with what needs words in words."""

    slug: str
    title: str
    always_hold: tuple[str, ...]
    limits: Mapping[Any, Any]
    allowed: tuple[str, ...]
    tier_amounts: Mapping[str, Any]
    levels: _Fields
    clocks: _Fields
    rules: tuple[_Fields, ...]
    sample_percent: int
    escalate_to: tuple[str, ...]


def compare(before: Policy | None, after: Policy) -> differences.Comparison:
    """Everything that differs; against nothing, every field that says something."""
    was = None if before is None else _laid(before, beside=after, is_newer=False)
    return differences.compare(was, _laid(after, beside=before, is_newer=True))


def _laid(policy: Policy, *, beside: Policy | None, is_newer: bool) -> Laid:
    others = {rule.id: rule for rule in beside.rules} if beside else {}
    plain = {
        name: getattr(policy, name)
        for name in Laid.__struct_fields__
        if name not in ("levels", "clocks", "rules")
    }
    return Laid(
        **plain,
        levels=_levels(policy.levels, beside.levels if beside else (), is_newer),
        clocks={
            tier: {
                DECIDE: spans.exactly(one.decide_by),
                RUN: spans.exactly(one.execute_by),
                GO_UP: _after(one) or FOUR_FIFTHS,
            }
            for tier, one in policy.clocks.items()
        },
        rules=tuple(_rule(rule, others.get(rule.id), is_newer) for rule in policy.rules),
    )


def _rule(rule: Rule, other: Rule | None, is_newer: bool) -> _Fields:
    found: _Fields = msgspec.structs.asdict(rule)
    theirs = _times(other.clocks if other else None)
    found["levels"] = _levels(rule.levels, other.levels if other else (), is_newer)
    found["clocks"] = {
        name: text or (NOT_SET if theirs[name] else "") for name, text in _times(rule.clocks).items()
    }
    return found


def _times(clocks: Clocks | None) -> dict[str, str]:
    """The times that a rule sets itself. The longest that can be said shorten nothing: they stand for none."""
    if clocks is None:
        return {DECIDE: "", RUN: "", GO_UP: ""}
    return {
        DECIDE: spans.exactly(clocks.decide_by) if clocks.sets_a_time else "",
        RUN: spans.exactly(clocks.execute_by) if clocks.execute_by < soundness.EXECUTE_BY[1] else "",
        GO_UP: _after(clocks),
    }


def _after(clocks: Clocks) -> str:
    return f"after {spans.exactly(clocks.escalate_after)}" if clocks.escalate_after else ""


def _levels(levels: Sequence[Level], others: Sequence[Level], is_newer: bool) -> _Fields:
    """Levels under their places, of which two are never called alike. A place has the newer revision's name."""
    newer, older = (levels, others) if is_newer else (others, levels)
    names = [level.name for level in (*newer, *older[len(newer) :])]
    steps = sorted({level.order for level in levels})
    found: _Fields = {}
    for place, level in enumerate(levels, start=1):
        called = names[place - 1]
        if len(names) > 1:
            called = f"Level {place} of {len(names)}: {called}"
        asked = f"in step {steps.index(level.order) + 1}" if len(names) > 1 else ""
        found[called] = {"name": level.name, "group": level.group, "need": level.need, "asked": asked}
    return found
