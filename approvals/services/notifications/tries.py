"""The rows of notices on their way: taken by one sender for a while, then sent, dropped, tried again or given up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import cast

from django.db import transaction
from django.db.models import Case, Q, QuerySet, Value, When

from approvals.domain import notices as n
from approvals.domain.terms import Tier
from approvals.models import Notice
from orchestrator.domain import errors

AT_ONCE = 300
# How long a sender has before another one may try, and how long what ended is kept.
HELD = dt.timedelta(minutes=2)
KEPT = dt.timedelta(days=90)
MOST_ERROR = 500


class NotGivenUp(errors.Refused):
    """Only what was given up can be tried again by hand. Reload to see where it stands."""


def take(channels: Sequence[n.Channel], now: dt.datetime) -> list[tuple[Notice, ...]]:
    """What is due, as it travels together, the most urgent first. It is this sender's for a while."""
    first = Case(
        When(kind="break_glass", then=Value(0)), When(tier="critical", then=Value(0)), default=Value(1)
    )
    with transaction.atomic():
        rows = list(
            Notice.objects.select_for_update(skip_locked=True)
            .filter(state__in=["waiting", "sending"], due_at__lte=now, channel__in=list(channels))
            .order_by(first, "due_at", "id")[:AT_ONCE]
        )
        waiting = [_waiting(row) for row in rows]
        for row in rows:
            row.tries += 1
        Notice.objects.bulk_update(rows, ["tries"])
        Notice.objects.filter(pk__in=[row.pk for row in rows]).update(state="sending", due_at=now + HELD)
    known = {row.pk: row for row in rows}
    return [tuple(known[one.id] for one in bundle) for bundle in n.bundles(waiting)]


def take_one(notice: int, now: dt.datetime) -> tuple[Notice, ...]:
    """This one alone, if it waits; nothing when another sender has it."""
    with transaction.atomic():
        row = Notice.objects.select_for_update(skip_locked=True).filter(pk=notice, state="waiting").first()
        if row is None:
            return ()
        row.tries += 1
        row.state, row.due_at = "sending", now + HELD
        row.save(update_fields=["tries", "state", "due_at"])
    return (row,)


def sent(rows: Sequence[Notice], *, now: dt.datetime, message: str, status: int | None = None) -> None:
    """They have reached whom they were for, in this message."""
    _mine(rows).update(state="sent", status=status, error="", message=message, due_at=now, ended_at=now)


def dropped(rows: Sequence[Notice], *, now: dt.datetime, why: str) -> None:
    """There is nothing to tell any more."""
    _mine(rows).update(state="dropped", error=why, ended_at=now)


def failed(
    rows: Sequence[Notice],
    *,
    now: dt.datetime,
    why: str,
    status: int | None = None,
    is_final: bool = False,
) -> None:
    """It did not arrive: again later, or given up."""
    why = why.replace("\0", "\ufffd")[:MOST_ERROR]
    for row in rows:
        wait = None if is_final else n.next_try(row.tries)
        if wait is None:
            _mine([row]).update(state="dead_letter", status=status, error=why, ended_at=now)
        else:
            _mine([row]).update(
                state="waiting", status=status, error=why, due_at=now + dt.timedelta(seconds=wait)
            )


def put_back(rows: Sequence[Notice], *, now: dt.datetime) -> None:
    """They were not tried: as before, a moment later."""
    for row in rows:
        _mine([row]).update(state="waiting", tries=row.tries - 1, due_at=now + dt.timedelta(seconds=5))


def again(*, notice: int, now: dt.datetime) -> None:
    """Try a dead letter anew, from the first try on. Raises NotGivenUp."""
    found = Notice.objects.filter(pk=notice, state="dead_letter")
    if not found.update(state="waiting", tries=0, due_at=now, ended_at=None, via="now"):
        raise NotGivenUp()


def forget_old(now: dt.datetime) -> int:
    """Drop what ended long ago; returns how many."""
    return int(Notice.objects.filter(ended_at__lt=now - KEPT).delete()[0])


def _mine(rows: Sequence[Notice]) -> QuerySet[Notice]:
    """These rows while they are still this sender's: one that slept too long changes nothing."""
    held = Q(pk__in=[])
    for tries in {row.tries for row in rows}:
        held |= Q(tries=tries, pk__in=[row.pk for row in rows if row.tries == tries])
    return Notice.objects.filter(held, state="sending")


def _waiting(row: Notice) -> n.Waiting:
    # Cast and not converted: one row that a newer version wrote must not keep all others from being taken.
    return n.Waiting(
        id=row.pk,
        to=row.to,
        channel=cast(n.Channel, row.channel),
        kind=cast(n.Kind, row.kind),
        tier=cast(Tier, row.tier),
        agent=row.agent,
        via=cast(n.Via, row.via),
        due_at=row.due_at,
        decide_by=row.decide_by,
    )
