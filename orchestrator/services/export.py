"""The record as JSON lines for somebody who has neither this database nor this program.

A file says first what it holds, then lists the public keys and the signed checkpoints, then each stream with its
events in order (payloads exactly as they are stored), then content by its digest where it is asked for, and
closes with counts and a digest over everything before. Nothing is held in memory but one page of events.
`verifier/verify_export.py` reads it with Python's standard library alone.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

from orchestrator import eventlog, models
from orchestrator.domain import digests, errors
from orchestrator.services import checkpoints, consistent, journal, references, signing_keys

FORMAT = 1
EXPORTS = "exports"


class NothingToExport(errors.NotFound):
    """There is no such stream or kind of stream. Leave the choice out, or copy the id from the run's page."""


@dataclasses.dataclass(frozen=True)
class Scope:
    """What of the record is exported: everything, or one run with its requests, kinds, a time (`until` excluded).

    Of each stream the events from the first to the last that fits are taken, so that its chain has no gap.
    """

    run: str = ""
    kinds: tuple[str, ...] = ()
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    contents: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every stream is in it: only then does a missing one say that it was deleted."""
        return not (self.run or self.kinds or self.since or self.until)

    @property
    def facts(self) -> dict[str, Any]:
        """The scope for the file and for the record, with times as text."""
        return {
            "run": self.run,
            "kinds": list(self.kinds),
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "contents": self.contents,
            "whole": self.is_whole,
        }


def export_log(scope: Scope, *, requests: tuple[str, ...] = (), now: dt.datetime) -> Iterator[bytes]:
    """The lines of an export, as the record stands at one moment. `requests` are streams of the run's approval
    requests, which only the caller knows. Raises NothingToExport before the first line."""
    chosen = _chosen(scope, requests)
    return _sealed(_lines(scope, chosen, now))


def record_export(scope: Scope, *, by: str, now: dt.datetime) -> None:
    """That the record was taken out is a fact, too: who, when, and how much of it."""
    journal.record(
        kind="audit",
        stream=journal.stream_for("audit", EXPORTS),
        facts=[("export.begun", scope.facts)],
        by=by,
        now=now,
    )


def _chosen(scope: Scope, requests: tuple[str, ...]) -> tuple[str, ...]:
    if not scope.run:
        return ()
    try:
        eventlog.head_of(str(uuid.UUID(scope.run)))
    except (eventlog.UnknownStream, ValueError) as error:
        raise NothingToExport() from error
    return tuple(sorted({scope.run, *requests}))


def _sealed(lines: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Each line as bytes, and a last one with the digest over all before it."""
    running = hashlib.sha256()
    for line in lines:
        data = digests.canonical(line) + b"\n"
        running.update(data)
        yield data
    yield digests.canonical({"line": "end", "sha256": running.hexdigest()}) + b"\n"


def _lines(scope: Scope, chosen: tuple[str, ...], now: dt.datetime) -> Iterator[dict[str, Any]]:
    counted: Counter[str] = Counter()
    with consistent.reading():
        yield {
            "line": "export",
            "countersign_export": FORMAT,
            "made_at": now.isoformat(),
            "scope": scope.facts,
        }
        for name, public in signing_keys.trusted_keys().items():
            counted["keys"] += 1
            yield {"line": "key", "key": name, "public_key": signing_keys.raw(public).hex()}
        for card in checkpoints.stored():
            counted["checkpoints"] += 1
            yield {
                "line": "checkpoint",
                "digest": card.digest,
                "key": card.key,
                "signature": base64.b64encode(card.signature).decode(),
                "document": card.document.decode(),
            }
        yield from _streams(scope, chosen, counted)
        if scope.contents:
            yield from _contents(scope, chosen, counted)
        yield {"line": "manifest", **{name: counted[name] for name in COUNTED}}


COUNTED = ("keys", "checkpoints", "streams", "events", "contents")


def _streams(scope: Scope, chosen: tuple[str, ...], counted: Counter[str]) -> Iterator[dict[str, Any]]:
    for stream, kind, head, hash_ in _heads(scope, chosen):
        first, last = 1, head
        if scope.since or scope.until:
            found = eventlog.span(stream, scope.since, scope.until)
            if found is None:
                continue
            first, last = found
        before = digests.GENESIS
        if first > 1:
            before = eventlog.hashes_at([(stream, first - 1)]).get((stream, first - 1), digests.GENESIS)
        counted["streams"] += 1
        yield {
            "line": "stream",
            "stream": stream,
            "kind": kind,
            "head": head,
            "hash": hash_.hex(),
            "first": first,
            "last": last,
            "before": before.hex(),
        }
        for event in _events(stream, first, None if last == head else last):
            counted["events"] += 1
            yield {
                "line": "event",
                "stream": stream,
                "seq": event.seq,
                "type": event.type,
                "version": event.version,
                "actor": event.actor,
                "cause": event.cause,
                "at": event.at,
                "payload": event.payload,
                "hash": bytes(event.hash).hex(),
            }


def _heads(scope: Scope, chosen: tuple[str, ...]) -> Iterator[tuple[str, str, int, bytes]]:
    if chosen:
        rows = models.Stream.objects.filter(pk__in=chosen).order_by("pk")
        for row in rows.iterator(chunk_size=1000):
            if not scope.kinds or row.kind in scope.kinds:
                yield str(row.pk), row.kind, row.head, bytes(row.hash)
        return
    for stream in eventlog.streams():
        if not scope.kinds or stream[1] in scope.kinds:
            yield stream


def _events(stream: str, first: int, last: int | None, page: int = 1000) -> Iterator[eventlog.Stored]:
    """To the end of what is stored, also past the stream's head, when the stream is wanted to its end."""
    after = first - 1
    while True:
        found = eventlog.events_after(stream, after, page)
        for event in found:
            if last is not None and event.seq > last:
                return
            yield event
        if len(found) < page:
            return
        after = found[-1].seq


def _contents(scope: Scope, chosen: tuple[str, ...], counted: Counter[str]) -> Iterator[dict[str, Any]]:
    """Blobs: all of them with a whole record, else those that the exported events name, and what these name."""
    if scope.is_whole:
        names: Iterator[str] = models.Blob.objects.order_by("pk").values_list("pk", flat=True).iterator(1000)
    else:
        names = iter(sorted(_named(scope, chosen)))
    for digest in names:
        row = models.Blob.objects.get(pk=digest)
        counted["contents"] += 1
        yield {
            "line": "content",
            "digest": digest,
            "size": row.size,
            "erased_because": row.erased_because,
            "data": None if row.data is None else base64.b64encode(bytes(row.data)).decode(),
        }


def _named(scope: Scope, chosen: tuple[str, ...]) -> set[str]:
    streams = [stream for stream, *_ in _heads(scope, chosen)]
    return references.blobs_of(streams)
