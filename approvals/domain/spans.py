"""Lengths of time in words, for sentences that people read later: "15 minutes", "4 seconds ago"."""

from __future__ import annotations

import datetime as dt

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def in_words(length: dt.timedelta | float) -> str:
    """A length in its largest whole unit, "90 minutes" when it does not divide into hours."""
    seconds = int(length.total_seconds() if isinstance(length, dt.timedelta) else length)
    for size, unit in _UNITS:
        if seconds >= size and (seconds % size == 0 or seconds >= 10 * size):
            count = seconds // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"


def exactly(seconds: int) -> str:
    """A length in its largest unit that divides it, so that two different lengths never read alike."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0 and (seconds or size == 1))
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"


def ago(moment: dt.datetime, now: dt.datetime) -> str:
    """How long ago something was, in one coarse unit."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < 2:
        return "just now"
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'} ago"
