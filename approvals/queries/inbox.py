"""The inbox: one page of a tab, the most urgent first, repeats together, and what became of the others.

A page is asked for by a cursor, the place of the last row before it, so that it costs the same wherever it is and
nothing is shown twice when requests come in between.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from approvals.domain import grants, money
from approvals.domain.requests import WORDS
from approvals.domain.terms import TIERS
from approvals.models import ApprovalRequest, PickUp, SignOff
from approvals.models.request import KIND
from approvals.queries import cursors
from approvals.queries.waiting import TABS, Desk, Tab
from orchestrator.domain import digests

__all__ = ["SORTS", "TABS", "Asked", "Inbox", "InboxRow", "Tab", "inbox", "next_for", "waiting_for"]

PER_PAGE = 50
PINNED = 3
SORTS = {"tier": "Most urgent", "time": "Least time left", "age": "Oldest"}
# A critical request stands first in every one of them.
_ORDERS: dict[str, tuple[str, ...]] = {
    "tier": ("rank", "decide_by", "opened_at", "id"),
    "time": ("is_less", "decide_by", "opened_at", "id"),
    "age": ("is_less", "opened_at", "id"),
}
_LATEST = ("-decided_at", "id")
# These may be decided several at once.
BULK_TIERS = ("low", "medium")


@dataclass(frozen=True)
class Asked:
    """What the address asks for. `like` shows all that one row stands for; `snoozed` what was put aside."""

    words: str = ""
    tool: str = ""
    agent: str = ""
    tier: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    older: dt.timedelta | None = None
    sort: str = "tier"
    like: str = ""
    snoozed: bool = False
    after: str = ""

    @property
    def is_filter(self) -> bool:
        return self != Asked(sort=self.sort, after=self.after)


@dataclass(frozen=True)
class InboxRow:
    """One request in the list. `have` of `need` people have approved; it stands for `repeats` more of its kind.
    `money` is its amount as a person reads it, such as "82,000.00 EUR"."""

    id: uuid.UUID
    sentence: str
    tier: str
    status: str
    words: str
    tool: str
    agent: str
    workflow: str
    run: uuid.UUID
    digest: str
    version: int
    opened_at: dt.datetime
    decide_by: dt.datetime
    changed_at: dt.datetime
    decided_by: str
    reason: str
    need: int
    money: str = ""
    kind: str = ""
    have: int = 0
    repeats: int = 0
    picked_up_by: str = ""
    may_select: bool = False

    @property
    def is_pending(self) -> bool:
        return self.status == "pending"

    @property
    def is_long(self) -> bool:
        """Whether a line of the list shows a part of the sentence only; the case shows all of it."""
        return len(self.sentence) > 100


@dataclass(frozen=True)
class Inbox:
    """One page of a tab. `pinned` are critical requests that the page would not show; `total` is how many wait
    there. `next` is the cursor of the page after it, empty when there is none. `token` changes exactly when what the
    list shows has changed."""

    tab: Tab
    rows: tuple[InboxRow, ...]
    pinned: tuple[InboxRow, ...]
    critical: int
    total: int
    mine: int
    snoozed: int
    next: str
    token: str = field(compare=False)


def inbox(*, person: Any, tab: Tab = "mine", asked: Asked | None = None) -> Inbox:
    """A page of the inbox as this person sees it. A cursor that cannot be read is the first page."""
    asked = asked or Asked()
    desk = Desk(person)
    whole = desk.snoozed() if asked.snoozed else desk.of(tab)
    found, following = _page(_filtered(whole, asked, desk), asked, tab)
    repeats = {} if asked.like else _repeats(_filtered(whole, asked, desk), found)
    critical = whole.filter(status="pending", rank=0)
    grave = list(critical.order_by("decide_by").values_list("pk", flat=True)[: PINNED + PER_PAGE])
    missing = set(grave) - {row.id for row in found}
    hidden = [key for key in grave if key in missing][:PINNED]
    shown = _completed([*found, *_ordered(hidden)], repeats, desk)
    rows = tuple(row for row in shown if row.id not in hidden)
    pinned = tuple(row for row in shown if row.id in hidden)
    mine, aside = desk.count(), desk.snoozed().count() if tab == "mine" and desk.has_snoozed else 0
    total = mine if tab == "mine" and not asked.snoozed else whole.filter(status="pending").count()
    seen = [
        [str(row.id), row.status, row.have, row.repeats, row.picked_up_by, row.may_select] for row in shown
    ]
    token = digests.digest([seen, total, mine, aside, following])[:16]
    return Inbox(tab, rows, pinned, len(missing), total, mine, aside, following, token)


def waiting_for(person: Any) -> int:
    """How many requests wait for this person's answer."""
    return Desk(person).count()


def next_for(person: Any, after: str = "") -> str:
    """The id of the most urgent request that waits for this person, other than `after`; empty when none does."""
    waiting = Desk(person).of("mine").order_by(*_ORDERS["tier"])
    if after:
        waiting = waiting.exclude(pk=after)
    found = waiting.values_list("pk", flat=True).first()
    return "" if found is None else str(found)


def choices() -> tuple[list[str], list[str]]:
    """The tools and the agents of what waits, for the filter."""
    pending = ApprovalRequest.objects.filter(status="pending")
    found = list(pending.order_by().values_list("tool", "agent").distinct()[:500])
    return sorted({tool for tool, _ in found}), sorted({agent for _, agent in found})


def _filtered(found: QuerySet[Any], asked: Asked, desk: Desk) -> QuerySet[Any]:
    for word in asked.words.split():
        found = found.filter(
            Q(sentence__icontains=word)
            | Q(agent__icontains=word)
            | Q(workflow__icontains=word)
            | Q(tool__icontains=word)
        )
    exact = {"tool": asked.tool, "agent": asked.agent, "tier": asked.tier}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if asked.least is not None:
        found = found.filter(amount__gte=asked.least)
    if asked.most is not None:
        found = found.filter(amount__lte=asked.most)
    if asked.older is not None:
        found = found.filter(opened_at__lte=desk.at - asked.older)
    if asked.like:
        leader = ApprovalRequest.objects.filter(pk=asked.like).first()
        found = found.none() if leader is None else found.filter(_alike(leader))
    return found


def _page(found: QuerySet[Any], asked: Asked, tab: Tab) -> tuple[list[InboxRow], str]:
    """The rows after the cursor, and the cursor of the page after them: what waits, and below it the latest."""
    order = _ORDERS.get(asked.sort, _ORDERS["tier"])
    pending = found.filter(status="pending").annotate(
        is_less=Case(When(rank=0, then=Value(0)), default=Value(1))
    )
    if not asked.like:
        pending = _leaders(pending, order)
    phases: list[tuple[QuerySet[Any], tuple[str, ...]]] = []
    if tab != "decided":
        phases.append((pending, order))
    if tab in ("decided", "all"):
        phases.append((found.exclude(status="pending"), _LATEST))
    rows, last = cursors.page(phases, asked.after, PER_PAGE)
    return [_row(request) for request in rows], last


def _leaders(pending: QuerySet[Any], order: Sequence[str]) -> QuerySet[Any]:
    """Of requests of the same agent and tool for the same target, or of the very same call, the most urgent one: none
    of its kind stands before it. A critical request stands for itself.

    Asked of each row as the page is read, by the index of kinds, so that what waits behind the page costs nothing.
    """
    found = pending.annotate(kind=KIND)
    within = [name for name in order if name not in ("rank", "is_less")]
    before, same = Q(pk__in=[]), Q()
    for name in within:
        before |= same & Q(**{f"{name}__lt": OuterRef(name)})
        same &= Q(**{name: OuterRef(name)})
    kin = {name: OuterRef(name) for name in ("tool", "agent", "rank", "kind")}
    # Said once more for the index: what stands before has at most this first value.
    first = Q(**{f"{within[0]}__lte": OuterRef(within[0])})
    return found.filter(Q(rank=0) | ~Exists(found.filter(first, before, **kin)))


def _alike(leader: Any) -> Q:
    same = Q(tool=leader.tool, agent=leader.agent, rank=leader.rank, status="pending")
    if leader.rank == 0:
        return Q(pk=leader.pk)
    return same & (Q(target=leader.target) if leader.target else Q(digest=leader.digest))


def _repeats(found: QuerySet[Any], rows: Iterable[InboxRow]) -> dict[tuple[str, ...], int]:
    """How many waiting requests are of each kind that these rows stand for, where it is more than one."""
    groups = [row for row in rows if row.is_pending and row.tier != "critical"]
    if not groups:
        return {}
    waiting = found.filter(
        status="pending",
        tool__in={row.tool for row in groups},
        agent__in={row.agent for row in groups},
        rank__in={TIERS.index(row.tier) for row in groups},
    )
    waiting = waiting.order_by().annotate(kind=KIND).filter(kind__in={row.kind for row in groups})
    counted = waiting.values("tool", "agent", "tier", "kind").annotate(count=Count("pk")).filter(count__gt=1)
    return {(one["tool"], one["agent"], one["tier"], one["kind"]): one["count"] for one in counted}


def _ordered(keys: Sequence[uuid.UUID]) -> list[InboxRow]:
    rows = ApprovalRequest.objects.filter(pk__in=keys).defer("opened").order_by("decide_by")
    return [_row(request) for request in rows] if keys else []


def _completed(rows: Sequence[InboxRow], repeats: dict[tuple[str, ...], int], desk: Desk) -> list[InboxRow]:
    """The rows with what stands beside them: approvals so far, who looks at them, how many are alike."""
    keys = [row.id for row in rows]
    given = SignOff.objects.filter(request__in=keys, verb="approve", retracted_at=None)
    have = dict(given.values_list("request").annotate(count=Count("pk")))
    held = dict(PickUp.objects.filter(request__in=keys, until__gt=desk.at).values_list("request", "person"))
    bulk = [row.id for row in rows if row.is_pending and row.tier in BULK_TIERS]
    may = set(desk.mine().filter(pk__in=bulk).values_list("pk", flat=True)) if bulk else set()
    return [
        replace(
            row,
            have=have.get(row.id, 0),
            picked_up_by=held.get(row.id, ""),
            may_select=row.id in may,
            repeats=_more(row, repeats),
        )
        for row in rows
    ]


def _more(row: InboxRow, repeats: dict[tuple[str, ...], int]) -> int:
    if not row.is_pending or row.tier == "critical":
        return 0
    return repeats.get((row.tool, row.agent, row.tier, row.kind), 1) - 1


def _money(amount: Decimal | None, currency: str) -> str:
    """What it moves, as the case says it; empty when it moves nothing that can be added up."""
    return money.shown(amount.normalize(), currency) if amount is not None and currency else ""


def _row(request: Any) -> InboxRow:
    return InboxRow(
        id=request.id,
        sentence=request.sentence,
        tier=request.tier,
        status=request.status,
        words=WORDS[request.status],
        tool=request.tool,
        agent=request.agent,
        workflow=request.workflow,
        run=request.run,
        digest=request.digest,
        version=request.version,
        opened_at=request.opened_at,
        decide_by=request.decide_by,
        changed_at=request.changed_at,
        decided_by=grants.who(request.decided_by),
        reason=request.reason,
        need=sum(level["need"] for level in request.levels),
        money=_money(request.amount, request.currency),
        kind=getattr(request, "kind", ""),
    )
