"""An agent's evidence beside what the uploaded files really hold.

A claim stays a claim until the file is one that was given to the run and the quoted text stands where it should.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from approvals.domain.visible import visible
from orchestrator.domain import errors
from orchestrator.domain.replies import Evidence

State = Literal["verified", "claim", "wrong"]


@dataclass(frozen=True)
class EvidenceCard:
    """One piece of evidence: where it points, what it quotes, and what the system found there. `number` is the
    file's place in the run's list, 0 when it is none of the run's files."""

    source: str
    place: str
    quote: str
    state: State
    found: str
    number: int


def evidence(
    given: Iterable[Evidence],
    files: Mapping[str, tuple[int, str]],
    read: Callable[[str], bytes],
    files_gone: str = "",
) -> tuple[EvidenceCard, ...]:
    """Cards for evidence. `files` gives number and digest of the run's files by name, `read` bytes by digest;
    `files_gone` says why nobody can tell any more which files the run had."""
    lines: dict[str, list[str] | None] = {}
    cards = tuple(_card(one, files, read, lines) for one in given)
    return tuple(replace(card, found=visible(files_gone)) for card in cards) if files_gone else cards


def _card(
    one: Evidence,
    files: Mapping[str, tuple[int, str]],
    read: Callable[[str], bytes],
    lines: dict[str, list[str] | None],
) -> EvidenceCard:
    place = ", ".join(
        filter(None, [visible(one.locator), f"line {one.line}" if one.line is not None else ""])
    )
    number, digest = files.get(one.source, (0, ""))
    state, found = _checked(one, digest, read, lines)
    return EvidenceCard(visible(one.source), place, one.quote, state, found, number)


def _checked(
    one: Evidence, digest: str, read: Callable[[str], bytes], lines: dict[str, list[str] | None]
) -> tuple[State, str]:
    if not digest:
        return "claim", "not one of the run's files"
    if one.digest and one.digest != digest:
        return "wrong", "the file has other bytes than the agent says"
    if digest not in lines:
        lines[digest] = _text(digest, read)
    text = lines[digest]
    if text is None:
        return "claim", "the file is the run's, its text cannot be read here"
    if not one.quote:
        return "claim", "the file is the run's; nothing is quoted to look for"
    if one.line is not None:
        # A quotation may go on over the following lines.
        around = " ".join(text[max(0, one.line - 1) : one.line + 4])
        if _plain(one.quote) in _plain(around):
            return "verified", f"line {one.line} of the uploaded file holds these words"
        return "wrong", f"line {one.line} of the uploaded file does not hold these words"
    if _plain(one.quote) in _plain(" ".join(text)):
        return "verified", "the uploaded file holds these words"
    return "wrong", "the uploaded file does not hold these words"


def _text(digest: str, read: Callable[[str], bytes]) -> list[str] | None:
    try:
        return read(digest).decode("utf-8-sig").splitlines()
    except (errors.CountersignError, UnicodeDecodeError):
        return None


def _plain(text: str) -> str:
    return " ".join(text.split())
