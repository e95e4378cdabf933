"""How long what is kept: days by kind. Without a word about a kind, it is kept for ever. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.domain import errors

# What may go at all, and in which words.
KINDS: Mapping[str, str] = {
    "content": "the content of runs that have ended (files, outputs, transcripts); digests stay",
    "run": "runs that have ended, with their approval requests; where their streams stood stays",
}


class MalformedRetention(errors.Refused):
    """RETENTION_DAYS must look like "content=90,run=3650": kinds content and run, with whole days above 0."""


def days_of(text: str) -> dict[str, int]:
    """The setting as days by kind. Raises MalformedRetention: a policy that is half understood removes nothing."""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        kind, _, days = part.partition("=")
        if kind not in KINDS or kind in found or not days.isascii() or not days.isdigit() or int(days) < 1:
            raise MalformedRetention()
        found[kind] = int(days)
    if "run" in found and found.get("content", 0) > found["run"]:
        raise MalformedRetention(
            "RETENTION_DAYS keeps content longer than the runs that name it. Give content the same days, or fewer."
        )
    return found


def in_words(days: Mapping[str, int]) -> list[str]:
    """What is removed when, one sentence a kind."""
    return [
        f"After {number} day{'' if number == 1 else 's'}: {KINDS[kind]}."
        for kind, number in sorted(days.items())
    ]
