"""Content of a run, bounded for pages or whole for a download, and the files that people gave to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from orchestrator import blobs, eventlog
from orchestrator.domain import errors
from orchestrator.domain.content import Content
from orchestrator.domain.state import RunState

# What a page shows at once, in bytes; what is larger is offered as a download.
SHOWN_BYTES = 64 * 1024


class UnknownFile(errors.NotFound):
    """This run has no such file. It may have been given another name; see the run's Files."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Content for a page: indented text, or empty with `is_large` or the words of `missing`."""

    text: str
    digest: str
    size: int
    is_large: bool = False
    missing: str = ""


@dataclass(frozen=True, slots=True)
class FileCard:
    """A file that was given to a run, by its place in the list; `missing` says why its bytes are not there any more."""

    number: int
    name: str
    digest: str
    size: int
    media_type: str
    missing: str = ""


def shown(content: Content | str, *, limit: int = SHOWN_BYTES) -> Shown:
    """Content, or the digest of one, for a page."""
    digest = content if isinstance(content, str) else content.digest
    if isinstance(content, Content) and content.size > limit:
        return Shown("", digest, content.size, is_large=True)
    try:
        data = blobs.read(content) if isinstance(content, str) else blobs.inline(content)
    except blobs.Erased as erased:
        return Shown("", digest, 0, missing=erased.message)
    except blobs.Missing as missing:
        return Shown("", digest, 0, missing=missing.message)
    if len(data) > limit:
        return Shown("", digest, len(data), is_large=True)
    return Shown(indented(data), digest, len(data))


def whole(content: Content) -> bytes:
    """All bytes of content. Raises Erased, Missing."""
    return blobs.inline(content)


def indented(data: bytes) -> str:
    """JSON bytes as people read them; other bytes as they are. Nothing is left out."""
    try:
        return json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    except ValueError:
        return data.decode(errors="backslashreplace")


def files_of(content: Content | None) -> tuple[FileCard, ...]:
    """The files that a run's input lists. Raises Erased, Missing when the list itself is gone."""
    given = blobs.value(content) if content is not None else {}
    listed: Iterable[Any] = given.get("files", ()) if isinstance(given, dict) else ()
    if not isinstance(listed, list):
        return ()
    return tuple(
        FileCard(
            number=number,
            name=str(file.get("name", "unnamed")),
            digest=str(file["digest"]),
            size=int(file.get("size") or 0),
            media_type=str(file.get("media_type", "")),
        )
        for number, file in enumerate(listed, start=1)
        if isinstance(file, dict) and isinstance(file.get("digest"), str)
    )


def files_left(content: Content | None) -> tuple[tuple[FileCard, ...], str]:
    """The files that a run's input lists, each with whether its bytes were erased; or, without a list, why it is gone."""
    try:
        listed = files_of(content)
    except (blobs.Erased, blobs.Missing) as gone:
        return (), gone.message
    reasons = blobs.erased([file.digest for file in listed])
    return tuple(replace(file, missing=reasons.get(file.digest, "")) for file in listed), ""


def file_bytes(run: str, number: int) -> tuple[FileCard, bytes]:
    """A file of a run, whole. Raises UnknownFile, Erased."""
    state: RunState = eventlog.load(run).state
    for file in files_of(state.input):
        if file.number == number:
            return file, blobs.read(file.digest)
    raise UnknownFile(run=run)
