"""Erasing content and removing whole streams, with the fact that it was done on a stream of its own.

What was erased keeps its digest; what was removed keeps its last number and hash, which the next checkpoint signs
together with the fact. Which of it may go is decided by the caller; what is still needed is refused here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from orchestrator import eventlog, models, sql
from orchestrator.domain import errors
from orchestrator.services import journal, references

RETENTION = "retention"
_AT_ONCE = 500
# An action in one of these has come to its end.
ENDED = ("executed", "failed", "refused", "voided")


class StillNeeded(errors.Refused):
    """This is still needed by a run that has not ended, or by a request that waits. Let it end first."""


class UnknownContent(errors.NotFound):
    """There is no content with this digest. Copy the whole SHA-256, 64 characters, from where it is shown."""


class NoReason(errors.Refused):
    """Say why it is erased: the reason is what remains in its place."""


def retention_stream() -> str:
    """The stream on which erasures and removals are written down."""
    return journal.stream_for("audit", RETENTION)


def erase_content(
    *, digest: str, reason: str, by: str, now: dt.datetime, needed_by: Sequence[str] = ()
) -> None:
    """Erase one blob for good, as for personal data; its digest stays. `needed_by` are further streams that need
    what they name, such as those of requests that wait. Raises UnknownContent, NoReason, StillNeeded."""
    if not reason.strip():
        raise NoReason()
    with transaction.atomic():
        row = models.Blob.objects.select_for_update().filter(pk=digest).first()
        if row is None:
            raise UnknownContent(digest=digest)
        if row.data is None:
            raise errors.Refused(f"This content was erased before: {row.erased_because}")
        for stream in references.users_of(digest, [*open_runs(), *needed_by]):
            raise StillNeeded(
                f"The stream {stream} still needs this content. Let it end, then erase.", stream=stream
            )
        erase([(digest, row.size)], reason=reason.strip(), by=by, now=now)


def erase(contents: Sequence[tuple[str, int]], *, reason: str, by: str, now: dt.datetime) -> None:
    """Erase blobs that nothing open needs, given as (digest, size), and say so on the record."""
    rest = iter(contents)
    with transaction.atomic():
        while batch := list(islice(rest, _AT_ONCE)):
            listed = [{"digest": digest, "size": size} for digest, size in batch]
            _record("content.erased", {"contents": listed, "reason": reason}, by=by, now=now)
            models.Blob.objects.filter(pk__in=[digest for digest, _ in batch]).update(
                data=None, erased_because=reason
            )


def remove_streams(streams: Sequence[str], *, reason: str, by: str, now: dt.datetime) -> int:
    """Take streams off the log inside the caller's transaction; returns how many there were. Where each stood is
    recorded first. The rows of runs go with them; other apps remove their own."""
    found = []
    for stream in sorted(streams):
        row = models.Stream.objects.select_for_update(no_key=True).filter(pk=stream).first()
        if row is not None:
            found.append(
                {"stream": stream, "kind": row.kind, "head": row.head, "hash": bytes(row.hash).hex()}
            )
    rest = iter(found)
    while batch := list(islice(rest, _AT_ONCE)):
        _record("stream.removed", {"removed": batch, "reason": reason}, by=by, now=now)
    for one in found:
        stream = str(one["stream"])
        for model in (models.Action, models.Turn, models.Commitment):
            model.objects.filter(run_id=stream).delete()
        models.Effect.objects.filter(stream_id=stream).delete()
        models.Run.objects.filter(pk=stream).delete()
        eventlog.remove(stream)
        transaction.on_commit(partial(eventlog.forget, stream))
    return len(found)


def ended_runs(before: dt.datetime) -> list[str]:
    """Runs that ended before a moment and owe nothing: no open action, none unconfirmed, nothing at work, no
    commitment whose time is still to come."""
    busy = models.Effect.objects.filter(state__in=["wanted", "claimed"]).values("stream_id")
    owing, bound = _owing(), _bound()
    found = models.Run.objects.filter(ended_at__lt=before).exclude(pk__in=busy)
    found = found.exclude(pk__in=owing).exclude(pk__in=bound)
    return [str(run) for run in found.order_by("pk").values_list("pk", flat=True)]


def open_runs() -> list[str]:
    """Runs that have not ended, or that still owe the outcome of an action, or what they are bound to in time."""
    found = models.Run.objects.filter(Q(ended_at=None) | Q(pk__in=_owing()) | Q(pk__in=_bound()))
    return [str(run) for run in found.order_by("pk").values_list("pk", flat=True)]


def _owing() -> QuerySet[models.Action, Any]:
    return models.Action.objects.filter(consequential=True).exclude(state__in=ENDED).values("run_id")


def _bound() -> QuerySet[models.Commitment, Any]:
    return models.Commitment.objects.filter(state="created", due_at__isnull=False).values("run_id")


def other_streams(streams: Sequence[str]) -> Iterator[str]:
    """Every stream but these and those about keeping the record itself, which name what they removed."""
    left_out = set(streams)
    for stream, kind, *_ in eventlog.streams():
        if kind != "audit" and stream not in left_out:
            yield stream


def named_by_others(runs: Mapping[str, Sequence[str]]) -> set[str]:
    """Those of these runs (each with the streams of its requests) that a stream which stays names."""
    of = {stream: run for run, streams in runs.items() for stream in (run, *streams)}
    if not of:
        return set()
    return {of[name] for name in references.names_in(other_streams(list(of)), set(of))}


def sizes_of(digests: Sequence[str]) -> list[tuple[str, int]]:
    """Those of these blobs whose bytes are still there, with their sizes."""
    return list(
        models.Blob.objects.filter(pk__in=digests, data__isnull=False)
        .order_by("pk")
        .values_list("pk", "size")
    )


def removed() -> dict[str, tuple[int, str]]:
    """Where each removed stream stood: its last number and hash."""
    return {
        one["stream"]: (one["head"], one["hash"])
        for _, name, payload, *_ in facts()
        if name == "stream.removed"
        for one in payload["removed"]
    }


def missing_without_record() -> Iterator[str]:
    """Blobs without bytes whose erasure nobody wrote down."""
    erased = {
        one["digest"]
        for _, name, payload, *_ in facts()
        if name == "content.erased"
        for one in payload["contents"]
    }
    rows = sql.run('SELECT digest FROM "orchestrator_blob" WHERE data IS NULL ORDER BY digest')
    return (digest for (digest,) in rows if digest not in erased)


def facts() -> Iterator[tuple[int, str, dict[str, Any], str, dt.datetime]]:
    """All that stands on the stream of erasures and removals, in order."""
    after = 0
    while found := journal.facts(retention_stream(), after):
        yield from found
        after = found[-1][0]


def _record(name: str, fact: dict[str, object], *, by: str, now: dt.datetime) -> None:
    journal.record(kind="audit", stream=retention_stream(), facts=[(name, fact)], by=by, now=now)
