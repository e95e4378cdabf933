"""Allowed actions that reviewers look at afterwards: which they are, and what was found.

Whether an action is taken follows from its digest, so that an agent cannot guess better than the percentage and a
retry takes the same ones.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import ClassVar, Literal

import msgspec
from msgspec.structs import replace

from orchestrator.domain import digests, ids

Finding = Literal["", "fine", "wrong"]


class Taken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An allowed action was taken as a sample."""

    TYPE: ClassVar[str] = "sample.taken"
    sample: str
    run: str
    action: str
    tool: str
    agent: str
    workflow: str
    sentence: str
    policy: str
    policy_revision: int
    rule: str
    explanation: str
    at: dt.datetime


class Reviewed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reviewer looked at it: it was fine, or it should not have been allowed."""

    TYPE: ClassVar[str] = "sample.reviewed"
    sample: str
    person: str
    finding: Finding
    note: str = ""
    at: dt.datetime


Fact = Taken | Reviewed
TYPES: dict[str, type[Taken] | type[Reviewed]] = {Taken.TYPE: Taken, Reviewed.TYPE: Reviewed}


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample as its events tell it."""

    taken: Taken
    finding: Finding = ""
    note: str = ""
    reviewed_by: str = ""
    reviewed_at: dt.datetime | None = None


def is_taken(*, digest: str, run: str, action: str, percent: int) -> bool:
    """Whether an allowed action is one of so many in a hundred."""
    seed = hashlib.sha256(f"sample|{digest}|{run}|{action}".encode()).digest()
    return int.from_bytes(seed[:8]) % 10_000 < percent * 100


def id_of(run: str, action: str) -> str:
    return ids.from_key("sample", f"{run}.{action}")


def evolve(sample: Sample | None, fact: Fact) -> Sample | None:
    """The sample after a fact. What fits nothing changes nothing: the first finding stays."""
    if isinstance(fact, Taken):
        return sample or Sample(taken=fact)
    if sample is None or sample.finding:
        return sample
    return replace(sample, finding=fact.finding, note=fact.note, reviewed_by=fact.person, reviewed_at=fact.at)


def encode(fact: Fact) -> bytes:
    return digests.encode(fact)


def decode(name: str, payload: bytes) -> Fact | None:
    kind = TYPES.get(name)
    return None if kind is None else msgspec.json.decode(payload, type=kind)
