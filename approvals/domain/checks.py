"""What the system itself has checked about an action, in sentences with their numbers, to stand beside the claim.

Each check is frozen when the request opens. It repeats facts; it never weighs them.
"""

from __future__ import annotations

from decimal import Decimal
from fnmatch import fnmatchcase

import msgspec

from approvals.domain import money
from approvals.domain.terms import Facts


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One checked fact: what was looked at, and what was found."""

    label: str
    found: str


def of(facts: Facts) -> tuple[Check, ...]:
    """The checks of an action that the scope allows. Never raises: what cannot be read has no check."""
    try:
        return tuple(_found(facts))
    except (ArithmeticError, ValueError):
        return ()


def _found(facts: Facts) -> list[Check]:
    found = [Check(label="Tool", found=f"{facts.tool} is in the scope of {facts.agent}.")]
    patterns = [pattern for pattern in facts.scope.resources if fnmatchcase(facts.target, pattern)]
    if patterns:
        found.append(Check(label="Target", found=f"It matches the scope's pattern {patterns[0]}."))
    amount = money.plain_value(facts.amount)
    if amount is None or facts.currency not in money.MINOR_UNITS:
        return found
    currency = facts.currency or ""
    for limit in facts.scope.limits:
        if limit.currency != currency or limit.tool not in ("*", facts.tool):
            continue
        asked = money.shown(amount, currency)
        if limit.per_action is not None:
            most = money.shown(Decimal(limit.per_action), currency)
            found.append(
                Check(label="Limit for one action", found=f"{asked} of {most} that the scope allows.")
            )
        if limit.rolling is not None:
            total = money.shown(Decimal(facts.rolling.get(limit.account, "0")) + amount, currency)
            most = money.shown(Decimal(limit.rolling), currency)
            label = f"Total of {limit.window_hours} hours"
            found.append(Check(label=label, found=f"{total} of {most} with this action."))
    return found
