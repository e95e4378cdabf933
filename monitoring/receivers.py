"""Connects the log's hooks to the nudges, once in every process."""

from __future__ import annotations

from monitoring import nudges
from orchestrator import dispatch


def connect() -> None:
    dispatch.subscribe(nudges.publish_heads)
    dispatch.subscribe_text(nudges.publish_text)
    dispatch.subscribe_people(nudges.publish_people)
