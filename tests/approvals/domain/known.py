"""Actions before a policy, for tests of rules and facts: one outward payment, and a history that is given."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from approvals.domain.known import Known
from approvals.domain.provenance import Sources
from approvals.domain.terms import Facts
from orchestrator.domain import specs

TOOLS = ("mail.send", "payments.pay", "notes.add")
SCOPE = specs.Scope(
    tools=TOOLS,
    categories=("routine", "financial", "outward", "destructive", "safety_critical", "affects_person"),
)
MONDAY = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)


class Given:
    """A history of plain values; `asked` keeps which totals were asked for."""

    def __init__(
        self, total: str = "0", reached: tuple[str, ...] = (), sources: Sources | None = None
    ) -> None:
        self.amount, self.reached, self.given = Decimal(total), reached, sources or Sources()
        self.asked: list[dict[str, Any]] = []

    def total(
        self, *, currency: str, since: dt.datetime, agent: str = "", target: str = "", tool: str = ""
    ) -> Decimal:
        self.asked.append({"currency": currency, "since": since, "agent": agent, "target": target})
        return self.amount

    def has_reached(self, *, tool: str, target: str) -> bool:
        return target in self.reached

    def sources(self) -> Sources:
        return self.given


def facts(**changes: Any) -> Facts:
    return Facts(**{"agent": "clerk", "tool": "mail.send", "category": "outward", "scope": SCOPE, **changes})


def payment(amount: str = "500.00", currency: str = "EUR", **changes: Any) -> Facts:
    return facts(amount=amount, currency=currency, moves_money=True, **{"target": "ACME", **changes})


def known(given: Facts, *, history: Given | None = None, **changes: Any) -> Known:
    return Known(**{"facts": given, "at": MONDAY, "history": history or Given(), **changes})
