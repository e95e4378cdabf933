"""Signed lists of all stream heads. They show what a hash chain alone cannot: a tail that was cut off later.

A checkpoint is a text: a header line of JSON, then one line a stream. It names the digest of the checkpoint before
it, and can be exported, because a list that lies beside the log can go the way of the log.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.db.models.functions import Length

from orchestrator import eventlog, models
from orchestrator.domain import digests, errors
from orchestrator.services import consistent, signing_keys

_CONTEXT = b"countersign checkpoint\n"


class Unreadable(errors.Refused):
    """This is not an exported checkpoint. Give the folder that `checkpoint --export` wrote to."""


@dataclasses.dataclass(frozen=True)
class CheckpointCard:
    """A checkpoint as it was signed. `document` is what the signature covers; `streams` and `events` count."""

    digest: str
    key: str
    signature: bytes
    document: bytes

    @property
    def header(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.document.split(b"\n", 1)[0])
        return found

    @property
    def previous(self) -> str:
        return str(self.header["previous"])

    @property
    def taken_at(self) -> str:
        return str(self.header["taken_at"])

    def heads(self) -> Iterator[tuple[str, int, bytes]]:
        """(stream, head, hash) in the order of ids."""
        for line in self.document.decode().splitlines()[1:]:
            stream, head, hash_ = line.split(" ")
            yield stream, int(head), bytes.fromhex(hash_)

    def is_signed_by(self, keys: dict[str, Any]) -> bool | None:
        """Whether a trusted key signed it; None when its key is not among them."""
        public = keys.get(self.key)
        return (
            None
            if public is None
            else signing_keys.is_signed(public, self.signature, _CONTEXT + self.document)
        )


def take_checkpoint(*, by: str, now: dt.datetime) -> CheckpointCard:
    """Sign the heads of all streams as they stand at one moment."""
    key = signing_keys.signing_key(by=by, now=now)
    name = signing_keys.key_id(signing_keys.public_bytes(key))
    last = models.Checkpoint.objects.order_by("-id").first()
    lines: list[bytes] = []
    events = 0
    with consistent.reading():
        for stream, _, head, hash_ in eventlog.streams():
            lines.append(f"{stream} {head} {hash_.hex()}\n".encode())
            events += head
    header = {
        "checkpoint": 1,
        "taken_at": now.isoformat(),
        "previous": last.digest if last else "",
        "streams": len(lines),
        "events": events,
        "key": name,
    }
    document = b"".join([digests.canonical(header), b"\n", *lines])
    card = CheckpointCard(digests.sha256(document), name, key.sign(_CONTEXT + document), document)
    models.Checkpoint.objects.create(
        taken_at=now,
        streams=len(lines),
        events=events,
        heads=document,
        digest=card.digest,
        key=name,
        signature=card.signature,
    )
    return card


def is_due(*, now: dt.datetime) -> bool:
    """Whether the last checkpoint is older than CHECKPOINT_HOURS, or there is none yet."""
    last = models.Checkpoint.objects.order_by("-id").first()
    return last is None or now - last.taken_at >= dt.timedelta(hours=settings.CHECKPOINT_HOURS)


def stored() -> Iterator[CheckpointCard]:
    """The checkpoints in the database, oldest first."""
    for row in models.Checkpoint.objects.order_by("id").iterator(chunk_size=1):
        yield CheckpointCard(row.digest, row.key, bytes(row.signature), bytes(row.heads))


@dataclasses.dataclass(frozen=True)
class TakenCard:
    """One checkpoint for a list. `is_signed` is None when its key is not known here, or its list is too long to be
    looked at in passing; a verification looks at all of it."""

    taken_at: dt.datetime
    streams: int
    events: int
    digest: str
    key: str
    is_signed: bool | None


def latest(limit: int, *, most_bytes: int = 1_000_000) -> list[TakenCard]:
    """The newest checkpoints, with whether each is signed."""
    keys = signing_keys.trusted_keys()
    found = []
    for row in (
        models.Checkpoint.objects.order_by("-id").defer("heads").annotate(size=Length("heads"))[:limit]
    ):
        signed = None
        if row.size <= most_bytes:
            card = CheckpointCard(row.digest, row.key, bytes(row.signature), bytes(row.heads))
            signed = digests.sha256(card.document) == card.digest and card.is_signed_by(keys)
        found.append(TakenCard(row.taken_at, row.streams, row.events, row.digest, row.key, signed))
    return found


def export(folder: Path) -> list[Path]:
    """Write every checkpoint that is not there yet into a folder, one file each; returns the new files."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for card in stored():
        stamp = "".join(letter for letter in card.taken_at[:19] if letter.isdigit())
        file = folder / f"{stamp}-{card.digest[:16]}.checkpoint"
        if file.exists():
            continue
        fresh = file.with_suffix(f".{os.getpid()}")
        signature = base64.b64encode(card.signature).decode()
        with fresh.open("wb") as out:
            out.write(card.document + f"signature {card.key} {signature}\n".encode())
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
        written.append(file)
    return written


def exported(folder: Path) -> Iterator[CheckpointCard]:
    """The checkpoints in a folder, oldest first. Raises Unreadable."""
    if not folder.is_dir():
        raise Unreadable(f"There is no folder {folder}. Give the one that `checkpoint --export` wrote to.")
    for file in sorted(folder.glob("*.checkpoint")):
        data = file.read_bytes()
        document, _, last = data.rstrip(b"\n").rpartition(b"\n")
        parts = last.split(b" ")
        if len(parts) != 3 or parts[0] != b"signature":
            raise Unreadable(f"{file.name} is not an exported checkpoint, or it was cut short.")
        document += b"\n"
        try:
            signature = base64.b64decode(parts[2], validate=True)
        except binascii.Error:
            raise Unreadable(f"{file.name} is not an exported checkpoint, or it was cut short.") from None
        yield CheckpointCard(digests.sha256(document), parts[1].decode(), signature, document)
