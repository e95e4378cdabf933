"""Lengths of time in words."""

from __future__ import annotations

import datetime as dt

import pytest

from approvals.domain import spans


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (300, "5 minutes"),
        (900, "15 minutes"),
        (5400, "90 minutes"),
        (14400, "4 hours"),
        (86400, "1 day"),
        (259200, "3 days"),
    ],
)
def test_a_length_is_said_in_its_largest_fitting_unit(seconds, words):
    assert spans.in_words(seconds) == words
    assert spans.in_words(dt.timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (1, "just now"), (4, "4 seconds ago"), (119, "1 minute ago"), (7200, "2 hours ago")],
)
def test_a_moment_is_said_as_how_long_ago(seconds, words):
    now = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)

    assert spans.ago(now - dt.timedelta(seconds=seconds), now) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (900, "15 minutes"),
        (901, "901 seconds"),
        (7200, "2 hours"),
        (129_600, "36 hours"),
        (604_800, "7 days"),
    ],
)
def test_a_length_is_said_exactly_in_the_largest_unit_that_divides_it(seconds, words):
    assert spans.exactly(seconds) == words
