"""Make, renew, test and end hooks. Who did it is a fact on the hook's stream; its address and secrets are sealed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import msgspec
from django.db import transaction

from approvals.domain import notices as n
from approvals.domain import notices_hooks as domain
from approvals.models import Hook, HookSecret, Notice
from approvals.services.notifications import gathering, happened, hook_rows, sealed
from orchestrator.adapters import outgoing
from orchestrator.domain import digests, errors
from orchestrator.services import journal

LONGEST_ADDRESS, LONGEST_REASON = 2000, 300


class UnknownHook(errors.NotFound):
    """There is no such hook. Choose one from the Outgoing page."""


@dataclass(frozen=True)
class HookMade:
    """A new or renewed hook. The secret is shown now; afterwards it can only be renewed. A chat has none."""

    id: str
    place: str
    secret: str


@dataclass(frozen=True)
class Opened:
    """What is needed to send: where, and the secrets that sign, the newest first."""

    url: str
    secrets: tuple[str, ...]


def create(*, kind: str, url: str, topics: Sequence[str], reason: str, by: Any, now: dt.datetime) -> HookMade:
    """Tell this address from now on. Raises UnreadableHook, AddressNotAllowed, PortFailure."""
    url, reason = url.strip(), reason.strip()
    if kind not in get_args(domain.HookKind) or not url or len(url) > LONGEST_ADDRESS:
        raise domain.UnreadableHook()
    if not topics or any(topic not in domain.TOPICS for topic in topics):
        raise domain.UnreadableHook("Choose at least one kind of event that it is told of.", field="topics")
    if not reason or len(reason) > LONGEST_REASON:
        raise domain.UnreadableHook("Say in one sentence what it is for.", field="reason")
    outgoing.check_url(url)
    fact = domain.HookCreated(
        hook=str(uuid.uuid4()),
        by=by.get_username(),
        at=now,
        kind=msgspec.convert(kind, domain.HookKind),
        place=domain.place_of(url),
        topics=tuple(topics),
        reason=reason,
    )
    secret = domain.new_secret() if kind == "signed" else ""
    with transaction.atomic():
        _record(fact)
        Hook.objects.create(**hook_rows.columns(fact))
        HookSecret.objects.create(
            hook=fact.hook, version=1, address=sealed.seal(url), secret=sealed.seal(secret)
        )
    return HookMade(fact.hook, fact.place, secret)


def renew(*, hook: str, by: Any, now: dt.datetime) -> HookMade:
    """Sign with another secret too. The one before signs beside it for a day. Raises EndedAlready."""
    with transaction.atomic():
        row = _locked(hook)
        if row.kind != "signed":
            raise domain.UnreadableHook(
                "A chat has no secret: its address is the key. End it and make a new one."
            )
        fact = domain.HookRenewed(
            hook=str(row.id),
            by=by.get_username(),
            at=now,
            version=row.version + 1,
            overlaps_until=now + domain.OVERLAP,
        )
        secret = domain.new_secret()
        _record(fact)
        Hook.objects.filter(pk=row.pk).update(**hook_rows.columns(fact))
        before = HookSecret.objects.get(hook=row.pk, version=row.version)
        HookSecret.objects.create(
            hook=row.pk, version=fact.version, address=before.address, secret=sealed.seal(secret)
        )
        HookSecret.objects.filter(hook=row.pk, version__lt=row.version).delete()
    return HookMade(str(row.id), row.place, secret)


def end(*, hook: str, reason: str, by: Any, now: dt.datetime) -> None:
    """Tell it nothing more, also not what waits. Raises EndedAlready, UnreadableHook."""
    reason = reason.strip()
    if not reason:
        raise domain.UnreadableHook("Say why it ends; the record keeps it.", field="reason")
    with transaction.atomic():
        row = _locked(hook)
        _end(row, by.get_username(), reason, now)


def gone(*, hook: str, now: dt.datetime) -> None:
    """It said itself that it is to be told nothing more."""
    with transaction.atomic():
        row = Hook.objects.select_for_update().filter(pk=hook, ended_at__isnull=True).first()
        if row is not None:
            _end(row, "system", "It answered 410 Gone.", now)


def want_test(*, hook: str, by: Any, now: dt.datetime) -> int:
    """A test notice for this hook, to be sent at once; returns its number. Raises EndedAlready."""
    with transaction.atomic():
        row = _locked(hook)
        event = f"test:{uuid.uuid4()}"
        told = n.Told(event=event, kind="test", tier="medium")
        channel: n.Channel = "signed" if row.kind == "signed" else "chat"
        body = domain.body_of(
            delivery=event.removeprefix("test:"),
            event="hook.tested",
            at=now,
            run="",
            seq=0,
            actor=f"user:{by.get_username()}",
            payload={},
        )
        one = happened.Happened(told, (), by.get_username(), "hook.tested")
        planned = n.Planned(to=str(row.id), channel=channel, due_at=now, via="now")
        notice = gathering.row_of(one, planned, now, body=body.decode() if channel == "signed" else "")
        notice.save()
    return int(notice.pk)


def open_hook(hook: Hook, now: dt.datetime) -> Opened:
    """Its address, and the secrets that sign now. Raises KeyLost."""
    rows = list(HookSecret.objects.filter(hook=hook.pk).order_by("-version"))
    if not rows:
        raise sealed.KeyLost()
    overlaps = hook.overlaps_until is not None and now < hook.overlaps_until
    valid = rows[:2] if overlaps else rows[:1]
    return Opened(sealed.unseal(rows[0].address), tuple(sealed.unseal(row.secret) for row in valid))


def reseal_all() -> int:
    """Seal everything with the newest key; returns how many secrets."""
    with transaction.atomic():
        rows = list(HookSecret.objects.select_for_update())
        for row in rows:
            HookSecret.objects.filter(pk=row.pk).update(
                address=sealed.reseal(row.address), secret=sealed.reseal(row.secret)
            )
    return len(rows)


def _end(row: Hook, by: str, reason: str, now: dt.datetime) -> None:
    fact = domain.HookEnded(hook=str(row.id), by=by, at=now, reason=reason)
    _record(fact)
    Hook.objects.filter(pk=row.pk).update(**hook_rows.columns(fact))
    HookSecret.objects.filter(hook=row.pk).delete()
    waits = Notice.objects.filter(to=str(row.id), state="waiting")
    waits.update(state="dropped", error="The hook was ended.", ended_at=now)


def _locked(hook: str) -> Hook:
    row = Hook.objects.select_for_update().filter(pk=hook).first()
    if row is None:
        raise UnknownHook(hook=hook)
    if row.ended_at is not None:
        raise domain.EndedAlready()
    return row


def _record(fact: domain.HookFact) -> None:
    payload = msgspec.json.decode(digests.encode(fact))
    by = fact.by if fact.by == "system" else f"user:{fact.by}"
    journal.record(kind="approval", stream=fact.hook, facts=[(fact.TYPE, payload)], by=by, now=fact.at)
