"""Hooks and the log of what was sent, ready to print."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q

from approvals.domain.visible import visible
from approvals.models import Hook, Notice, NoticePreference
from orchestrator.domain import errors

PER_PAGE = 50
CHANNEL_WORDS = {"mail": "Mail", "browser": "Browser", "chat": "Chat", "signed": "Program"}
STATE_WORDS = {
    "waiting": "waiting",
    "sending": "sending",
    "sent": "sent",
    "dropped": "dropped",
    "dead_letter": "given up",
}
VIA_WORDS = {
    "now": "at once",
    "window": "bundled",
    "quiet": "quiet hours",
    "round_up": "round-up",
}


class UnknownHook(errors.NotFound):
    """There is no such hook. Choose one from the Outgoing page."""


@dataclass(frozen=True)
class HookCard:
    """A hook for the list. `overlaps_until` is set while the secret before still signs too."""

    id: str
    kind: str
    place: str
    state: str
    topics: str
    reason: str
    created_by: str
    created_at: dt.datetime
    overlaps_until: dt.datetime | None
    ended_by: str
    ended_at: dt.datetime | None
    ended_because: str
    waiting: int
    given_up: int


@dataclass(frozen=True)
class NoticeRow:
    """One line of the log: what was to be told to whom, and what came of it."""

    id: int
    kind: str
    to: str
    channel: str
    via: str
    tier: str
    state: str
    state_words: str
    tries: int
    status: int | None
    error: str
    made_at: dt.datetime
    due_at: dt.datetime
    ended_at: dt.datetime | None
    request: str
    run: str
    event: str

    @property
    def may_retry(self) -> bool:
        return self.state == "dead_letter"


@dataclass(frozen=True)
class Wanted:
    """A filter of the log, as its address says it."""

    to: str = ""
    channel: str = ""
    state: str = ""


def hooks(now: dt.datetime) -> list[HookCard]:
    """All hooks, those in use first, the newest first."""
    rows = list(Hook.objects.order_by("-created_at")[:200])
    found = _cards(rows, now)
    return sorted(found, key=lambda card: card.state != "active")


def hook(key: str, now: dt.datetime) -> HookCard:
    """Raises UnknownHook."""
    rows = list(Hook.objects.filter(pk=key))
    if not rows:
        raise UnknownHook(hook=key)
    return _cards(rows, now)[0]


def sent_log(wanted: Wanted, page: int | str = 1) -> tuple[Page[Any], list[NoticeRow]]:
    """A page of the log, the newest first. An unknown page is the nearest there is."""
    found = Notice.objects.order_by("-made_at", "-id")
    if wanted.to:
        places = Hook.objects.filter(place__icontains=wanted.to).values_list("id", flat=True)[:50]
        found = found.filter(Q(to__icontains=wanted.to) | Q(to__in=[str(place) for place in places]))
    if wanted.channel:
        found = found.filter(channel=wanted.channel)
    if wanted.state:
        found = found.filter(state=wanted.state)
    paged = Paginator(found.defer("body"), PER_PAGE).get_page(page)
    rows = list(paged)
    return paged, _rows(rows)


def group_preferences() -> list[str]:
    """The groups that have a word on how their members are told."""
    return sorted(NoticePreference.objects.filter(is_group=True).values_list("subject", flat=True))


def _cards(rows: Sequence[Hook], now: dt.datetime) -> list[HookCard]:
    names = [str(row.id) for row in rows]
    counts: dict[tuple[str, str], int] = {}
    for to, state in Notice.objects.filter(
        to__in=names, state__in=["waiting", "sending", "dead_letter"]
    ).values_list("to", "state"):
        counts[to, state] = counts.get((to, state), 0) + 1
    return [
        HookCard(
            id=str(row.id),
            kind=row.kind,
            place=row.place,
            state="active" if row.ended_at is None else "ended",
            topics=", ".join(row.topics),
            reason=row.reason,
            created_by=row.created_by,
            created_at=row.created_at,
            overlaps_until=row.overlaps_until if row.overlaps_until and row.overlaps_until > now else None,
            ended_by=row.ended_by,
            ended_at=row.ended_at,
            ended_because=row.ended_because,
            waiting=counts.get((str(row.id), "waiting"), 0) + counts.get((str(row.id), "sending"), 0),
            given_up=counts.get((str(row.id), "dead_letter"), 0),
        )
        for row in rows
    ]


def _rows(rows: Sequence[Notice]) -> list[NoticeRow]:
    hooks_named = {row.to for row in rows if row.channel in {"chat", "signed"}}
    places = {str(row.id): row.place for row in Hook.objects.filter(pk__in=hooks_named)}
    return [
        NoticeRow(
            id=row.pk,
            kind=row.reason if row.channel == "signed" else row.kind.replace("_", " "),
            to=visible(places.get(row.to, row.to)),
            channel=CHANNEL_WORDS[row.channel],
            via=VIA_WORDS[row.via],
            tier="" if row.channel == "signed" or row.kind == "test" else row.tier,
            state=row.state,
            state_words=STATE_WORDS[row.state],
            tries=row.tries,
            status=row.status,
            error=row.error,
            made_at=row.made_at,
            due_at=row.due_at,
            ended_at=row.ended_at,
            request=str(row.request or ""),
            run=str(row.run or ""),
            event=row.event,
        )
        for row in rows
    ]
