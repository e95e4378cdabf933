"""Content: a JSON value that an event carries inline when it is small, by its digest when it is large.

Inline content is already canonical, so an event that holds it is canonical too. Where the bytes of large
content lie is the business of `orchestrator.blobs`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.domain import digests

INLINE_BYTES = 2048


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """A JSON value and its digest (SHA-256 of its canonical bytes). `inline` is absent when it lies in a blob."""

    digest: str
    size: int
    inline: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_inline(self) -> bool:
        return self.inline is not msgspec.UNSET

    def value(self) -> Any:
        """The value, when it is inline. Content in a blob is read with `orchestrator.blobs.value`."""
        assert isinstance(self.inline, (msgspec.Raw, bytes, memoryview)), "content lies in a blob"
        return msgspec.json.decode(self.inline)


def seal(value: Any) -> tuple[Content, bytes]:
    """Content for a value, with its canonical bytes. The caller stores the bytes when `is_inline` is false."""
    data = digests.canonical(value)
    if len(data) <= INLINE_BYTES:
        return Content(digests.sha256(data), len(data), msgspec.Raw(data)), data
    return Content(digests.sha256(data), len(data)), data
