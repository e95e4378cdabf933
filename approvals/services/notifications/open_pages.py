"""What an open page of a person shows as notifications of the browser, past where that page stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from approvals.domain import notices as n
from approvals.models import ApprovalRequest, Notice, SignOff
from approvals.services.notifications import packing

AT_ONCE = 100
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


# A decision is looked for this much before the moment of the last look: it may have been committed since.
OVERLAP = dt.timedelta(seconds=60)
MOST_ENDED = 500


@dataclass(frozen=True)
class Shown:
    """One notification: `tag` names it, `requests` are those it is about. `closes` says that it tells an end."""

    tag: str
    requests: tuple[str, ...]
    title: str
    text: str
    url: str
    closes: bool
    is_pressing: bool


@dataclass(frozen=True)
class News:
    """What is new for a page, and the place it stands at afterwards.

    `ended` are requests that no longer ask this person anything, whatever was said of them: what shows one closes.
    """

    cursor: str
    shown: tuple[Shown, ...]
    ended: tuple[str, ...] = ()


def news(*, person: str, after: str, now: dt.datetime) -> News:
    """What is new past a place. A page without a place begins now: it is told nothing of the past."""
    mine = Notice.objects.filter(to=person, channel="browser", state="sent")
    place = _read(after)
    if place is None:
        newest = mine.order_by("-ended_at", "-id").first()
        begin = (newest.ended_at, newest.pk) if newest and newest.ended_at else (EPOCH, 0)
        return News(_written(*begin, now), ())
    moment, number, looked = place
    rows = list(
        mine.filter(ended_at__gte=moment)
        .exclude(ended_at=moment, id__lte=number)
        .order_by("ended_at", "id")[:AT_ONCE]
    )
    ended = _ended(person, looked)
    if not rows:
        return News(_written(moment, number, now), (), ended)
    bundles: dict[str, list[Notice]] = {}
    for row in rows:
        bundles.setdefault(row.message, []).append(row)
    asked = _asked(person, rows)
    groups = [group for group in bundles.values() if not _has_closed(group, asked)]
    shown = [
        Shown(
            tag=str(group[0].request or group[0].run or group[0].event)
            if len(group) == 1
            else group[0].message,
            requests=tuple(dict.fromkeys(str(row.request) for row in group if row.request)),
            title=message.headline,
            text=", ".join(f"{label} {value}" for label, value in message.items[0].facts if label != "Digest")
            if len(group) == 1
            else f"{len(group)} in all",
            url=message.url,
            closes=all(row.kind in n.ENDS for row in group),
            is_pressing=any(row.tier == "critical" or row.kind == "break_glass" for row in group),
        )
        for group, message in zip(groups, packing.messages_for_pages(groups, now), strict=True)
    ]
    last = rows[-1]
    assert last.ended_at is not None
    return News(_written(last.ended_at, last.pk, now), tuple(shown), ended)


def _asked(person: str, rows: Iterable[Notice]) -> frozenset[str]:
    """Which requests of these this person was asked about here."""
    told = Notice.objects.filter(to=person, channel="browser", state="sent", kind__in=n.OPEN_ONLY)
    found = told.filter(request__in=[row.request for row in rows if row.kind in n.ENDS and row.request])
    return frozenset(map(str, found.values_list("request", flat=True)))


def _has_closed(group: Iterable[Notice], asked: frozenset[str]) -> bool:
    """Whether all that it tells is the end of what this person was asked here: that closes, and needs no word."""
    return all(row.kind in n.ENDS and str(row.request) in asked for row in group)


def shown_to(requests: Iterable[str]) -> list[str]:
    """Whose pages were told in the browser of any of these requests."""
    told = Notice.objects.filter(request__in=list(requests), channel="browser", state="sent")
    return sorted(set(told.values_list("to", flat=True)))


def _ended(person: str, looked: dt.datetime) -> tuple[str, ...]:
    """What this person was asked here, and was decided, or answered by themselves, since the last look."""
    asked = Notice.objects.filter(
        to=person, channel="browser", state="sent", kind__in=n.OPEN_ONLY, request__isnull=False
    ).values("request")
    since = max(looked - OVERLAP, EPOCH)
    decided = ApprovalRequest.objects.filter(pk__in=asked, decided_at__gte=since).exclude(status="pending")
    answered = SignOff.objects.filter(
        request__in=asked, reviewer=person, decided_at__gte=since, retracted_at__isnull=True
    )
    found = [
        *decided.order_by("-decided_at").values_list("pk", flat=True)[:MOST_ENDED],
        *answered.order_by("-decided_at").values_list("request", flat=True)[:MOST_ENDED],
    ]
    return tuple(dict.fromkeys(map(str, found)))


def _written(moment: dt.datetime, number: int, looked: dt.datetime) -> str:
    return f"{_micros(moment)}.{number}.{_micros(looked)}"


def _micros(moment: dt.datetime) -> int:
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def _read(cursor: str) -> tuple[dt.datetime, int, dt.datetime] | None:
    parts = cursor.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts):
        return None
    if len(parts[0]) > 16 or len(parts[1]) > 18 or len(parts[2]) > 16:
        return None
    moment, number, looked = map(int, parts)
    return EPOCH + dt.timedelta(microseconds=moment), number, EPOCH + dt.timedelta(microseconds=looked)
