"""Verifies the record: every hash chain, and every signed checkpoint against what the streams are now.

It names the first bad event of each stream, and says what it cannot prove. It repairs nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path

from orchestrator import eventlog, sql
from orchestrator.domain import chain, digests
from orchestrator.services import checkpoints, consistent, removal, signing_keys
from orchestrator.services.checkpoints import CheckpointCard

_BATCH = 500
# How often a long verification says how far it is, in events.
_STEP = 2000


@dataclasses.dataclass(frozen=True)
class FindingCard:
    """Something that is not as it was written. `seq` is 0 where no single event is meant."""

    stream: str
    kind: str
    seq: int
    problem: str
    text: str


@dataclasses.dataclass(frozen=True)
class Verification:
    """What was looked at, what was found, and what this could not prove."""

    streams: int
    events: int
    checkpoints: int
    findings: tuple[FindingCard, ...]
    unproven: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return not self.findings


def verify_log(
    *,
    exported: Path | None = None,
    public_keys: tuple[str, ...] = (),
    progress: Callable[[int], None] = lambda events: None,
) -> Verification:
    """Walk every chain and compare every checkpoint. `exported` is a folder of exported checkpoints; `public_keys`
    are trusted besides this machine's own; `progress` is told how many events were looked at. Memory stays
    constant however long the log is."""
    keys = signing_keys.trusted_keys(public_keys)
    found: dict[str, FindingCard] = {}
    other: list[FindingCard] = []
    counts = {"streams": 0, "events": 0}
    with consistent.reading():
        for finding in _chains(counts, progress):
            found[finding.stream] = finding
        gone = removal.removed()
        other += _contents()
        seen = 0
        previous = ""
        digests_seen: set[str] = set()
        unknown: set[str] = set()
        for card in checkpoints.stored():
            seen += 1
            digests_seen.add(card.digest)
            if card.previous != previous:
                other.append(_about(card, "deleted", "A checkpoint that came before it is gone."))
            previous = card.digest
            _compare(card, keys, found, other, unknown, gone)
        for card in checkpoints.exported(exported) if exported else ():
            if card.digest in digests_seen:
                continue
            seen += 1
            other.append(_about(card, "deleted", "It was exported, and is gone from the database."))
            _compare(card, keys, found, other, unknown, gone)
    unproven = _unproven(seen, exported, keys, unknown, len(gone))
    return Verification(counts["streams"], counts["events"], seen, (*found.values(), *other), unproven)


def _chains(counts: dict[str, int], progress: Callable[[int], None]) -> Iterator[FindingCard]:
    """Every chain once: streams and events are read side by side, both in the order of ids."""
    streams = eventlog.streams()
    current = next(streams, None)
    for id_, events in groupby(eventlog.walk(), key=lambda event: event.stream):
        while current is not None and current[0] < id_:
            yield from _walked(current, (), counts, progress)
            current = next(streams, None)
        if current is None or current[0] != id_:
            first = next(events)
            text = "These events belong to no stream: its row is gone."
            yield FindingCard(id_, "", first.seq, "deleted", text)
            continue
        yield from _walked(current, events, counts, progress)
        current = next(streams, None)
    while current is not None:
        yield from _walked(current, (), counts, progress)
        current = next(streams, None)


def _walked(
    stream: tuple[str, str, int, bytes],
    events: Iterable[eventlog.Stored],
    counts: dict[str, int],
    progress: Callable[[int], None],
) -> Iterator[FindingCard]:
    id_, kind, head, last = stream
    counts["streams"] += 1
    fault = chain.first_fault(id_, head, last, _links(events, counts, progress))
    if fault is not None:
        yield FindingCard(id_, kind, fault.seq, fault.problem, fault.text)


def _links(
    events: Iterable[eventlog.Stored], counts: dict[str, int], progress: Callable[[int], None]
) -> Iterator[chain.Link]:
    for event in events:
        counts["events"] += 1
        if counts["events"] % _STEP == 0:
            progress(counts["events"])
        yield chain.Link(
            event.seq,
            event.type,
            event.version,
            event.actor,
            event.cause,
            event.at,
            event.payload.encode(),
            bytes(event.hash),
        )


def _contents() -> list[FindingCard]:
    """Large content whose bytes are not what their digest says, or are gone though nobody erased them."""
    rows = sql.run(
        'SELECT digest FROM "orchestrator_blob" WHERE data IS NOT NULL '
        "AND encode(sha256(data), 'hex')<>digest ORDER BY digest"
    )
    return [
        FindingCard("", "content", 0, "edited", f"The content {digest} is not what its digest says.")
        for (digest,) in rows
    ] + [
        FindingCard(
            "", "content", 0, "deleted", f"The content {digest} is gone, and its erasure is not recorded."
        )
        for digest in removal.missing_without_record()
    ]


def _compare(
    card: CheckpointCard,
    keys: dict[str, signing_keys.Ed25519PublicKey],
    found: dict[str, FindingCard],
    other: list[FindingCard],
    unknown: set[str],
    gone: dict[str, tuple[int, str]],
) -> None:
    """One checkpoint against the streams as they are now."""
    if digests.sha256(card.document) != card.digest:
        other.append(_about(card, "edited", "Its list of heads is not what its digest says."))
        return
    signed = card.is_signed_by(keys)
    if signed is None:
        unknown.add(card.key)
    elif not signed:
        other.append(_about(card, "edited", f"Its signature is not one of key {card.key}."))
        return
    heads = card.heads()
    while batch := list(islice(heads, _BATCH)):
        hashes = eventlog.hashes_at([(stream, head) for stream, head, _ in batch])
        for stream, head, hash_ in batch:
            now = hashes.get((stream, head))
            if now == hash_ or stream in found:
                continue
            if now is None and stream in gone and gone[stream][0] >= head:
                # Retention removed it; what it said at its end must be what was signed.
                if gone[stream][0] == head and gone[stream][1] != hash_.hex():
                    text = (
                        f"It was removed with another last hash than the checkpoint of {card.taken_at} knows."
                    )
                    found[stream] = FindingCard(stream, "", head, "edited", text)
                continue
            problem, text = (
                "cut tail",
                f"The checkpoint of {card.taken_at} knows event {head}; the stream ends before it.",
            )
            if now is not None:
                problem = "edited"
                text = f"Event {head} is not the one in the checkpoint of {card.taken_at}: the chain was rewritten."
            found[stream] = FindingCard(stream, "", head, problem, text)


def _about(card: CheckpointCard, problem: str, text: str) -> FindingCard:
    return FindingCard(
        "", "checkpoint", 0, problem, f"Checkpoint {card.digest[:16]} of {card.taken_at}: {text}"
    )


def _unproven(
    seen: int,
    exported: Path | None,
    keys: dict[str, signing_keys.Ed25519PublicKey],
    unknown: set[str],
    gone: int,
) -> tuple[str, ...]:
    """What this verification cannot show, in sentences."""
    said: list[str] = []
    if not seen:
        said.append(
            "There is no checkpoint: a tail that was cut off together with its stream's row, a chain that was "
            "computed anew, or a stream that was deleted as a whole cannot be seen. Take one with `checkpoint`."
        )
    else:
        said.append("What happened after the last checkpoint is guarded by the hash chains alone.")
    if seen and exported is None:
        said.append(
            "The newest checkpoints could have been deleted from the database: compare with exported ones (--exported)."
        )
    if seen and not keys:
        said.append("No public key is known here, so no signature was checked: give one with --public-key.")
    elif unknown:
        said.append(
            f"Signed by keys that are not trusted here: {', '.join(sorted(unknown))}. Whoever can write to the "
            "database could have made these checkpoints."
        )
    if gone:
        streams = "1 stream: only where it" if gone == 1 else f"{gone} streams: only where each"
        said.append(f"Retention removed {streams} ended is known, not what it said.")
    said.append(
        "Whoever holds the signing key and the database can rewrite both; exported checkpoints show it."
    )
    return tuple(said)
