"""What an event of the log means for those who are told: its kind, its request, and which people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec
from django.contrib.auth import get_user_model

from approvals.domain import accounts, delegations, happenings, record
from approvals.domain import notices as n
from approvals.models import Notice
from approvals.queries import delegations as known_delegations
from approvals.queries import pools, requests
from approvals.services import silence
from orchestrator.domain import errors
from orchestrator.domain import events as e
from orchestrator.queries.events import EventCard

OPERATORS = "operator"
_ENDINGS: dict[type[record.Closed], n.Kind] = {
    record.Expired: "expired",
    record.Withdrawn: "withdrawn",
    record.Superseded: "superseded",
    record.Revoked: "revoked",
    record.Staled: "stale",
    record.Lapsed: "lapsed",
}


@dataclass(frozen=True)
class Happened:
    """One thing to tell people of: what, and whom. `by` and `reason` are said in the notice."""

    told: n.Told
    people: tuple[str, ...]
    by: str = ""
    reason: str = ""


def of(event: EventCard, now: dt.datetime) -> list[Happened]:
    """What this event is to people; nothing for most events. The people are those of this moment."""
    if event.type.startswith("run."):
        return _of_run(event)
    if event.type.startswith("delegation."):
        return _of_delegation(event)
    if event.type.startswith("person."):
        return _of_account(event)
    if not event.type.startswith(("request.", "breakglass.")):
        return []
    fact = record.decode(event.type, event.payload.encode())
    if fact is None:
        return []
    try:
        found = requests.load(fact.request)
    except errors.NotFound:
        return []
    return [one for one in _of_request(event, fact, found, now) if one.people or one.told.kind in n.ENDS]


def _of_request(
    event: EventCard, fact: record.Fact, found: record.Request, now: dt.datetime
) -> list[Happened]:
    if isinstance(fact, (record.Opened, happenings.Retracted)):
        return _asked(event, found, now)
    if isinstance(fact, record.Signed):
        if fact.outcome == "pending":
            return _asked(event, found, now)
        return [Happened(_told(event, "decided", found), followers(found), fact.person, fact.reason)]
    if isinstance(fact, happenings.Reminded):
        still = _asked(event, found, now, again=True)
        return [replace(one, told=_told(event, "reminded", found)) for one in still]
    if isinstance(fact, happenings.Escalated):
        return [Happened(_told(event, "escalated", found), fact.people, "", fact.reason)]
    if isinstance(fact, happenings.GlassBroken):
        told = _told(event, "break_glass", found)
        alarm = Happened(told, pools.administrators(), fact.person, fact.reason)
        if not fact.releases:
            return [alarm]
        return [
            alarm,
            Happened(_told(event, "decided", found), followers(found), fact.person, fact.reason),
        ]
    if isinstance(fact, record.Closed):
        return [Happened(_told(event, _ENDINGS[type(fact)], found), followers(found), fact.by, fact.reason)]
    return []


def _asked(
    event: EventCard, found: record.Request, now: dt.datetime, *, again: bool = False
) -> list[Happened]:
    """Those who may answer now and were not asked yet; with `again` all who have not answered."""
    if found.status != "pending":
        return []
    people = silence.awaited(found, now)
    if not again:
        asked = set(
            Notice.objects.filter(request=found.opened.request, kind="opened").values_list("to", flat=True)
        )
        people = tuple(name for name in people if name not in asked)
    return [Happened(_told(event, "opened", found), people, "", found.opened.explanation)]


def followers(found: record.Request) -> tuple[str, ...]:
    """Who started the run, and everybody whom a message about this request has reached."""
    told = Notice.objects.filter(
        request=found.opened.request, channel__in=n.PERSONAL, state__in=["sent", "sending"]
    )
    names = told.order_by("to").values_list("to", flat=True).distinct()
    return tuple(dict.fromkeys([found.opened.started_by, *names]))


def _of_run(event: EventCard) -> list[Happened]:
    body = event.body
    if isinstance(body, e.RunFailed):
        kind: n.Kind = "run_failed"
    elif isinstance(body, e.RunPaused) and body.fault:
        kind = "run_paused"
    else:
        return []
    told = n.Told(event=f"{event.stream}:{event.seq}", kind=kind, tier="high", run=event.stream)
    return [Happened(told, _members(OPERATORS), "", body.reason)]


def _of_delegation(event: EventCard) -> list[Happened]:
    fact = delegations.decode(event.type, event.payload.encode())
    known = known_delegations.find(event.stream)
    if fact is None or known is None:
        return []
    is_set = isinstance(fact, delegations.DelegationSet)
    kind: n.Kind = "stands_in" if is_set else "stands_in_ended"
    told = n.Told(event=f"{event.stream}:{event.seq}", kind=kind, tier="medium")
    by = known.set_by if is_set else known.ended_by
    return [Happened(told, delegations.told(fact, known), by, known.reason if is_set else "")]


def _of_account(event: EventCard) -> list[Happened]:
    facts = msgspec.json.decode(event.payload)
    found = accounts.change(event.type, facts if isinstance(facts, dict) else {}, actor=event.actor)
    if found is None:
        return []
    place = f"{event.stream}:{event.seq}"
    by = found.by or "system"
    own = n.Told(event=place, kind="account", tier="high")
    told = [Happened(own, (found.person,), by, found.own)]
    if found.of:
        others = tuple(name for name in pools.administrators() if name not in {found.by, found.person})
        told.append(Happened(n.Told(event=place, kind="account_of", tier="high"), others, by, found.of))
    return told


def _told(event: EventCard, kind: n.Kind, found: record.Request) -> n.Told:
    opened = found.opened
    return n.Told(
        event=f"{event.stream}:{event.seq}",
        kind=kind,
        tier=opened.tier,
        request=opened.request,
        run=opened.run,
        agent=opened.agent,
        decide_by=opened.decide_by,
        excluded=frozenset(one.person for one in opened.excluded),
    )


def _members(group: str) -> tuple[str, ...]:
    members: Iterable[str] = (
        get_user_model()
        .objects.filter(groups__name=group, is_active=True)
        .order_by("username")
        .values_list("username", flat=True)
    )
    return tuple(members)
