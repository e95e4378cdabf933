"""What is due becomes parcels: complete messages that an adapter can send without asking anybody.

Everything is looked at again at this moment: who may no longer be asked is not asked, and what was decided meanwhile
asks nobody.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec
import structlog
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from approvals.domain import notices as n
from approvals.domain import notices_hooks, notices_words, record
from approvals.domain.visible import visible
from approvals.models import Hook, Notice, SignOff
from approvals.queries import delegations, people, requests
from approvals.services import silence
from approvals.services.delegations import UnknownDelegation
from approvals.services.notifications import hooks, preferences, tries
from orchestrator.domain import errors
from orchestrator.queries import runs

log = structlog.get_logger(__name__)

ANSWERED = "It was decided before this was sent."
NO_LONGER = "This person is no longer asked."


@dataclass(frozen=True)
class Parcel:
    """One message to one place. `lane` is what a failure of the other side holds up: a mail server, a hook."""

    rows: tuple[Notice, ...]
    lane: str
    message: str
    address: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    secrets: tuple[str, ...] = ()
    body: bytes = b""


def pack(bundles: Sequence[tuple[Notice, ...]], now: dt.datetime) -> list[Parcel]:
    """The parcels of these bundles. What need not be told any more is dropped here."""
    looked = _Looked(now)
    found = []
    for bundle in bundles:
        try:
            parcel = _pack(bundle, looked)
        except errors.CountersignError as error:
            tries.failed(bundle, now=now, why=error.message)
            continue
        except Exception:
            log.exception("notice_not_packed", notices=[row.pk for row in bundle])
            tries.failed(
                bundle, now=now, why="It could not be put into words. The log of the ticker says why."
            )
            continue
        if parcel is not None:
            found.append(parcel)
    return found


class _Looked:
    """What was looked up while packing: each request and person once."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now
        self._requests: dict[str, record.Request] = {}
        self._awaited: dict[str, frozenset[str]] = {}
        self._people: dict[str, preferences.Reachable | None] = {}

    def request(self, key: str) -> record.Request:
        if key not in self._requests:
            self._requests[key] = requests.load(key)
        return self._requests[key]

    def awaited(self, key: str) -> frozenset[str]:
        if key not in self._awaited:
            self._awaited[key] = frozenset(silence.awaited(self.request(key), self.now))
        return self._awaited[key]

    def person(self, name: str) -> preferences.Reachable | None:
        if name not in self._people:
            self._people[name] = preferences.reachable([name]).get(name)
        return self._people[name]


def _pack(bundle: tuple[Notice, ...], looked: _Looked) -> Parcel | None:
    channel, to, now = bundle[0].channel, bundle[0].to, looked.now
    if channel in n.PERSONAL:
        person = looked.person(to)
        if person is None or (channel == "mail" and not person.address):
            tries.dropped(bundle, now=now, why=NO_LONGER)
            return None
    rows = _still_told(bundle, looked)
    if not rows:
        return None
    message_id = _message_id(rows)
    if channel == "browser":
        return Parcel(rows, "browser", message_id)
    if channel in {"chat", "signed"}:
        hook = Hook.objects.filter(pk=to, ended_at__isnull=True).first()
        if hook is None:
            tries.dropped(rows, now=now, why="The hook was ended.")
            return None
        opened = hooks.open_hook(hook, now)
        body = (
            rows[0].body.encode()
            if channel == "signed"
            else notices_hooks.chat_body(message_of(rows, looked), correlation=_correlation(rows))
        )
        return Parcel(rows, to, message_id, url=opened.url, secrets=opened.secrets, body=body)
    assert person is not None
    message = message_of(rows, looked)
    footer = f"Nothing is decided by this mail or its links. How you are told: {absolute('approvals:notifications')}"
    return Parcel(
        rows,
        "mail",
        message_id,
        address=person.address,
        subject=message.subject,
        text=notices_words.text_of(message, footer),
        html=render_to_string(
            "approvals/mail/notice.html",
            {"message": message, "settings_url": absolute("approvals:notifications")},
        ),
        headers=_thread(rows, message_id),
    )


def _still_told(bundle: tuple[Notice, ...], looked: _Looked) -> tuple[Notice, ...]:
    kept, decided, other = [], [], []
    for row in bundle:
        if row.kind not in n.OPEN_ONLY:
            kept.append(row)
        elif looked.request(str(row.request)).status != "pending":
            decided.append(row)
        elif (
            row.kind in n.ASKS
            and row.channel in n.PERSONAL
            and row.to not in looked.awaited(str(row.request))
        ):
            other.append(row)
        else:
            kept.append(row)
    if decided:
        tries.dropped(decided, now=looked.now, why=ANSWERED)
    if other:
        tries.dropped(other, now=looked.now, why=NO_LONGER)
    return tuple(kept)


def message_of(rows: Sequence[Notice], looked: _Looked) -> notices_words.Wording:
    """The words of these notices."""
    return notices_words.compose(
        [_line(row, looked) for row in rows],
        now=looked.now,
        zone=timezone.get_default_timezone(),
        url=absolute("approvals:inbox"),
    )


def messages_for_pages(bundles: Sequence[Sequence[Notice]], now: dt.datetime) -> list[notices_words.Wording]:
    """The words of what an open page shows."""
    looked = _Looked(now)
    return [message_of(rows, looked) for rows in bundles]


def absolute(name: str, *args: object) -> str:
    """An address as it works from outside."""
    return settings.PUBLIC_URL.rstrip("/") + reverse(name, args=args)


def _line(row: Notice, looked: _Looked) -> notices_words.Line:
    kind = msgspec.convert(row.kind, n.Kind)
    if kind == "test":
        return notices_words.Line(
            kind=kind,
            sentence="Countersign can reach this place.",
            tier="low",
            url=absolute("approvals:inbox"),
            by=row.by,
        )
    if kind in {"account", "account_of"}:
        return notices_words.Line(
            kind=kind,
            sentence=row.reason,
            tier="high",
            url=absolute("mfa_index" if kind == "account" else "people"),
            by="" if row.by == "system" else people.name_of(row.by),
        )
    if kind in {"stands_in", "stands_in_ended"}:
        return _stand_in(row, kind)
    if row.request is None:
        card = runs.run_card(str(row.run))
        return notices_words.Line(
            kind=kind,
            sentence=visible(card.name),
            tier="high",
            url=settings.PUBLIC_URL.rstrip("/") + reverse("monitoring:run", args=[card.id]),
            workflow=card.workflow,
            reason=row.reason,
        )
    found = looked.request(str(row.request))
    opened = found.opened
    return notices_words.Line(
        kind=kind,
        sentence=opened.sentence,
        tier=opened.tier,
        url=absolute("approvals:case", opened.request),
        agent=opened.agent,
        workflow=opened.workflow,
        digest=opened.digest,
        status=_decision(row),
        decide_by=opened.decide_by,
        by=people.name_of(row.by) if row.by and row.by != "system" else "",
        reason=row.reason,
    )


def _stand_in(row: Notice, kind: n.Kind) -> notices_words.Line:
    known = delegations.find(row.event.partition(":")[0])
    if known is None:
        raise UnknownDelegation()
    return notices_words.Line(
        kind=kind,
        sentence=notices_words.stand_in(
            person=people.name_of(known.person),
            delegate=people.name_of(known.delegate) if known.delegate else "",
            is_leave=known.is_leave,
            starts_at=known.starts_at,
            until=known.until,
            zone=timezone.get_default_timezone(),
        ),
        tier="medium",
        url=absolute("approvals:delegations"),
        by=people.name_of(row.by),
        reason=row.reason,
    )


def _decision(row: Notice) -> str:
    """In a word how a request was decided by the event that this notice tells of."""
    if row.kind != "decided":
        return ""
    by = SignOff.objects.filter(request=row.request, reviewer=row.by, retracted_at__isnull=True).first()
    return "rejected" if by is not None and by.verb == "reject" else "approved"


def _message_id(rows: Sequence[Notice]) -> str:
    """The same at every try of the same notices, so that a receiver can tell repeats."""
    made = hashlib.sha256("|".join(f"{row.event} {row.to}" for row in rows).encode()).hexdigest()[:32]
    return f"<{made}@{urlsplit(settings.PUBLIC_URL).hostname or 'countersign'}>"


def _thread(rows: Sequence[Notice], message_id: str) -> dict[str, str]:
    """Headers of a mail. What follows on a request answers the first mail about it."""
    headers = {"Message-ID": message_id, "Auto-Submitted": "auto-generated"}
    asked = [row.request for row in rows if row.request is not None]
    before = (
        Notice.objects.filter(request__in=asked, to=rows[0].to, channel="mail", state="sent")
        .exclude(message__in=["", message_id])
        .order_by("ended_at", "id")
        .values_list("message", flat=True)
    )
    known = list(dict.fromkeys(before))[:20]
    if known:
        headers["In-Reply-To"] = known[0]
        headers["References"] = " ".join(known)
    return headers


def _correlation(rows: Sequence[Notice]) -> str:
    return str(rows[0].request or rows[0].run or rows[0].event)
