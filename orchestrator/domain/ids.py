"""Names of things inside a run, and of effects. All are derived, none is random."""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache

NAMESPACE = uuid.UUID("5f0b4f6e-6d2e-5c0c-9f5e-0c6a1f3d7b11")


def from_key(kind: str, key: str) -> str:
    """The id of the stream that a one-time key stands for: the same key always gives the same stream."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{key}"))


@lru_cache(maxsize=65536)
def effect_key(stream: str, kind: str, subject: str, attempt: int, content: str) -> str:
    """The identity of an effect: what is asked, of whom, for the how-manieth time; never the event's place.

    Two legitimate repeats differ in subject or attempt; a retry is the same effect. 32 hexadecimal characters.
    """
    asked = f"{stream}|{kind}|{subject}|{attempt}|{content}"
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


def row_id(stream: str, local: str) -> str:
    """The id of a row that belongs to a run: the run's id and the name of the thing inside it."""
    return f"{stream}.{local}"
