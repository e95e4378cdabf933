"""Notices: who is told what, over which channel, and when. Judgement only; reading and sending are elsewhere.

A notice is one telling of one event to one person or hook over one channel. What is critical goes at once, past quiet
hours and round-ups. Nobody who is part of an action is asked to approve it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from approvals.domain.terms import TIERS, Tier

Kind = Literal[
    "opened",
    "reminded",
    "escalated",
    "decided",
    "expired",
    "withdrawn",
    "superseded",
    "revoked",
    "stale",
    "lapsed",
    "break_glass",
    "run_failed",
    "run_paused",
    "stands_in",
    "stands_in_ended",
    "account",
    "account_of",
    "event",
    "test",
]
Channel = Literal["mail", "browser", "chat", "signed"]
# When a notice goes: at once, when the window of its agent is over, after quiet hours, with the next round-up.
Via = Literal["now", "window", "quiet", "round_up"]

# What asks somebody to decide. The rest tells what happened.
ASKS: frozenset[Kind] = frozenset({"opened", "reminded"})
# What is said only while the request is open.
OPEN_ONLY: frozenset[Kind] = ASKS | {"escalated"}
# The last word on a request, or on an approval.
ENDS: frozenset[Kind] = frozenset(
    {"decided", "expired", "withdrawn", "superseded", "revoked", "stale", "lapsed"}
)
# What goes at once and alone, whatever its tier and whatever somebody wishes.
PRESSING: frozenset[Kind] = frozenset({"break_glass", "account", "account_of", "test"})
CHANNELS: tuple[Channel, ...] = ("mail", "browser", "chat", "signed")
PERSONAL: tuple[Channel, ...] = ("mail", "browser")
# Tiers that may wait for a round-up.
PATIENT: tuple[Tier, ...] = ("medium", "low")
DAY = dt.timedelta(days=1)


class Preference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a person, or whoever is in a group, wants to be told. Critical is told whatever it says."""

    mail: tuple[Tier, ...] = TIERS
    browser: tuple[Tier, ...] = TIERS
    round_up: tuple[Tier, ...] = ("low",)
    round_up_at: dt.time = dt.time(8)
    quiet_from: dt.time | None = None
    quiet_until: dt.time | None = None

    def wants(self, channel: Channel, tier: Tier) -> bool:
        """Whether this channel tells of this tier. Hooks are told of all they asked for."""
        if tier == "critical" or channel not in PERSONAL:
            return True
        return tier in (self.mail if channel == "mail" else self.browser)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, as far as it matters for whom to tell. `event` is its place in the log: stream and number."""

    event: str
    kind: Kind
    tier: Tier
    request: str = ""
    run: str = ""
    agent: str = ""
    decide_by: dt.datetime | None = None
    excluded: frozenset[str] = frozenset()

    @property
    def is_pressing(self) -> bool:
        """Whether nothing may hold it up."""
        return self.tier == "critical" or self.kind in PRESSING


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A person or a hook, with the channels that reach them and how they want to be told.

    `last` gives by channel when they were last told, or are next, of the same kind about the same agent.
    """

    name: str
    channels: tuple[Channel, ...]
    preference: Preference = Preference()
    last: Mapping[Channel, dt.datetime] = {}


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One notice: to whom, over which channel, from which moment."""

    to: str
    channel: Channel
    due_at: dt.datetime
    via: Via


def plan(
    told: Told,
    recipients: Iterable[Recipient],
    *,
    now: dt.datetime,
    zone: dt.tzinfo,
    window: dt.timedelta,
) -> list[Planned]:
    """The notices of one event. Each person or hook stands in it once for each channel."""
    planned: dict[tuple[str, Channel], Planned] = {}
    for one in recipients:
        if told.kind in ASKS and one.name in told.excluded:
            continue
        for channel in one.channels:
            is_wanted = told.is_pressing or one.preference.wants(channel, told.tier)
            if (one.name, channel) in planned or not is_wanted:
                continue
            due_at, via = _moment(told, one, channel, now=now, zone=zone, window=window)
            planned[one.name, channel] = Planned(to=one.name, channel=channel, due_at=due_at, via=via)
    return list(planned.values())


def _moment(
    told: Told,
    one: Recipient,
    channel: Channel,
    *,
    now: dt.datetime,
    zone: dt.tzinfo,
    window: dt.timedelta,
) -> tuple[dt.datetime, Via]:
    if told.is_pressing or channel == "signed":
        return now, "now"
    wants = one.preference
    if channel in PERSONAL and told.tier in wants.round_up and told.tier in PATIENT:
        due = after_quiet(wants, next_at(wants.round_up_at, now, zone), zone)
        # A round-up that comes when the time to decide is over tells nobody anything.
        if told.decide_by is None or told.kind not in ASKS or due < told.decide_by:
            return due, "round_up"
    if channel in PERSONAL and (due := after_quiet(wants, now, zone)) > now:
        return due, "quiet"
    last = one.last.get(channel)
    if last is not None and now < last + window:
        due = last + window if last <= now else last
        later = after_quiet(wants, due, zone) if channel in PERSONAL else due
        return later, "quiet" if later > due else "window"
    return now, "now"


def next_at(time: dt.time, after: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """The next moment after another at which clocks of that time zone show this time."""
    day = after.astimezone(zone).date()
    moment = after
    while moment <= after:
        moment = dt.datetime.combine(day, time, tzinfo=zone).astimezone(dt.UTC)
        day += DAY
    return moment


def after_quiet(preference: Preference, at: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """The moment itself, or the end of the quiet hours that it falls in."""
    begin, end = preference.quiet_from, preference.quiet_until
    if begin is None or end is None or begin == end:
        return at
    clock = at.astimezone(zone).time()
    inside = begin <= clock < end if begin < end else clock >= begin or clock < end
    return _first_end(end, at, zone) if inside else at


def _first_end(end: dt.time, at: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """The next moment at which clocks show this time, also the second time in the night when they go back.

    A round-up comes once in that night, but quiet hours end at whichever of the two is next.
    """
    day = at.astimezone(zone).date()
    again = dt.datetime.combine(day, end, tzinfo=zone).replace(fold=1)
    moment = again.astimezone(dt.UTC)
    # In the night when clocks go forward a time may never be shown; then there is no second one either.
    is_shown = moment.astimezone(zone).time() == end
    first = next_at(end, at, zone)
    return min(first, moment) if is_shown and moment > at else first


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that is due, as far as it matters for what travels together."""

    id: int
    to: str
    channel: Channel
    kind: Kind
    tier: Tier
    agent: str
    via: Via
    due_at: dt.datetime
    decide_by: dt.datetime | None = None


def bundles(waiting: Sequence[Waiting]) -> list[tuple[Waiting, ...]]:
    """What travels in one message, the most urgent message first, and in each the most urgent notice first.

    A critical notice travels alone. What was held back for quiet hours or a round-up comes as one; else what an agent
    caused within its window does.
    """
    found: dict[tuple[object, ...], list[Waiting]] = {}
    for one in waiting:
        key: tuple[object, ...]
        if one.tier == "critical" or one.kind in PRESSING or one.channel == "signed":
            key = (one.id,)
        elif one.via in {"quiet", "round_up"}:
            key = (one.to, one.channel)
        else:
            key = (one.to, one.channel, one.kind, one.agent)
        found.setdefault(key, []).append(one)
    ordered = [tuple(sorted(group, key=_urgency)) for group in found.values()]
    return sorted(ordered, key=lambda group: (_rank(group[0]), group[0].due_at, group[0].id))


def _rank(one: Waiting) -> int:
    return 0 if one.kind == "break_glass" else TIERS.index(one.tier)


def _urgency(one: Waiting) -> tuple[int, dt.datetime, int]:
    return TIERS.index(one.tier), one.decide_by or dt.datetime.max.replace(tzinfo=dt.UTC), one.id


# After each failed try, how many seconds until the next; after the last one it is a dead letter.
RETRIES = (10, 60, 300, 1800, 7200, 21_600)


def next_try(tries: int) -> int | None:
    """Seconds until the next try after so many failed ones; None when it is given up."""
    return RETRIES[tries - 1] if 0 < tries <= len(RETRIES) else None


def tiers_from(names: Iterable[str]) -> tuple[Tier, ...]:
    """Names as tiers, the gravest first; what is no tier is left out."""
    wanted = set(names)
    return tuple(tier for tier in TIERS if tier in wanted)
