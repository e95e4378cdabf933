"""What an open page of a person shows as notifications of the browser, past where that page stands."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from approvals.domain import notices as n
from approvals.models import Notice
from approvals.services.notifications import packing

AT_ONCE = 100


@dataclass(frozen=True)
class Shown:
    """One notification: `tag` names what it is about. `closes` says that an older one of that tag has had its day."""

    tag: str
    title: str
    text: str
    url: str
    closes: bool
    is_pressing: bool


@dataclass(frozen=True)
class News:
    """What is new for a page, and the place it stands at afterwards."""

    cursor: str
    shown: tuple[Shown, ...]


def news(*, person: str, after: str, now: dt.datetime) -> News:
    """What is new past a place. A page without a place begins now: it is told nothing of the past."""
    mine = Notice.objects.filter(to=person, channel="browser", state="sent")
    place = _read(after)
    if place is None:
        newest = mine.order_by("-ended_at", "-id").first()
        return News(_written(newest.ended_at, newest.pk) if newest and newest.ended_at else "0.0", ())
    moment, number = place
    rows = list(
        mine.filter(ended_at__gte=moment)
        .exclude(ended_at=moment, id__lte=number)
        .order_by("ended_at", "id")[:AT_ONCE]
    )
    if not rows:
        return News(after, ())
    bundles: dict[str, list[Notice]] = {}
    for row in rows:
        bundles.setdefault(row.message, []).append(row)
    groups = list(bundles.values())
    shown = [
        Shown(
            tag=str(group[0].request or group[0].run or group[0].event)
            if len(group) == 1
            else group[0].message,
            title=message.headline,
            text=", ".join(f"{label} {value}" for label, value in message.items[0].facts if label != "Digest")
            if len(group) == 1
            else f"{len(group)} in all",
            url=message.url,
            closes=len(group) == 1 and group[0].kind in n.ENDS,
            is_pressing=any(row.tier == "critical" or row.kind == "break_glass" for row in group),
        )
        for group, message in zip(groups, packing.messages_for_pages(groups, now), strict=True)
    ]
    last = rows[-1]
    assert last.ended_at is not None
    return News(_written(last.ended_at, last.pk), tuple(shown))


def _written(moment: dt.datetime, number: int) -> str:
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return f"{since // dt.timedelta(microseconds=1)}.{number}"


def _read(cursor: str) -> tuple[dt.datetime, int] | None:
    moment, _, number = cursor.partition(".")
    if not (moment.isdecimal() and number.isdecimal() and len(moment) < 17 and len(number) < 19):
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(moment)), int(number)
