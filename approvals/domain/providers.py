"""The facts that every installation has: the call, its money, its target, the person, the time, what was spent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from approvals.domain import money, origins
from approvals.domain.facts import Book, FactType, Provider
from approvals.domain.known import Known

DAY = dt.timedelta(hours=24)


def _action(known: Known) -> Mapping[str, Any]:
    facts = known.facts
    return {
        "action.tool": facts.tool,
        "action.category": facts.category,
        "action.reversibility": facts.reversibility,
        "action.agent": facts.agent,
        "action.reads_only": facts.reads_only,
        "action.is_declared": facts.is_declared,
        "action.is_routine": facts.category == "routine"
        and (facts.is_declared or facts.reads_only)
        and not moves_money(known),
        "action.args": dict(known.arguments),
    }


def _target(known: Known) -> Mapping[str, Any]:
    facts = known.facts
    found: dict[str, Any] = {"target.name": facts.target, "target.is_given": bool(facts.target)}
    if facts.target:
        found["target.is_first"] = not known.history.has_reached(tool=facts.tool, target=facts.target)
    return found


def _person(known: Known) -> Mapping[str, Any]:
    return {"person.is_affected": bool(known.facts.person), "person.name": known.facts.person or ""}


def _money(known: Known) -> Mapping[str, Any]:
    """Amounts without which there is no answer: a condition asks `money.moves` first."""
    facts = known.facts
    if not moves_money(known):
        return {"money.moves": False}
    found = money.read(facts.amount, facts.currency)
    return {"money.moves": True, "money.amount": found.minor, "money.currency": found.currency}


def _time(known: Known) -> Mapping[str, Any]:
    at = known.moment
    return {
        "time.now": at,
        "time.hour": at.hour,
        "time.weekday": at.isoweekday(),
        "time.is_weekend": at.isoweekday() > 5,
    }


def _totals(known: Known) -> Mapping[str, Any]:
    """What was spent or is reserved, with this action, in minor units of its currency."""
    facts, history = known.facts, known.history
    if not moves_money(known):
        return {}
    this = money.read(facts.amount, facts.currency)
    midnight = known.moment.replace(hour=0, minute=0, second=0, microsecond=0)
    found: dict[str, Any] = {}
    for span, since in (("24h", known.moment - DAY), ("today", midnight)):
        accounts: dict[str, dict[str, str]] = {"all": {}, "agent": {"agent": facts.agent}}
        if facts.target:
            accounts["target"] = {"target": facts.target}
        for account, narrowed in accounts.items():
            before = history.total(currency=this.currency, since=since, **narrowed)
            found[f"totals.{account}_{span}"] = minor(before + this.amount, this.currency)
    return found


def moves_money(known: Known) -> bool:
    facts = known.facts
    return facts.moves_money or facts.amount is not None or facts.currency is not None


def minor(amount: Decimal, currency: str) -> int:
    """An amount in minor units, rounded up: a total is never shown smaller than it is."""
    return int(amount.scaleb(money.MINOR_UNITS[currency]).to_integral_value(rounding="ROUND_CEILING"))


_SPANS = {"24h": "the last 24 hours", "today": "today"}
_ACCOUNTS = {"agent": "this agent", "target": "this target", "all": "everybody"}

SHIPPED: tuple[Provider, ...] = (
    Provider(
        "action",
        (
            FactType("action.tool", "text", "the tool's name"),
            FactType(
                "action.category",
                "text",
                "routine, financial, safety_critical, affects_person, destructive, outward",
            ),
            FactType("action.reversibility", "text", "reversible, compensable or irreversible"),
            FactType("action.agent", "text", "the agent's short name"),
            FactType(
                "action.reads_only",
                "boolean",
                "the call changes nothing",
                otherwise="the call changes something",
            ),
            FactType(
                "action.is_declared",
                "boolean",
                "an administrator declared the tool",
                otherwise="nobody declared the tool",
            ),
            FactType(
                "action.is_routine",
                "boolean",
                "it only reads, or was declared as routine, and moves no money",
                otherwise="it is more than routine",
            ),
            FactType("action.args", "map", "the arguments by name, as in action.args.note"),
        ),
        _action,
    ),
    Provider(
        "target",
        (
            FactType("target.name", "text", "whom or what the call reaches"),
            FactType(
                "target.is_given", "boolean", "the call names a target", otherwise="the call names no target"
            ),
            FactType(
                "target.is_first",
                "boolean",
                "no action of this tool was let through for it before",
                otherwise="this tool was let through for the target before",
            ),
        ),
        _target,
    ),
    Provider(
        "person",
        (
            FactType(
                "person.is_affected",
                "boolean",
                "the call names a person whom it affects",
                otherwise="it names nobody whom it affects",
            ),
            FactType("person.name", "text", "that person"),
        ),
        _person,
    ),
    Provider(
        "money",
        (
            FactType("money.moves", "boolean", "the call moves money", otherwise="it moves no money"),
            FactType("money.amount", "whole", "the amount in minor units (cents)", "money"),
            FactType("money.currency", "text", "its currency, as in EUR"),
        ),
        _money,
    ),
    Provider(
        "time",
        (
            FactType("time.now", "moment", "when it is assessed"),
            FactType("time.hour", "whole", "the hour, 0 to 23, in the organisation's time zone"),
            FactType("time.weekday", "whole", "1 for Monday to 7 for Sunday"),
            FactType("time.is_weekend", "boolean", "it is Saturday or Sunday", otherwise="it is a weekday"),
        ),
        _time,
    ),
    Provider(
        "totals",
        tuple(
            FactType(
                f"totals.{account}_{span}",
                "whole",
                f"what {who} would have spent {when}, with this action",
                "money",
            )
            for span, when in _SPANS.items()
            for account, who in _ACCOUNTS.items()
        ),
        _totals,
    ),
    origins.PROVENANCE,
    origins.EACH,
    origins.REQUEST,
    origins.RESULTS,
)

# What conditions may name here. An app that knows more joins its provider when it starts.
BOOK = Book(SHIPPED)
