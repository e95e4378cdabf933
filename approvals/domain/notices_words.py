"""What a notice says: a subject, a headline and the same facts that the inbox shows, no argument more.

Hidden characters are made visible, and each text is bounded. Links open the signed-in page and decide nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from approvals.domain import spans
from approvals.domain.notices import Kind
from approvals.domain.terms import Tier
from approvals.domain.visible import visible

SUBJECT_LENGTH = 160
REASON_LENGTH = 500
DIGEST_LENGTH = 12
MOST_LINES = 20


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it is told. `sentence` has its hidden characters visible already; the rest is raw."""

    kind: Kind
    sentence: str
    tier: Tier
    url: str
    agent: str = ""
    workflow: str = ""
    digest: str = ""
    status: str = ""
    decide_by: dt.datetime | None = None
    by: str = ""
    reason: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a message, ready to print: a headline, facts as label and value, and where it leads."""

    headline: str
    facts: tuple[tuple[str, str], ...]
    url: str


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent. `more` counts what is not listed."""

    subject: str
    headline: str
    items: tuple[Item, ...]
    more: int
    url: str


_HEADS: dict[Kind, str] = {
    "opened": "Waits for you",
    "reminded": "Still waits for you",
    "escalated": "Nobody has decided",
    "expired": "Expired",
    "withdrawn": "Withdrawn",
    "superseded": "Replaced by a new revision",
    "revoked": "Approval revoked",
    "stale": "Approval no longer valid",
    "lapsed": "Approval not used in time",
    "break_glass": "Break-glass",
    "run_failed": "Run failed",
    "run_paused": "Run paused by a fault",
    "stands_in": "Delegation set",
    "stands_in_ended": "Delegation ended",
    "account": "Your account was changed",
    "account_of": "An account was changed",
    "test": "Test",
}
# What is about no request, so that nothing is at stake in it.
_NO_STAKES: frozenset[Kind] = frozenset(
    {"run_failed", "run_paused", "stands_in", "stands_in_ended", "account", "account_of", "test"}
)
_MANY: dict[Kind, str] = {
    "opened": "wait",
    "reminded": "still wait",
    "escalated": "were decided by nobody yet",
    "decided": "were decided",
    "expired": "expired",
    "withdrawn": "were withdrawn",
    "superseded": "were replaced",
    "revoked": "were revoked after they were approved",
    "stale": "are no longer valid",
    "lapsed": "were not used in time",
}


def compose(lines: Sequence[Line], *, now: dt.datetime, zone: dt.tzinfo, url: str) -> Wording:
    """One message of one or many lines, the most urgent first. `url` is where all of them are listed."""
    first = lines[0]
    items = tuple(_item(line, now, zone) for line in lines[:MOST_LINES])
    if len(lines) == 1:
        return Wording(
            subject=_cut(items[0].headline, SUBJECT_LENGTH),
            headline=items[0].headline,
            items=items,
            more=0,
            url=first.url,
        )
    kinds, agents = {line.kind for line in lines}, {line.agent for line in lines}
    if len(kinds) == 1 and len(agents) == 1 and first.kind in _MANY:
        headline = f"{len(lines)} requests of {visible(first.agent)} {_MANY[first.kind]}"
        headline += f", the most urgent: {first.sentence}" if first.kind in {"opened", "reminded"} else ""
    elif kinds == {"run_failed"} or kinds == {"run_paused"}:
        headline = f"{len(lines)} runs {'failed' if first.kind == 'run_failed' else 'were paused by faults'}"
    else:
        headline = f"Round-up: {len(lines)} notices, the most urgent: {head(first)}: {first.sentence}"
    return Wording(
        subject=_cut(headline, SUBJECT_LENGTH),
        headline=_cut(headline, REASON_LENGTH),
        items=items,
        more=len(lines) - len(items),
        url=url,
    )


def head(line: Line) -> str:
    """What happened in a few words, with who did it."""
    words = line.status.capitalize() if line.kind == "decided" else _HEADS.get(line.kind, "Happened")
    return f"{words} by {visible(line.by)}" if line.by else words


def stand_in(
    *,
    person: str,
    delegate: str,
    is_leave: bool,
    starts_at: dt.datetime,
    until: dt.datetime,
    zone: dt.tzinfo,
) -> str:
    """Who decides for whom, or who is away, from when until when."""
    parts = [f"{visible(delegate)} decides for {visible(person)}"] if delegate else []
    parts += [f"{'they are' if delegate else f'{visible(person)} is'} away"] if is_leave else []
    place = getattr(zone, "key", "") or "UTC"
    begin, end = starts_at.astimezone(zone), until.astimezone(zone)
    return f"{', and '.join(parts)}, from {begin:%H:%M on %-d %b %Y} until {end:%H:%M on %-d %b %Y} ({place})"


def clock(decide_by: dt.datetime, now: dt.datetime, zone: dt.tzinfo) -> str:
    """A deadline as people read it later: the time with its zone, and what was left when it was written."""
    local = decide_by.astimezone(zone)
    place = getattr(zone, "key", "") or local.tzname() or "UTC"
    left = f"{spans.in_words(decide_by - now)} left" if decide_by > now else "over"
    return f"{local:%H:%M on %-d %b %Y} ({place}), {left}"


def text_of(message: Wording, footer: str) -> str:
    """The message as plain text."""
    parts = []
    if len(message.items) > 1:
        parts += [message.headline, ""]
    for item in message.items:
        parts.append(item.headline)
        parts += [f"  {label}: {value}" for label, value in item.facts]
        parts += [f"  {item.url}", ""]
    if message.more:
        parts += [f"And {message.more} more: {message.url}", ""]
    return "\n".join([*parts, footer, ""])


def _item(line: Line, now: dt.datetime, zone: dt.tzinfo) -> Item:
    facts: list[tuple[str, str]] = []
    if line.kind not in _NO_STAKES:
        facts.append(("Stakes", line.tier))
    if line.decide_by is not None and line.kind in {"opened", "reminded", "escalated"}:
        facts.append(("Decide by", clock(line.decide_by, now, zone)))
    if line.reason:
        facts.append(("Reason", visible(_cut(line.reason, REASON_LENGTH))))
    if line.agent:
        facts.append(
            ("Agent", visible(line.agent) + (f", in {visible(line.workflow)}" if line.workflow else ""))
        )
    if line.digest:
        facts.append(("Digest", line.digest[:DIGEST_LENGTH]))
    return Item(headline=f"{head(line)}: {line.sentence}", facts=tuple(facts), url=line.url)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
