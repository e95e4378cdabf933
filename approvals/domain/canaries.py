"""The facts of canaries: requests planted to be rejected. What is planted asks like an agent, and can never run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from orchestrator.domain import digests


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator planted a canary that looks like the request `like`. `flaw` says why it must be rejected.

    Its run bears the name of `shown_as`, who started the imitated one and has nothing to do with it: the run's own record
    must not give it away. Who planted it is said here. `arguments` and `stated_reason` are what its agent asks with.
    """

    TYPE = "canary.planted"
    canary: str
    run: str
    like: str
    flaw: str
    by: str
    at: dt.datetime
    shown_as: str = ""
    arguments: dict[str, Any] = {}
    stated_reason: str = ""


def encode(fact: Planted) -> bytes:
    """The canonical payload bytes of a fact."""
    return digests.encode(fact)


def decode(name: str, payload: bytes) -> Planted | None:
    """The fact that stored bytes stand for; None for what is no canary's."""
    return msgspec.json.decode(payload, type=Planted) if name == Planted.TYPE else None
