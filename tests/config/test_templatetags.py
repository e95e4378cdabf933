"""The tags and filters of the pages: what they show of what they are given, hostile or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from config.templatetags import _hidden, _times, countersign

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("82000.00", "EUR", "82,000.00&nbsp;EUR"),
        ("0.1", "BTC", "0.1&nbsp;BTC"),
        ("-1234567.891", "USD", "-1,234,567.891&nbsp;USD"),
        (1200, "JPY", "1,200&nbsp;JPY"),
        ({"amount": "5.00", "currency": "CHF"}, "", "5.00&nbsp;CHF"),
        ("1e3", "EUR", "1,000&nbsp;EUR"),
        ("NaN", "EUR", "NaN&nbsp;EUR"),
        ("1e999999", "EUR", "1e999999&nbsp;EUR"),
        ("<b>", "\u202eRUE", "&lt;b&gt;&nbsp;"),
    ],
)
def test_money_is_grouped_and_never_rounded(amount: object, currency: str, shown: str) -> None:
    assert shown in countersign.money(amount, currency)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (4, "just now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7199, "1 h ago"),
        (86400, "1 day ago"),
        (3 * 86400, "3 days ago"),
        (40 * 86400, "14 Oct 2026"),
        (-90, "in 1 min"),
    ],
)
def test_times_are_relative(seconds: int, words: str) -> None:
    assert _times.relative(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (45, "45 s left"),
        (125, "2 min 5 s left"),
        (3840, "1 h 4 min left"),
        (90000, "1 day 1 h left"),
        (-2, "ended just now"),
        (-180, "ended 3 min ago"),
    ],
)
def test_deadlines_say_what_is_left(seconds: int, words: str) -> None:
    assert _times.remaining(NOW + timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.41, "0.41 s"), (12.7, "12 s"), (184, "3 min 4 s"), (7500, "2 h 5 min"), (90000, "1 day")],
)
def test_durations_have_at_most_two_units(seconds: float, words: str) -> None:
    assert countersign.duration(seconds) == words
    assert countersign.duration(timedelta(seconds=seconds)) == words


def test_a_time_keeps_the_exact_one_on_hover_and_for_machines() -> None:
    shown = countersign.ago(timezone.now() - timedelta(minutes=5))
    assert ">5 min ago</time>" in shown
    assert "data-ago" in shown
    assert "UTC" in shown


@pytest.mark.parametrize("value", ["yesterday <b>", None, 7, "2026-99-99T00:00:00Z"])
def test_what_is_no_time_is_shown_escaped(value: object) -> None:
    for shown in (countersign.ago(value), countersign.until(value), countersign.exactly(value)):
        assert "<" not in shown


@pytest.mark.parametrize(
    "character",
    ["\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\x1b", "\r", "\u00a0", "\u00ad", "\u2028", "\u3164", "\ufe0f",
     "\U000e0041", "\ue000", "\ud800", "\u115f", "\u061c"],
)  # fmt: skip
def test_a_hidden_character_is_shown_by_its_number(character: str) -> None:
    shown = countersign.visible(f"a{character}b")
    assert f">U+{ord(character):04X}</span>" in shown
    assert character not in shown
    shown.encode()


@pytest.mark.parametrize("text", ["plain", "Grüße, 北京 – “ok” …", "tabs\tand\nlines", "emoji 🙂", "नमस्ते"])
def test_what_can_be_read_stays_as_it_is(text: str) -> None:
    assert countersign.visible(text) == text.replace("'", "&#x27;")


def test_markup_is_escaped_around_hidden_characters() -> None:
    assert countersign.visible("<b>\u200b&").startswith("&lt;b&gt;<span")
    assert countersign.visible("\u200b&").endswith("&amp;")
    assert _hidden.name("\x00") == "character u+0000"


@pytest.mark.parametrize(
    ("state", "tone"),
    [("running", "running"), ("held", "waiting"), ("executed", "succeeded"), ("refused", "failed"),
     ("unconfirmed", "provisional"), ("expired", "withdrawn"), ("HOLD", "waiting"), ("<x>", "neutral")],
)  # fmt: skip
def test_a_state_has_its_colour_icon_and_word(state: str, tone: str) -> None:
    pill = countersign.state_pill(state)
    assert f"pill-{tone}" in pill
    assert "<svg" in pill
    assert "<x>" not in pill


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        ("0190163d-8694-739b-aea5-966c26f8ad91", "…26f8ad91"),
        ("7d793037-a076-4f2b-bf2e-1e1a1b2c3d4e", "7d793037"),
        ("sha256:9f86d081884c7d65", "9f86d081"),
        ("run-12", "run-12"),
    ],
)
def test_an_id_is_short_and_copied_whole(whole: str, shown: str) -> None:
    button = countersign.short_id(whole)
    assert f">{shown}</button>" in button
    assert f'data-copy="{whole}"' in button


def test_an_unknown_icon_is_a_circle_and_a_label_is_spoken() -> None:
    assert "#circle" in countersign.icon("no-such-icon")
    assert 'aria-hidden="true"' in countersign.icon("check")
    assert 'aria-label="Locked &amp; safe"' in countersign.icon("lock", "Locked & safe")


def test_every_icon_of_a_state_and_of_the_rail_exists() -> None:
    from config import roles
    from config.templatetags import _states

    names = (
        {icon for icon, _ in _states.TONES.values()} | set(_states.ICONS.values()) | {_states.NEUTRAL.icon}
    )
    assert names <= countersign.icon_names()
    assert {icon for _, _, _, icon in roles._RAIL} <= countersign.icon_names()


def test_a_sparkline_needs_two_values_and_may_be_flat() -> None:
    assert countersign.sparkline([1]) == ""
    assert "nan" not in countersign.sparkline([3, 3, 3], "steady")


def test_the_parts_render_inside_a_template() -> None:
    source = (
        '{% load countersign %}{% icon "inbox" %}{{ v|visible }}{% state_pill "held" %}'
        '{{ "g"|nav_key }}{{ 3|quorum_dots:1 }}'
    )
    shown = Template(source).render(Context({"v": "\u202e"}))
    assert "U+202E" in shown
    assert "[True, False, False]" in shown
