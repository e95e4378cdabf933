"""The state of the record itself: verifications, checkpoints, what retention does, what was erased or removed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from monitoring.domain import retention
from monitoring.queries.audit_lines import facts_of
from orchestrator.domain import errors, ids
from orchestrator.queries import EventCard
from orchestrator.queries import watching as queries
from orchestrator.queries.events import recorded

SHOWN = 10
NO_END = 2**53


@dataclass(frozen=True)
class Verified:
    """One verification: under way (no `ended`), sound, not sound, or failed."""

    id: str
    by: str
    begun: dt.datetime
    ended: dt.datetime | None
    state: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class RecordPage:
    streams: int
    events: int
    verifications: tuple[Verified, ...]
    gone: tuple[EventCard, ...]
    retention: tuple[str, ...]
    retention_fault: str
    exported_to: str

    @property
    def newest(self) -> Verified | None:
        return self.verifications[0] if self.verifications else None


def record_page() -> RecordPage:
    streams, events = recorded()
    fault, words = "", []
    try:
        words = retention.in_words(retention.days_of(settings.RETENTION_DAYS))
    except errors.Refused as refused:
        fault = refused.message
    return RecordPage(
        streams=streams,
        events=events,
        verifications=verifications(),
        gone=tuple(reversed(queries.events_before(stream_of("retention"), NO_END, limit=SHOWN))),
        retention=tuple(words),
        retention_fault=fault,
        exported_to=settings.CHECKPOINT_EXPORT_DIR,
    )


def verifications() -> tuple[Verified, ...]:
    """The last verifications, the newest first."""
    found: dict[str, dict[str, EventCard]] = {}
    for event in queries.events_before(stream_of("verifications"), NO_END, limit=2 * SHOWN + 2):
        step = event.type.removeprefix("verification.")
        found.setdefault(str(facts_of(event).get("verification")), {})[step] = event
    listed = [_verified(id_, steps) for id_, steps in found.items() if "begun" in steps]
    return tuple(sorted(listed, key=lambda one: one.begun, reverse=True)[:SHOWN])


def stream_of(subject: str) -> str:
    """The stream of facts about keeping the record."""
    return ids.from_key("audit", subject)


def _verified(id_: str, steps: Mapping[str, EventCard]) -> Verified:
    begun = steps["begun"]
    end = steps.get("ended") or steps.get("failed")
    facts = facts_of(end) if end else {}
    state = "running"
    if end is not None:
        state = "passed" if facts.get("sound") is True else "failed"
    return Verified(id_, begun.actor.removeprefix("user:"), begun.at, end.at if end else None, state, facts)


def gone_words(event: EventCard) -> tuple[str, str, Sequence[str]]:
    """What was erased or removed: (title, reason, digests or streams)."""
    facts = facts_of(event)
    if event.type == "content.erased":
        listed = [str(one.get("digest")) for one in facts.get("contents", ())]
        return f"{len(listed)} content erased", str(facts.get("reason", "")), listed
    listed = [str(one.get("stream")) for one in facts.get("removed", ())]
    return f"{len(listed)} streams removed", str(facts.get("reason", "")), listed
