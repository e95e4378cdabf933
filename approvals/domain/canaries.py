"""The facts of canaries: requests planted to be rejected. What is planted asks like an agent, and can never run."""

from __future__ import annotations

import datetime as dt

import msgspec

from orchestrator.domain import digests


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator planted a canary that looks like the request `like`. `flaw` says why it must be rejected."""

    TYPE = "canary.planted"
    canary: str
    run: str
    like: str
    flaw: str
    by: str
    at: dt.datetime


def encode(fact: Planted) -> bytes:
    """The canonical payload bytes of a fact."""
    return digests.encode(fact)


def decode(name: str, payload: bytes) -> Planted | None:
    """The fact that stored bytes stand for; None for what is no canary's."""
    return msgspec.json.decode(payload, type=Planted) if name == Planted.TYPE else None
