"""The fact that a policy was published: its revision and all its parameters."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

import msgspec

from approvals.domain.terms import Policy
from orchestrator.domain import digests


class PolicyPublished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One revision of a policy's parameters, with who published it and the digest that names them."""

    TYPE: ClassVar[str] = "policy.published"
    slug: str
    revision: int
    title: str
    digest: str
    parameters: Policy
    published_by: str
    published_at: dt.datetime
    notes: str = ""


# Parameters that came later. Unused they are left out, so that what was published before keeps its bytes and digest.
_LATER = {"rules": [], "sample_percent": 0}


def parameters_of(policy: Policy) -> bytes:
    """The canonical bytes that a policy's digest covers. The revision is left out: equal parameters are equal."""
    plain = msgspec.to_builtins(msgspec.structs.replace(policy, revision=0))
    for name, unused in _LATER.items():
        if plain[name] == unused:
            del plain[name]
    return digests.canonical(plain)


def decode(payload: bytes) -> PolicyPublished:
    return msgspec.json.decode(payload, type=PolicyPublished)
