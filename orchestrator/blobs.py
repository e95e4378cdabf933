"""Large content by its digest: values of the log that are not carried inline, and the bytes of uploaded files."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from orchestrator import sql
from orchestrator.domain import content, digests, errors
from orchestrator.domain.content import Content


class Erased(errors.NotFound):
    """This content was erased. Its digest and the reason stay on the record."""


class Missing(errors.Corrupt):
    """Content that the record names is not there. Restore it from a backup."""


def put(data: bytes) -> str:
    """Keep bytes; returns their SHA-256. Keeping the same bytes twice is one blob."""
    digest = digests.sha256(data)
    sql.run(
        'INSERT INTO "orchestrator_blob" (digest, size, data) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [digest, len(data), data],
    )
    return digest


def read(digest: str) -> bytes:
    """The bytes of a blob, checked against its digest. Raises Erased, Missing."""
    rows = sql.run('SELECT data, erased_because FROM "orchestrator_blob" WHERE digest=$1', [digest])
    if not rows:
        raise Missing(digest=digest)
    data, because = rows[0]
    if data is None:
        raise Erased(_said(because), digest=digest)
    found = bytes(data)
    if digests.sha256(found) != digest:
        raise Missing("Stored content does not match its digest. Restore it from a backup.", digest=digest)
    return found


def erased(names: Collection[str]) -> dict[str, str]:
    """Of these blobs those whose bytes were erased, each with what is said of it."""
    rows = sql.run(
        'SELECT digest, erased_because FROM "orchestrator_blob" WHERE digest = ANY($1) AND data IS NULL',
        [list(names)],
    )
    return {digest: _said(because) for digest, because in rows}


def seal(value: Any) -> Content:
    """Content for a JSON value; large ones are kept as a blob first."""
    sealed, data = content.seal(value)
    if not sealed.is_inline:
        put(data)
    return sealed


def value(found: Content) -> Any:
    """The JSON value of content, wherever it lies."""
    return found.value() if found.is_inline else msgspec.json.decode(read(found.digest))


def inline(found: Content) -> bytes:
    """The canonical bytes of content, wherever it lies."""
    return bytes(found.inline) if isinstance(found.inline, (msgspec.Raw, bytes)) else read(found.digest)


def _said(because: str) -> str:
    return f"This content was erased: {because}"
