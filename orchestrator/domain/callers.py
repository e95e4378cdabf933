"""Who calls from outside, as a token says it: an agent that runs elsewhere, or a person's own program."""

from __future__ import annotations

from typing import Literal

import msgspec

from orchestrator.domain import errors

CallScope = Literal["act", "read", "decide"]


class NotInScope(errors.NotPermitted):
    """This token does not allow that. Ask an administrator for one with the scope it needs."""


class NotYours(errors.NotFound):
    """There is nothing under that address, or it belongs to another agent."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The identity behind one call. Either `agent` with its pinned `revision`, or `person`; never both.

    `permissions` are the person's, by codename; an agent has none, so nothing that asks for one lets it in.
    `per_minute` bounds each kind of call, `policy` is the one that an agent's external runs name.
    """

    token: str
    scopes: frozenset[str]
    agent: str = ""
    revision: int = 0
    person: str = ""
    permissions: frozenset[str] = frozenset()
    policy: str = "strict"
    per_minute: int = 300

    @property
    def actor(self) -> str:
        """How this caller signs events."""
        return f"user:{self.person}" if self.person else f"agent:{self.agent}@{self.revision}"

    def get_username(self) -> str:
        return self.person

    def has_perm(self, perm: str, /) -> bool:
        return perm in self.permissions

    def must_hold(self, scope: CallScope, permission: str = "") -> None:
        """Raise unless the token has the scope and, for a person, the person the permission."""
        if scope not in self.scopes:
            raise NotInScope(
                f"This token does not allow that: it lacks the scope {scope!r}.", code="scope", scope=scope
            )
        if permission and self.person and permission not in self.permissions:
            raise NotInScope("Your role does not include this. Ask an administrator.", code="role")
