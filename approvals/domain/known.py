"""What is known of an action when a policy is asked: the call itself, and what came before it.

`History` is the door to what came before. Live it reads the log's rows, for recorded runs and trials it is given;
without one, whatever asks for it has no answer and the action is held.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from approvals.domain.provenance import Sources
from approvals.domain.terms import Facts
from orchestrator.domain import errors


class NotKnown(errors.Refused):
    """This is not known of the action, so a person decides."""


class History(Protocol):
    """What came before an action. Amounts that were refused, expired or withdrawn count for nothing."""

    def total(
        self, *, currency: str, since: dt.datetime, agent: str = "", target: str = "", tool: str = ""
    ) -> Decimal:
        """What was spent or is reserved since a moment, without this action; by agent, target and tool if named."""

    def has_reached(self, *, tool: str, target: str) -> bool:
        """Whether an earlier action of this tool for this target was let through."""

    def sources(self) -> Sources:
        """The request, files, earlier results and the agent's own words."""


class NoHistory:
    """Nothing is known of what came before."""

    def total(
        self, *, currency: str, since: dt.datetime, agent: str = "", target: str = "", tool: str = ""
    ) -> Decimal:
        raise NotKnown("what was spent before is not known")

    def has_reached(self, *, tool: str, target: str) -> bool:
        raise NotKnown("earlier targets are not known")

    def sources(self) -> Sources:
        raise NotKnown("what the agent was given is not known")


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One action before a policy. `at`, when it is known, carries the organisation's time zone.

    `operands` are the arguments that say whom or what the call reaches and how much it moves.
    """

    facts: Facts
    at: dt.datetime | None = None
    arguments: Mapping[str, Any] = {}
    operands: tuple[str, ...] = ()
    history: History = NoHistory()

    @property
    def moment(self) -> dt.datetime:
        """When the action is assessed. Raises NotKnown."""
        if self.at is None:
            raise NotKnown("the time is not known")
        return self.at
