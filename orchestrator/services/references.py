"""Which content a stream needs: the blobs that its events name, and those that these name in turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from orchestrator import eventlog, models

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_DIGEST_BYTES = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_BYTES = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BATCH = 500


def blobs_of(streams: Iterable[str]) -> set[str]:
    """The digests of all content that these streams need. Whatever looks like a digest and is one of ours counts:
    what is named by accident is kept, never lost."""
    named: set[str] = set()
    for stream in streams:
        for event in eventlog.walk(stream):
            named.update(_DIGEST.findall(event.payload))
    return _with_nested(named)


def names_in(streams: Iterable[str], names: set[str]) -> set[str]:
    """Those of these stream ids that the streams name in their events, or in the content that these name."""
    found: set[str] = set()
    digests: set[str] = set()
    for stream in streams:
        for event in eventlog.walk(stream):
            found.update(name for name in _ID.findall(event.payload) if name in names)
            digests.update(_DIGEST.findall(event.payload))
    for digest in _with_nested(digests):
        data = models.Blob.objects.filter(pk=digest).values_list("data", flat=True).first()
        if data is not None:
            found.update(name for each in _ID_BYTES.findall(bytes(data)) if (name := each.decode()) in names)
    return found


def users_of(digest: str, streams: Sequence[str]) -> Iterator[str]:
    """Those of these streams that need this content."""
    for stream in streams:
        if digest in blobs_of([stream]):
            yield stream


def _with_nested(named: set[str]) -> set[str]:
    """The blobs among these names, and the blobs that they name: a run's input lists files, a transcript quotes."""
    known: set[str] = set()
    fresh = named
    while fresh:
        found: set[str] = set()
        rest = iter(fresh - known)
        following: set[str] = set()
        while batch := list(islice(rest, _BATCH)):
            rows = models.Blob.objects.filter(pk__in=batch).values_list("pk", "data")
            for digest, data in rows.iterator(chunk_size=20):
                found.add(digest)
                if data is not None:
                    following.update(name.decode() for name in _DIGEST_BYTES.findall(bytes(data)))
        known |= found
        fresh = following - known
        if not found:
            break
    return known
