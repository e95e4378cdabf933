"""gate.assess: actions per second through *balanced*, with the facts it asks for, on one core and without a database.

The live gate adds what its history reads; that is measured by the figures of whole steps.
"""

from __future__ import annotations

import time
from decimal import Decimal

from django.utils import timezone

from approvals.domain import policy, shipped
from approvals.domain.known import Known
from approvals.domain.provenance import Sources, Text
from approvals.domain.terms import Facts
from bench import ground
from orchestrator.domain.specs import Scope

SECONDS = 3.0
RESULT = "Minutes of the meeting. Nora Fern will bring the plans on Thursday. " * 40


class _Plain:
    """A history that is at hand."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def total(self, **_: object) -> Decimal:
        return Decimal("1200.00")

    def has_reached(self, *, tool: str, target: str) -> bool:
        return False

    def sources(self) -> Sources:
        return self._sources


def measure() -> None:
    sources = Sources(
        task="Send the minutes to nora@fern.example, please.",
        results=tuple(Text(f"read, a{number}", f"{RESULT}{number}") for number in range(4)),
    )
    scope = Scope(tools=("mail.send",), categories=("outward",))
    at = timezone.localtime()
    cases = []
    for number in range(100):
        target = "nora@fern.example" if number % 2 else f"person{number}@fern.example"
        facts = Facts(agent="clerk", tool="mail.send", category="outward", scope=scope, target=target)
        arguments = {"to": target, "subject": f"Minutes {number}", "body": "Here they are."}
        cases.append(
            Known(facts=facts, at=at, arguments=arguments, operands=("to",), history=_Plain(sources))
        )
    assessed = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        for known in cases:
            policy.assess(known.facts, shipped.BALANCED, known, floor=shipped.FLOOR)
        assessed += len(cases)
    ground.say("gate.assess", assessed / (time.perf_counter() - begin), "actions/s")
