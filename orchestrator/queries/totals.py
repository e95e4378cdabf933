"""What actions have spent or reserved, and whom they have reached: sums over the rows, for whoever sets limits.

An amount counts from the moment its action is allowed or held, and no longer once it is refused or voided. An amount
below zero frees nothing: an agent could make room for itself with it.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from orchestrator import ports, sql
from orchestrator.domain import ids

# Amounts of actions in these states count against limits.
RESERVED = ("allowed", "held", "released", "claimed", "executed", "unconfirmed")
# Actions in these states reach, or have reached, their target.
REACHED = ("allowed", "released", "claimed", "executed", "unconfirmed")


def reserved(
    *,
    currency: str,
    since: dt.datetime,
    until: dt.datetime | None = None,
    agent: str = "",
    target: str = "",
    tool: str = "",
    but: tuple[str, str] = ("", ""),
) -> Decimal:
    """The sum of amounts in one currency since a moment, of all agents, targets and tools that are not named.

    `but` leaves out one action, as run and action.
    """
    narrowed = ""
    values: list[Any] = [currency, since, list(RESERVED), ids.row_id(*but), list(ports.uncounted())]
    for column, value in (("agent", agent), ("target", target), ("tool", tool)):
        if value:
            values.append(value)
            narrowed += f" AND {column}=${len(values)}"
    if until is not None:
        values.append(until)
        narrowed += f" AND proposed_at < ${len(values)}::timestamptz"
    rows = sql.run(
        'SELECT coalesce(sum(greatest(amount,0)),0)::text FROM "orchestrator_action" WHERE currency=$1 '
        f"AND proposed_at > $2::timestamptz AND state=ANY($3::text[]) AND id<>$4 "
        f"AND run_id<>ALL($5::text[]::uuid[]){narrowed}",
        values,
    )
    return Decimal(rows[0][0])


def has_reached(
    *, tool: str, target: str, until: dt.datetime | None = None, but: tuple[str, str] = ("", "")
) -> bool:
    """Whether any action of this tool was let through for this target, until a moment."""
    rows = sql.run(
        'SELECT EXISTS (SELECT FROM "orchestrator_action" WHERE target=$1 AND tool=$2 AND state=ANY($3::text[]) '
        "AND id<>$4 AND ($5::timestamptz IS NULL OR proposed_at < $5))",
        [target, tool, list(REACHED), ids.row_id(*but), until],
    )
    return bool(rows[0][0])
