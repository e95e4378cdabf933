"""From the log to notices: read past the place, plan, write one row for each notice. Nothing in a decision waits for it.

The place moves in the transaction that writes the rows. Each row is one event, person or hook and channel, so reading
from an older place writes nothing twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from approvals.domain import notices as n
from approvals.domain import notices_hooks
from approvals.models import Hook, Notice, NoticePlace
from approvals.queries import requests
from approvals.services.notifications import happened, open_pages, preferences
from orchestrator import dispatch
from orchestrator.domain import ids
from orchestrator.queries import feed
from orchestrator.queries.events import EventCard

log = structlog.get_logger(__name__)

READER = "notices"
AT_ONCE, ROUNDS = 200, 50
_OF_RUNS = ("run.", "action.")


def gather(now: dt.datetime) -> int:
    """Plan what the new events of the log lead to; returns how many notices. Two that gather at once wait in turn.

    On a new installation reading begins at the end of the log: nobody is told of the past.
    """
    made = 0
    for _ in range(ROUNDS):
        with transaction.atomic():
            place = NoticePlace.objects.select_for_update().filter(reader=READER).first()
            if place is None:
                start = feed.here()
                NoticePlace.objects.get_or_create(
                    reader=READER, defaults={"tx": start.tx, "stream": start.stream, "seq": start.seq}
                )
                return made
            before = feed.Place(place.tx, str(place.stream), place.seq)
            events, after = feed.since(before, limit=AT_ONCE)
            hooks = list(Hook.objects.filter(ended_at__isnull=True)) if events else []
            for event in events:
                made += _tell_of(event, hooks, now)
            _close_on_pages(events)
            if after != before:
                NoticePlace.objects.filter(reader=READER).update(
                    tx=after.tx, stream=after.stream, seq=after.seq
                )
        if len(events) < AT_ONCE:
            break
    return made


def _tell_of(event: EventCard, hooks: Sequence[Hook], now: dt.datetime) -> int:
    """The notices of one event. One that cannot be read keeps no other from being told."""
    try:
        with transaction.atomic():
            found = happened.of(event, now)
            rows = [row for one in found for row in _for_people(one, now)]
            rows += _for_hooks(event, found, hooks, now)
            return len(Notice.objects.bulk_create(rows, ignore_conflicts=True)) if rows else 0
    except Exception:
        log.exception("notice_not_planned", stream=event.stream, seq=event.seq, type=event.type)
        return 0


def _close_on_pages(events: Sequence[EventCard]) -> None:
    """Have the pages asked that show what these events answer or end, so that it closes there at once."""
    moved = {event.stream for event in events if event.type.startswith(("request.", "breakglass."))}
    if moved and (names := open_pages.shown_to(moved)):
        transaction.on_commit(lambda: dispatch.tell_people(names))


def _for_people(one: happened.Happened, now: dt.datetime) -> list[Notice]:
    found = preferences.reachable(one.people)
    last = _last(one.told, list(found)) if len(found) else {}
    recipients = [
        n.Recipient(
            name=person.name,
            channels=person.channels,
            preference=person.preference,
            last={
                channel: last[person.name, channel]
                for channel in n.PERSONAL
                if (person.name, channel) in last
            },
        )
        for person in found.values()
    ]
    return _rows(one, recipients, now)


def _for_hooks(
    event: EventCard, found: Sequence[happened.Happened], hooks: Sequence[Hook], now: dt.datetime
) -> list[Notice]:
    mine = [
        hook
        for hook in hooks
        if event.at >= hook.created_at and event.type in notices_hooks.events_of(hook.topics)
    ]
    rows: list[Notice] = []
    for one in found:
        chats = (
            [str(hook.id) for hook in mine if hook.kind == "chat"]
            if one.told.kind in notices_hooks.CHAT
            else []
        )
        last = _last(one.told, chats) if chats else {}
        recipients = [
            n.Recipient(
                name=name,
                channels=("chat",),
                last={"chat": last[name, "chat"]} if (name, "chat") in last else {},
            )
            for name in chats
        ]
        rows += _rows(one, recipients, now)
    signed = [hook for hook in mine if hook.kind == "signed"]
    if signed:
        told = n.Told(event=f"{event.stream}:{event.seq}", kind="event", tier="medium")
        payload = msgspec.json.decode(event.payload)
        known = found[0].told if found else told
        request = known.request or str(payload.get("request", ""))
        run = event.stream if event.type.startswith(_OF_RUNS) else requests.run_of(request)
        told = msgspec.structs.replace(told, request=request, run=run, agent=known.agent)
        for hook in signed:
            body = notices_hooks.body_of(
                delivery=ids.from_key("notice", f"{hook.id}.{event.stream}.{event.seq}"),
                event=event.type,
                at=event.at,
                run=run,
                seq=event.seq,
                actor=event.actor,
                payload=payload,
            )
            recipient = n.Recipient(name=str(hook.id), channels=("signed",))
            rows += _rows(
                happened.Happened(told, ()), [recipient], now, body=body.decode(), reason=event.type
            )
    return rows


def _rows(
    one: happened.Happened,
    recipients: Sequence[n.Recipient],
    now: dt.datetime,
    *,
    body: str = "",
    reason: str | None = None,
) -> list[Notice]:
    planned = n.plan(
        one.told,
        recipients,
        now=now,
        zone=timezone.get_default_timezone(),
        window=dt.timedelta(seconds=settings.NOTICE_WINDOW_SECONDS),
    )
    return [row_of(one, notice, now, body=body, reason=reason) for notice in planned]


def row_of(
    one: happened.Happened, notice: n.Planned, now: dt.datetime, *, body: str = "", reason: str | None = None
) -> Notice:
    """The row of one planned notice."""
    told = one.told
    return Notice(
        event=told.event,
        kind=told.kind,
        to=notice.to,
        channel=notice.channel,
        via=notice.via,
        tier=told.tier,
        request=told.request or None,
        run=told.run or None,
        agent=told.agent,
        decide_by=told.decide_by,
        by=one.by,
        reason=(one.reason if reason is None else reason)[:2000],
        body=body,
        due_at=notice.due_at,
        made_at=now,
    )


def _last(told: n.Told, names: Sequence[str]) -> dict[tuple[str, Any], dt.datetime]:
    """By recipient and channel, when they were last told, or are next, of this kind about this agent."""
    rows = (
        Notice.objects.filter(to__in=names, kind=told.kind, agent=told.agent)
        # What failed and waits for another try says nothing about when somebody was told.
        .filter(Q(state="sent") | Q(state="waiting", tries=0))
        .exclude(via__in=["quiet", "round_up"])
        .exclude(tier="critical")
        .values("to", "channel")
        .annotate(last=Max("due_at"))
    )
    return {(row["to"], row["channel"]): row["last"] for row in rows}
