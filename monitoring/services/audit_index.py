"""Reads the log on into the entries by which events are found. It may lag, it never loses an event.

Off the path of whoever appends: a worker reads on every few seconds, and the Audit page before it answers.
"""

from __future__ import annotations

from typing import Any

import msgspec
from celery import current_app
from django.db import transaction

from monitoring.domain import audit_people, audit_words
from monitoring.models import AuditCursor, AuditEntry, AuditPerson
from orchestrator.queries import across
from orchestrator.queries.events import EventCard, Names

AT_ONCE = 2000
START = across.Cursor()
TASK = "monitoring.tasks.index_audit"


def catch_up(*, most: int = 20_000) -> int:
    """Read on by at most so many events; returns how many. While somebody else reads on, it does nothing."""
    done = 0
    while done < most:
        read = _step(min(AT_ONCE, most - done))
        done += read
        if read < AT_ONCE:
            break
    return done


def hand_out() -> None:
    """Let a worker read on when there is something: the ticker must go on ringing. A worker that comes too late
    need not come at all."""
    row = AuditCursor.objects.filter(pk=1).first()
    if across.waiting_since(across.Cursor(row.tx, str(row.stream), row.seq) if row else START):
        current_app.send_task(TASK, queue="watch", expires=30)


def start_again() -> None:
    """Forget all entries, so that they are made from the log anew."""
    with transaction.atomic():
        list(AuditCursor.objects.select_for_update())
        AuditEntry.objects.all().delete()
        AuditPerson.objects.all().delete()
        AuditCursor.objects.update(tx=START.tx, stream=START.stream, seq=START.seq)


def forget(streams: list[str]) -> None:
    """Drop the entries of streams that were taken off the log."""
    AuditEntry.objects.filter(stream__in=streams).delete()
    AuditPerson.objects.filter(stream__in=streams).delete()


def _step(limit: int) -> int:
    AuditCursor.objects.get_or_create(pk=1, defaults={"stream": START.stream})
    with transaction.atomic():
        row = AuditCursor.objects.select_for_update(skip_locked=True).filter(pk=1).first()
        if row is None:
            return 0
        found, after = across.recorded_since(across.Cursor(row.tx, str(row.stream), row.seq), limit)
        if not found:
            return 0
        names = across.names_across([card for _, card in found])
        entries = [_entry(kind, card, names[card.stream]) for kind, card in found]
        people = [one for _, card in found for one in _people(card)]
        AuditEntry.objects.bulk_create(entries, batch_size=500, ignore_conflicts=True)
        AuditPerson.objects.bulk_create(people, batch_size=1000, ignore_conflicts=True)
        AuditCursor.objects.filter(pk=row.pk).update(tx=after.tx, stream=after.stream, seq=after.seq)
    return len(found)


def _entry(kind: str, card: EventCard, names: Names) -> AuditEntry:
    turn = names.turns.get(getattr(card.body, "turn", ""))
    action = names.actions.get(getattr(card.body, "action", ""))
    found = audit_words.found_by(
        stream=card.stream,
        type_=card.type,
        actor=card.actor,
        payload=_payload(card.payload),
        agent=action.agent if action else turn.agent if turn else "",
        tool=action.tool if action else "",
        target=action.target if action else "",
    )
    return AuditEntry(
        stream=card.stream, seq=card.seq, at=card.at, kind=kind, type=card.type, **found._asdict()
    )


def _people(card: EventCard) -> list[AuditPerson]:
    """Who acted and whom it is about, each once."""
    about = audit_people.named(card.type, _payload(card.payload))
    names = dict.fromkeys(filter(None, (audit_people.acted(card.actor), *about)))
    return [
        AuditPerson(stream=card.stream, seq=card.seq, at=card.at, person=name.replace("\x00", "\ufffd"))
        for name in names
    ]


def _payload(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        # Somebody changed it in the database. It is still found by the rest.
        return {}
