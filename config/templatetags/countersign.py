"""The tags and filters of the pages: icons, states, amounts, times, ids, and text made safe to read.

Everything given to them is untrusted: each result is escaped; what cannot be read is shown as it is.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from config.templatetags import _hidden, _times
from config.templatetags._states import tone_of

register = template.Library()
SPRITE = Path(__file__).resolve().parents[2] / "static" / "vendor" / "icons.svg"
NAV_KEYS = {
    "Overview": "g o", "Runs": "g r", "Inbox": "g i", "Alerts": "g l", "Workflows": "g w",
    "Agents": "g a", "People": "g p",
}  # fmt: skip


@cache
def icon_names() -> frozenset[str]:
    """The names of the icons that the sprite holds."""
    return frozenset(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text(encoding="utf-8")))


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """An icon of the sprite: decorative, unless it is given a label. An unknown name shows a circle."""
    known = name if name in icon_names() else "circle"
    meaning = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    classes = f"icon {css}".strip()
    return format_html(
        '<svg class="{}" {} focusable="false"><use href="{}#{}"/></svg>',
        classes, meaning, static("vendor/icons.svg"), known,
    )  # fmt: skip


@register.simple_tag
def state_pill(state: object, label: str = "", detail: str = "") -> SafeString:
    """A state as colour, icon and word. `label` replaces the word, `detail` is said on hover."""
    shown = tone_of(state)
    word = label or str(state).replace("_", " ")
    title = format_html(' title="{}"', detail) if detail else ""
    return format_html(
        '<span class="pill pill-{}" data-state="{}"{}>{}<span>{}</span></span>',
        shown.tone, state, title, icon(shown.icon), word,
    )  # fmt: skip


@register.filter
def tone(state: object) -> str:
    """The colour's name of a state: running, waiting, succeeded, failed, provisional, withdrawn, neutral."""
    return tone_of(state).tone


@register.filter
def state_icon(state: object) -> str:
    """The icon's name of a state, for {% icon state|state_icon %}."""
    return tone_of(state).icon


@register.filter
def money(amount: object, currency: str = "") -> SafeString | str:
    """An amount with grouped thousands and its currency: 82,000.00 EUR. Decimals stay as they were given."""
    if isinstance(amount, Mapping):
        currency, amount = str(amount.get("currency", currency)), amount.get("amount", "")
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        value = Decimal("nan")
    figure = f"{value:,f}" if value.is_finite() and value.adjusted() < 40 else str(amount)
    return format_html(
        '<span class="money">{}{}</span>',
        visible(figure),
        format_html("&nbsp;{}", visible(currency)) if currency else "",
    )


@register.filter
def ago(value: object) -> SafeString | str:
    """A time as how long ago, with the exact one on hover. Kept moving by times.js."""
    when = _times.moment(value)
    if when is None:
        return conditional_escape("" if value is None else str(value))
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        when.isoformat(), _times.exact(when), _times.relative(when, timezone.now()),
    )  # fmt: skip


@register.filter
def until(value: object) -> SafeString | str:
    """A deadline as what is left of it, with the exact time on hover. Kept moving by times.js."""
    when = _times.moment(value)
    if when is None:
        return conditional_escape("" if value is None else str(value))
    return format_html(
        '<time datetime="{}" title="{}" data-until>{}</time>',
        when.isoformat(), _times.exact(when), _times.remaining(when, timezone.now()),
    )  # fmt: skip


@register.filter
def exactly(value: object) -> SafeString | str:
    """A time to the second in the organisation's time zone."""
    when = _times.moment(value)
    if when is None:
        return conditional_escape("" if value is None else str(value))
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), _times.exact(when))


@register.filter
def duration(value: object) -> str:
    """Seconds or a timedelta as a length of time in at most two units."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    return _times.span(float(value)) if isinstance(value, int | float | Decimal) else ""


@register.filter
def short_id(value: object) -> SafeString | str:
    """Eight telling characters of an id or digest; the whole of it is copied on click."""
    whole = str(value or "")
    if not whole:
        return ""
    return format_html(
        '<button type="button" class="short-id" data-copy="{}" title="{}: click to copy"'
        ' aria-label="{}, copy the whole">{}</button>',
        whole, whole, _telling(whole), visible(_telling(whole)),
    )  # fmt: skip


def _telling(whole: str) -> str:
    """A time-ordered UUID differs from its neighbours at its end; digests and random ids at their start."""
    bare = whole.rpartition(":")[2]
    try:
        time_ordered = uuid.UUID(bare).version == 7
    except ValueError:
        time_ordered = False
    if len(bare) <= 12:
        return bare
    return f"…{bare[-8:]}" if time_ordered else bare[:8]


@register.filter
def visible(value: object) -> SafeString:
    """Text escaped, with hidden, bidi and control characters shown by their numbers. Nothing is removed."""
    parts = []
    plain: list[str] = []
    for character in str(value):
        if not _hidden.is_hidden(character):
            plain.append(character)
            continue
        parts.append(conditional_escape("".join(plain)))
        plain.clear()
        parts.append(
            format_html(
                '<span class="hidden-char" title="{}">{}</span>',
                _hidden.name(character),
                _hidden.label(character),
            )
        )
    parts.append(conditional_escape("".join(plain)))
    return mark_safe("".join(parts))


@register.filter
def words(value: object) -> str:
    """A state or verdict as words: sent_back becomes "sent back"."""
    return str(value or "").replace("_", " ")


@register.filter
def quorum_dots(need: object, have: object) -> list[bool]:
    """One entry per sign-off that is needed, true where it is there. At most twelve are drawn."""
    wanted, given = int(str(need or 0)), int(str(have or 0))
    return [step < given for step in range(min(wanted, 12))]


@register.filter
def nav_key(label: object) -> str:
    """The keys that lead to an entry of the rail, as in "g i" for the Inbox."""
    return NAV_KEYS.get(str(label), "")


@register.simple_tag
def sparkline(values: Iterable[float], label: str = "") -> SafeString:
    """A small trend line. `label` says in words what it shows; without it the line is decoration."""
    points = [float(value) for value in values]
    if len(points) < 2:
        return mark_safe("")
    low, high = min(points), max(points)
    height = (high - low) or 1.0
    placed = format_html_join(
        " ",
        "{},{}",
        (
            (f"{i * 100 / (len(points) - 1):.1f}", f"{22 - (point - low) / height * 20:.1f}")
            for i, point in enumerate(points)
        ),
    )
    meaning = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" {}>'
        '<polyline points="{}"/></svg>',
        meaning, placed,
    )  # fmt: skip
