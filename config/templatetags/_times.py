"""Words for times and durations. The same words are in static/js/times.js, which keeps them moving."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime

MINUTE, HOUR, DAY = 60, 3600, 86400


def moment(value: object) -> datetime | None:
    """An aware datetime from a datetime or an ISO 8601 string; None when it is neither."""
    if isinstance(value, str):
        try:
            value = parse_datetime(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if timezone.is_aware(value) else timezone.make_aware(value)


def exact(value: datetime) -> str:
    """To the second, in the organisation's time zone, which is named."""
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S %Z")


def span(seconds: float) -> str:
    """A length of time in at most two units: 0.41 s, 12 s, 3 min 4 s, 2 h 5 min, 4 days."""
    seconds = abs(seconds)
    if seconds < 10:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min" + (f" {whole % MINUTE} s" if whole % MINUTE else "")
    if whole < DAY:
        minutes = whole % HOUR // MINUTE
        return f"{whole // HOUR} h" + (f" {minutes} min" if minutes else "")
    return _days(whole // DAY)


def relative(value: datetime, now: datetime) -> str:
    """How long ago, or in how long; the date itself once it is a month away."""
    seconds = (now - value).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    if abs(seconds) >= 30 * DAY:
        return timezone.localtime(value).strftime("%-d %b %Y")
    length = _coarse(int(abs(seconds)))
    return f"{length} ago" if seconds > 0 else f"in {length}"


def remaining(value: datetime, now: datetime) -> str:
    """What is left until a deadline, or for how long it has been over."""
    left: timedelta = value - now
    seconds = int(left.total_seconds())
    if seconds > 0:
        return f"{_fine(seconds)} left"
    return f"ended {_coarse(-seconds)} ago" if seconds < -4 else "ended just now"


def _coarse(seconds: int) -> str:
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < DAY:
        return f"{seconds // HOUR} h"
    return _days(seconds // DAY)


def _fine(seconds: int) -> str:
    if seconds < HOUR:
        return f"{seconds // MINUTE} min {seconds % MINUTE} s" if seconds >= MINUTE else f"{seconds} s"
    if seconds < DAY:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE} min"
    return f"{_days(seconds // DAY)} {seconds % DAY // HOUR} h"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
