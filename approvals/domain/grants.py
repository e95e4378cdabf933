"""Standing grants: an administrator's yes in advance, for one agent and tool, within bounds that are counted.

Never for what cannot be undone and never for a critical action. Two people make one. It still leaves a request for
each use, and each use is counted when the executor takes the action.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

import msgspec
from msgspec.structs import replace

from approvals.domain import common_cases, money, spans
from approvals.domain.conditions import Wrong
from approvals.domain.providers import BOOK
from approvals.domain.terms import Tier
from approvals.domain.visible import has_hidden
from orchestrator.domain import digests, errors

LONGEST = dt.timedelta(days=90)
MOST_USES = 10_000
# Before its id: who answered a request, when it was no person.
BY_GRANT = "grant:"
State = Literal["proposed", "active", "used up", "expired", "revoked"]


class BadGrant(errors.Refused):
    """This grant cannot be made. Correct what is named and try again."""


class SameHand(errors.NotPermitted):
    """You made this grant, so somebody else must approve it. Ask another administrator."""


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is granted. `fields` gives for arguments the pattern that they must fit ("*" for any part of a text);
    `when` is a condition (CEL over the facts of policies) that must hold as well."""

    id: str
    agent: str
    tool: str
    fields: dict[str, str] = {}
    when: str = ""
    max_amount: str = ""
    currency: str = ""
    max_uses: int
    expires_at: dt.datetime
    reason: str
    created_by: str
    created_at: dt.datetime
    approved_by: str = ""
    approved_at: dt.datetime | None = None
    revoked_by: str = ""
    revoked_at: dt.datetime | None = None
    uses: int = 0

    def state(self, at: dt.datetime) -> State:
        if self.revoked_at is not None:
            return "revoked"
        if at >= self.expires_at:
            return "expired"
        if not self.approved_by:
            return "proposed"
        return "active" if self.uses < self.max_uses else "used up"


class GrantCreated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    TYPE: ClassVar[str] = "grant.created"
    grant: Grant


class GrantApproved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    TYPE: ClassVar[str] = "grant.approved"
    id: str
    by: str
    at: dt.datetime
    created_by: str = ""


class GrantUsed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    TYPE: ClassVar[str] = "grant.used"
    id: str
    request: str
    run: str
    action: str
    at: dt.datetime


class GrantRevoked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    TYPE: ClassVar[str] = "grant.revoked"
    id: str
    by: str
    at: dt.datetime
    reason: str
    created_by: str = ""
    approved_by: str = ""


Fact = GrantCreated | GrantApproved | GrantUsed | GrantRevoked
TYPES: dict[str, type[Fact]] = {
    kind.TYPE: kind for kind in (GrantCreated, GrantApproved, GrantUsed, GrantRevoked)
}


def check(
    grant: Grant, *, category: str, reversibility: str, moves_money: bool, arguments: Iterable[str]
) -> None:
    """Raise BadGrant unless this may be granted at all. `arguments` are the names of those that the tool has."""
    if category == "safety_critical":
        raise BadGrant(
            f"{grant.tool} is safety-critical, so each call is decided by people. Choose another tool.",
            field="tool",
        )
    if reversibility == "irreversible":
        raise BadGrant(
            f"{grant.tool} cannot be undone, so each call is decided by people. Choose another tool.",
            field="tool",
        )
    known = tuple(arguments)
    for name in grant.fields:
        if name not in known:
            raise BadGrant(
                f"{grant.tool} has no argument {name}, so nothing would be covered. "
                f"It has {', '.join(known) or 'none'}.",
                field="fields_like",
            )
    if not 1 <= grant.max_uses <= MOST_USES:
        raise BadGrant(f"Give a number of uses from 1 to {MOST_USES:,}.", field="max_uses")
    if grant.expires_at <= grant.created_at:
        raise BadGrant("It ends in the past. Give a later end.", field="expires_at")
    if grant.expires_at - grant.created_at > LONGEST:
        raise BadGrant(f"It may last {LONGEST.days} days at most. Give an earlier end.", field="expires_at")
    if not grant.reason.strip():
        raise BadGrant("Say why, so that others understand it. One sentence is enough.", field="reason")
    if grant.when:
        try:
            BOOK.language.check(grant.when)
        except Wrong as wrong:
            raise BadGrant(wrong.message, field="when") from None
    amount = money.plain_value(grant.max_amount)
    if grant.max_amount and (amount is None or amount <= 0):
        raise BadGrant("The largest amount must be a number above zero, such as 250.00.", field="max_amount")
    if moves_money and (amount is None or not grant.currency):
        raise BadGrant(
            f"{grant.tool} moves money: give the largest amount and its currency.", field="max_amount"
        )


def covers(
    grant: Grant,
    *,
    agent: str,
    tool: str,
    arguments: Mapping[str, Any],
    amount: str | None,
    currency: str | None,
    moves_money: bool,
    reversibility: str,
    tier: Tier,
    at: dt.datetime,
    holds: Callable[[str], bool] = lambda condition: False,
) -> bool:
    """Whether an action is within a grant. What cannot be read is not covered, nor what `holds` cannot answer."""
    if grant.state(at) != "active" or (grant.agent, grant.tool) != (agent, tool):
        return False
    if tier == "critical" or reversibility == "irreversible":
        return False
    if not all(_fits(arguments.get(name), pattern) for name, pattern in grant.fields.items()):
        return False
    if not _is_within(grant, amount, currency, moves_money=moves_money):
        return False
    # Last, because it may ask for all that the agent was given.
    return not grant.when or _answers(holds, grant.when)


def _is_within(grant: Grant, amount: str | None, currency: str | None, *, moves_money: bool) -> bool:
    if not moves_money and amount is None:
        return True
    asked, most = money.plain_value(amount), money.plain_value(grant.max_amount)
    return (
        asked is not None
        and most is not None
        and Decimal(0) <= asked <= most
        and bool(grant.currency)
        and currency == grant.currency
    )


def _answers(holds: Callable[[str], bool], condition: str) -> bool:
    try:
        return holds(condition) is True
    except Exception:
        # Not a port boundary, but every failure of a condition has one meaning here: people decide.
        return False


def approve(grant: Grant, *, by: str, at: dt.datetime) -> GrantApproved:
    """The second hand. Raises SameHand, BadGrant."""
    if grant.state(at) != "proposed":
        raise BadGrant(f"This grant is {grant.state(at)}; there is nothing to approve.")
    if by == grant.created_by:
        raise SameHand()
    return GrantApproved(id=grant.id, by=by, at=at, created_by=grant.created_by)


def revoke(grant: Grant, *, by: str, at: dt.datetime, reason: str) -> GrantRevoked:
    """Take it back, whoever made it. Raises BadGrant."""
    if grant.state(at) == "revoked":
        raise BadGrant(f"{grant.revoked_by} revoked this grant already.")
    if not reason.strip():
        raise BadGrant("Say why you take it back. One sentence is enough.", field="reason")
    return GrantRevoked(
        id=grant.id,
        by=by,
        at=at,
        reason=reason.strip(),
        created_by=grant.created_by,
        approved_by=grant.approved_by,
    )


def who(name: str) -> str:
    """A name on a request in words: a grant stands there by its id."""
    return "a standing grant" if name.startswith(BY_GRANT) else name


def in_words(grant: Grant) -> str:
    """What it covers, in one sentence."""
    parts = [f"{grant.agent} may call {grant.tool}"]
    if grant.fields:
        parts.append(
            "where " + " and ".join(f"{name} is {pattern}" for name, pattern in grant.fields.items())
        )
    if grant.when:
        parts.append(f"when {common_cases.in_words(grant.when)}")
    if grant.max_amount:
        value = money.plain_value(grant.max_amount)
        shown = money.shown(value, grant.currency) if value is not None else grant.max_amount
        parts.append(f"up to {shown} each")
    lasts = spans.in_words(int((grant.expires_at - grant.created_at).total_seconds()))
    return " ".join(parts) + f", {grant.max_uses} time{'' if grant.max_uses == 1 else 's'} within {lasts}"


def evolve(found: Grant | None, fact: Fact) -> Grant | None:
    """The grant after a fact. Total."""
    if isinstance(fact, GrantCreated):
        return found or fact.grant
    if found is None:
        return None
    if isinstance(fact, GrantApproved):
        return replace(found, approved_by=fact.by, approved_at=fact.at)
    if isinstance(fact, GrantUsed):
        return replace(found, uses=found.uses + 1)
    return replace(found, revoked_by=fact.by, revoked_at=fact.at)


def encode(fact: Fact) -> bytes:
    return digests.encode(fact)


def decode(name: str, payload: bytes) -> Fact | None:
    kind = TYPES.get(name)
    return None if kind is None else msgspec.json.decode(payload, type=kind)


def _fits(value: Any, pattern: str) -> bool:
    """Text and whole numbers are compared as they are written; anything else fits no pattern, nor does text that holds
    what nobody can see: no person looks at a covered call."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return False
    if has_hidden(str(value).replace("\n", "")):
        return False
    return fnmatch.fnmatchcase(str(value), pattern)
