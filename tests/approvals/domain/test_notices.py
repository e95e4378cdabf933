"""Who is told when, over what: tables of moments, and what holds for every event and every wish."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.domain import notices as n
from approvals.domain.terms import TIERS

BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = dt.timedelta(minutes=2)
NIGHT = {"quiet_from": dt.time(22), "quiet_until": dt.time(7)}
SMALL_HOURS = {"quiet_from": dt.time(1), "quiet_until": dt.time(2, 30)}
Fields = dict[str, Any]


def at(text: str) -> dt.datetime:
    """A time in Berlin; `again` is the second time that clocks show it in the night when they go back."""
    shown = text.removesuffix(" again")
    fold = int(text.endswith(" again"))
    return dt.datetime.fromisoformat(shown).replace(tzinfo=BERLIN, fold=fold)


def told(**fields: Any) -> n.Told:
    return n.Told(**{"event": "s:1", "kind": "opened", "tier": "high", "agent": "treasurer", **fields})


def plan(event: n.Told, *recipients: n.Recipient, now: str) -> list[n.Planned]:
    return n.plan(event, recipients, now=at(now), zone=BERLIN, window=WINDOW)


def rosa(**fields: Any) -> n.Recipient:
    wants = {key: value for key, value in fields.items() if key not in {"channels", "last", "name"}}
    rest = {key: value for key, value in fields.items() if key not in wants}
    return n.Recipient(**{"name": "rosa", "channels": ("mail",), "preference": n.Preference(**wants), **rest})


@pytest.mark.parametrize(
    ("event", "wants", "now", "due", "via"),
    [
        ({}, {}, "2026-11-25 14:00", "2026-11-25 14:00", "now"),
        # Low waits for the round-up, the next morning when today's is over.
        ({"tier": "low"}, {}, "2026-11-25 14:00", "2026-11-26 08:00", "round_up"),
        ({"tier": "low"}, {}, "2026-11-25 07:00", "2026-11-25 08:00", "round_up"),
        ({"tier": "low"}, {"round_up": ()}, "2026-11-25 14:00", "2026-11-25 14:00", "now"),
        ({"tier": "medium"}, {}, "2026-11-25 14:00", "2026-11-25 14:00", "now"),
        ({"tier": "medium"}, {"round_up": ("medium",)}, "2026-11-25 14:00", "2026-11-26 08:00", "round_up"),
        # High never waits for a round-up, whatever was stored.
        ({"tier": "high"}, {"round_up": ("high",)}, "2026-11-25 14:00", "2026-11-25 14:00", "now"),
        # A round-up after the deadline would tell nobody anything.
        (
            {"tier": "low", "decide_by": "2026-11-26 07:59"},
            {},
            "2026-11-25 14:00",
            "2026-11-25 14:00",
            "now",
        ),
        # Quiet hours, over midnight and within a day; the end is no longer quiet.
        ({}, NIGHT, "2026-11-25 23:30", "2026-11-26 07:00", "quiet"),
        ({}, NIGHT, "2026-11-25 06:59", "2026-11-25 07:00", "quiet"),
        ({}, NIGHT, "2026-11-25 07:00", "2026-11-25 07:00", "now"),
        ({}, NIGHT, "2026-11-25 22:00", "2026-11-26 07:00", "quiet"),
        (
            {},
            {"quiet_from": dt.time(12), "quiet_until": dt.time(13)},
            "2026-11-25 12:30",
            "2026-11-25 13:00",
            "quiet",
        ),
        (
            {},
            {"quiet_from": dt.time(12), "quiet_until": dt.time(12)},
            "2026-11-25 12:00",
            "2026-11-25 12:00",
            "now",
        ),
        # A round-up in quiet hours comes when they are over.
        (
            {"tier": "low"},
            {**NIGHT, "round_up_at": dt.time(6)},
            "2026-11-25 14:00",
            "2026-11-26 07:00",
            "round_up",
        ),
        # The night in which clocks go back: 02:30 comes twice, and the first one is meant.
        (
            {"tier": "low"},
            {"round_up_at": dt.time(2, 30)},
            "2026-10-24 14:00",
            "2026-10-25 02:30",
            "round_up",
        ),
        # In that night quiet hours end at whichever 02:30 is next, not at that of the day after.
        ({}, SMALL_HOURS, "2026-10-25 02:10", "2026-10-25 02:30", "quiet"),
        ({}, SMALL_HOURS, "2026-10-25 02:10 again", "2026-10-25 02:30 again", "quiet"),
        ({}, SMALL_HOURS, "2026-10-25 02:40", "2026-10-25 02:40", "now"),
        ({}, NIGHT, "2026-10-24 23:00", "2026-10-25 07:00", "quiet"),
        # The night in which they go forward: 02:30 is never shown, and 03:30 stands in for it.
        ({}, SMALL_HOURS, "2026-03-29 01:20", "2026-03-29 03:30", "quiet"),
        ({}, NIGHT, "2026-03-28 23:00", "2026-03-29 07:00", "quiet"),
        # Critical and break-glass pass everything.
        ({"tier": "critical"}, {**NIGHT, "mail": ()}, "2026-11-25 23:30", "2026-11-25 23:30", "now"),
        (
            {"kind": "break_glass", "tier": "low"},
            {**NIGHT, "mail": ()},
            "2026-11-25 23:30",
            "2026-11-25 23:30",
            "now",
        ),
        ({"kind": "run_failed"}, NIGHT, "2026-11-25 23:30", "2026-11-26 07:00", "quiet"),
    ],
)
def test_when_a_person_is_told(event: Fields, wants: Fields, now: str, due: str, via: str) -> None:
    if "decide_by" in event:
        event = {**event, "decide_by": at(event["decide_by"])}
    [planned] = plan(told(**event), rosa(**wants), now=now)
    assert (planned.due_at.astimezone(dt.UTC), planned.via) == (at(due).astimezone(dt.UTC), via)


@pytest.mark.parametrize(
    ("last", "due", "via"),
    [
        ("2026-11-25 13:57", "2026-11-25 14:00", "now"),
        ("2026-11-25 13:59", "2026-11-25 14:01", "window"),
        ("2026-11-25 14:01", "2026-11-25 14:01", "window"),  # goes with the one that is planned already
    ],
)
def test_what_one_agent_causes_soon_after_waits_for_its_window(last: str, due: str, via: str) -> None:
    person = rosa(last={"mail": at(last)})
    [planned] = plan(told(), person, now="2026-11-25 14:00")
    assert (planned.due_at, planned.via) == (at(due), via)
    [critical] = plan(told(tier="critical"), person, now="2026-11-25 14:00")
    assert critical.due_at == at("2026-11-25 14:00")


def test_a_channel_that_is_off_for_a_tier_is_not_used() -> None:
    person = rosa(channels=("mail", "browser"), mail=("critical",), browser=("high",))
    assert [one.channel for one in plan(told(), person, now="2026-11-25 14:00")] == ["browser"]
    assert plan(told(tier="medium"), person, now="2026-11-25 14:00") == []


def test_hooks_know_neither_quiet_hours_nor_round_ups() -> None:
    chat = n.Recipient(name="h", channels=("chat",), preference=n.Preference(mail=(), **NIGHT))
    [planned] = plan(told(tier="low"), chat, now="2026-11-25 23:30")
    assert planned.via == "now"


# ---- what holds for everybody ----
times = st.times().map(lambda time: time.replace(second=0, microsecond=0))
tiers = st.lists(st.sampled_from(TIERS), unique=True).map(tuple)
preferences = st.builds(
    n.Preference,
    mail=tiers,
    browser=tiers,
    round_up=tiers,
    round_up_at=times,
    quiet_from=st.none() | times,
    quiet_until=st.none() | times,
)
moments = st.integers(0, 2 * 366 * 1440).map(
    lambda minutes: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
)
recipients = st.builds(
    n.Recipient,
    name=st.sampled_from(["rosa", "sam", "tia"]),
    channels=st.sampled_from([("mail", "browser"), ("browser",), ("chat",), ("signed",)]),
    preference=preferences,
    last=st.dictionaries(st.sampled_from(n.CHANNELS), moments, max_size=2),
)
events = st.builds(
    n.Told,
    event=st.just("s:1"),
    kind=st.sampled_from(["opened", "reminded", "escalated", "decided", "break_glass", "run_failed"]),
    tier=st.sampled_from(TIERS),
    agent=st.sampled_from(["a", "b"]),
    decide_by=st.none() | moments,
    excluded=st.frozensets(st.sampled_from(["rosa", "sam"])),
)


@given(events, st.lists(recipients, max_size=5), moments)
@settings(max_examples=60, deadline=None)
def test_critical_is_never_late_or_left_out_and_nobody_excluded_is_asked(
    event: n.Told, people: list[n.Recipient], now: dt.datetime
) -> None:
    planned = n.plan(event, people, now=now, zone=BERLIN, window=WINDOW)
    assert len({(one.to, one.channel) for one in planned}) == len(planned)
    assert all(one.due_at >= now for one in planned)
    if event.kind in n.ASKS:
        assert not event.excluded & {one.to for one in planned}
        assert all(
            one.due_at < event.decide_by for one in planned if one.via == "round_up" and event.decide_by
        )
    if event.tier == "critical":
        left_out = event.excluded if event.kind in n.ASKS else frozenset()
        reached = {
            (one.name, channel) for one in people for channel in one.channels if one.name not in left_out
        }
        assert {(one.to, one.channel) for one in planned} == reached
        assert all(one.due_at == now for one in planned)


waiting = st.builds(
    n.Waiting,
    id=st.integers(),
    to=st.sampled_from(["rosa", "sam"]),
    channel=st.sampled_from(n.CHANNELS),
    kind=st.sampled_from(["opened", "decided", "break_glass"]),
    tier=st.sampled_from(TIERS),
    agent=st.sampled_from(["a", "b"]),
    via=st.sampled_from(["now", "window", "quiet", "round_up"]),
    due_at=moments,
)


@given(st.lists(waiting, max_size=12, unique_by=lambda one: one.id))
@settings(max_examples=60, deadline=None)
def test_travelling_together_loses_nothing_mixes_nobody_and_leaves_critical_alone(
    rows: list[n.Waiting],
) -> None:
    groups = n.bundles(rows)
    assert sorted(one.id for group in groups for one in group) == sorted(one.id for one in rows)
    for group in groups:
        assert len({(one.to, one.channel) for one in group}) == 1
        if any(one.tier == "critical" or one.channel == "signed" for one in group):
            assert len(group) == 1
    ranks = [0 if group[0].kind == "break_glass" else TIERS.index(group[0].tier) for group in groups]
    assert ranks == sorted(ranks)


def test_a_flood_of_one_agent_is_one_message_and_the_critical_one_comes_first() -> None:
    now = at("2026-11-25 14:00")
    flood = [
        n.Waiting(
            id=i,
            to="rosa",
            channel="mail",
            kind="opened",
            tier="medium",
            agent="a",
            via="window",
            due_at=now,
        )
        for i in range(1000)
    ]
    critical = n.Waiting(
        id=5000,
        to="rosa",
        channel="mail",
        kind="opened",
        tier="critical",
        agent="a",
        via="now",
        due_at=now + WINDOW,
    )
    groups = n.bundles([*flood, critical])
    assert [len(group) for group in groups] == [1, 1000]
    assert groups[0] == (critical,)


@pytest.mark.parametrize(("tries", "wait"), [(1, 10), (2, 60), (6, 21_600), (7, None), (0, None)])
def test_tries_come_later_and_later_and_end(tries: int, wait: int | None) -> None:
    assert n.next_try(tries) == wait
