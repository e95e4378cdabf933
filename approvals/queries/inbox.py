"""The inbox: which requests wait for whom, the most urgent first, and what became of the others."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from approvals.domain.requests import WORDS
from approvals.models import ApprovalRequest, SignOff
from approvals.queries import delegations, people
from orchestrator.domain import digests

Tab = Literal["mine", "waiting", "decided", "all"]
TABS: dict[Tab, str] = {
    "mine": "Mine",
    "waiting": "Waiting on others",
    "decided": "Decided",
    "all": "All",
}
PER_PAGE = 50


@dataclass(frozen=True)
class InboxRow:
    """One request in the list. `have` of `need` people have approved."""

    id: uuid.UUID
    sentence: str
    tier: str
    status: str
    words: str
    agent: str
    workflow: str
    run: uuid.UUID
    opened_at: dt.datetime
    decide_by: dt.datetime
    changed_at: dt.datetime
    decided_by: str
    reason: str
    have: int
    need: int

    @property
    def is_pending(self) -> bool:
        return self.status == "pending"


@dataclass(frozen=True)
class Inbox:
    """One page of a tab. `token` changes exactly when what the list shows has changed."""

    tab: Tab
    page: Page[Any]
    rows: tuple[InboxRow, ...]
    mine: int
    token: str = field(compare=False)


def inbox(*, person: Any, tab: Tab = "mine", words: str = "", tier: str = "", page: int | str = 1) -> Inbox:
    """A page of the inbox as this person sees it. An unknown page is the nearest there is."""
    groups = _groups(person)
    found = _of_tab(tab, person, groups)
    for word in words.split():
        found = found.filter(
            Q(sentence__icontains=word)
            | Q(agent__icontains=word)
            | Q(workflow__icontains=word)
            | Q(tool__icontains=word)
        )
    if tier:
        found = found.filter(tier=tier)
    found = found.annotate(
        have=Count("sign_offs", filter=Q(sign_offs__verb="approve", sign_offs__retracted_at=None))
    ).defer("opened")
    paged = Paginator(found, PER_PAGE).get_page(page)
    rows = tuple(_row(request) for request in paged)
    seen = [[str(row.id), row.status, row.have] for row in rows]
    is_all_of_mine = tab == "mine" and not words and not tier
    mine = paged.paginator.count if is_all_of_mine else waiting_for(person, groups)
    return Inbox(
        tab, paged, rows, mine, digests.digest([seen, paged.number, paged.paginator.count, mine])[:16]
    )


def waiting_for(person: Any, groups: list[str] | None = None) -> int:
    """How many requests wait for this person's answer."""
    return _mine(person, _groups(person) if groups is None else groups).count()


def next_for(person: Any, after: str = "") -> str:
    """The id of the most urgent request that waits for this person, other than `after`; empty when none does."""
    waiting = _mine(person, _groups(person)).order_by("rank", "decide_by", "opened_at")
    if after:
        waiting = waiting.exclude(pk=after)
    found = waiting.values_list("pk", flat=True).first()
    return "" if found is None else str(found)


def _of_tab(tab: Tab, person: Any, groups: list[str]) -> QuerySet[ApprovalRequest]:
    urgent = ("rank", "decide_by", "opened_at")
    if tab == "mine":
        return _mine(person, groups).order_by(*urgent)
    everything = ApprovalRequest.objects.all()
    if tab == "waiting":
        mine = _mine(person, groups).values("pk")
        return everything.filter(status="pending").exclude(pk__in=mine).order_by(*urgent)
    if tab == "decided":
        return everything.exclude(status="pending").order_by("-decided_at", "id")
    # What waits stands first, the most urgent on top; below it the latest.
    waits = Case(When(status="pending", then=Value(0)), default=Value(1), output_field=IntegerField())
    urgency = Case(When(status="pending", then="rank"), default=Value(9), output_field=IntegerField())
    deadline = Case(When(status="pending", then="decide_by"), default=Value(None))
    return everything.order_by(waits, urgency, deadline, "-opened_at", "id")


def _mine(person: Any, groups: list[str]) -> QuerySet[ApprovalRequest]:
    """What this person may approve and has not answered."""
    if not groups or not person.has_perm("approvals.sign_off"):
        return ApprovalRequest.objects.none()
    asked = Q()
    for group in groups:
        asked |= Q(levels__contains=[{"group": group}])
    answered = SignOff.objects.filter(
        request=OuterRef("pk"), reviewer=person.get_username(), retracted_at=None
    )
    return (
        ApprovalRequest.objects.filter(asked, status="pending")
        .exclude(excluded__contains=[{"person": person.get_username()}])
        .exclude(Exists(answered))
    )


def _groups(person: Any) -> list[str]:
    """The groups that a person answers for: their own, and those of whoever has them decide now."""
    delegators = [
        one.person for one in delegations.in_force(timezone.now()) if one.delegate == person.get_username()
    ]
    theirs = people.reviewers(delegators).values() if delegators else ()
    own = person.groups.values_list("name", flat=True)
    return list(dict.fromkeys([*own, *(name for one in theirs for name in sorted(one.groups))]))


def _row(request: Any) -> InboxRow:
    return InboxRow(
        id=request.id,
        sentence=request.sentence,
        tier=request.tier,
        status=request.status,
        words=WORDS[request.status],
        agent=request.agent,
        workflow=request.workflow,
        run=request.run,
        opened_at=request.opened_at,
        decide_by=request.decide_by,
        changed_at=request.changed_at,
        decided_by=request.decided_by,
        reason=request.reason,
        have=request.have,
        need=sum(level["need"] for level in request.levels),
    )
