"""The call of a case: what was changed of it, what was checked about it, where its values come from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from approvals.domain import differences, record, sentence
from approvals.domain.provenance import KIND_WORDS, Origin
from approvals.domain.visible import has_hidden
from approvals.queries import work
from orchestrator import blobs
from orchestrator.domain.content import Content

PLAIN_LENGTH = 1200


def differences_of(opened: record.Opened) -> tuple[differences.Difference, ...]:
    if opened.edit is None:
        return ()
    return differences.read(
        opened.edit.changes, amount=opened.amount, currency=opened.currency, target=opened.target
    )


def call_before(opened: record.Opened, *, is_pending: bool) -> str:
    """The call before somebody changed it, empty when nobody did or when it was let go."""
    if opened.edit is None:
        return ""
    arguments, _gone = _arguments_of(opened.edit.before, is_pending=is_pending)
    return _as_text(arguments)


def _arguments_of(content: Content, *, is_pending: bool) -> tuple[Any, str]:
    """The arguments of a call, or why they are not there any more. What people are still to decide about must be
    there: raises Erased, Missing."""
    try:
        return blobs.value(content), ""
    except blobs.Erased as gone:
        if is_pending:
            raise
        return None, gone.message


def _as_text(arguments: Any) -> str:
    return "" if arguments is None else json.dumps(arguments, ensure_ascii=False, indent=2)


def origin_words(origins: Sequence[Origin]) -> str:
    """Where the values of a call stand, counted: "3 in an uploaded file, 1 nowhere in what the agent was given"."""
    counted = Counter(KIND_WORDS[one.kind] for one in origins)
    return ", ".join(
        f"{count} {'' if words.startswith('nowhere') else 'in '}{words}"
        for words, count in counted.most_common()
    )


def checks_of(opened: record.Opened) -> tuple[dict[str, str], ...]:
    """What the system found, as label and value; all of it is verified."""
    return tuple({"label": check.label, "value": check.found} for check in opened.checks)


@dataclass(frozen=True)
class Call:
    """The whole call as text, or why it is `gone`. `is_stored` is None when nothing is stored for execution any more.

    `left_out` names the arguments that the sentence does not say whole: nothing decisive may be behind a click.
    `is_plain` says that it is a short list of plain values, which reads well side by side.
    """

    text: str
    gone: str
    hides: bool
    left_out: tuple[str, ...]
    is_plain: bool
    is_stored: bool | None


def call_of(opened: record.Opened, run: work.RunCard, *, is_pending: bool) -> Call:
    arguments, gone = _arguments_of(opened.arguments, is_pending=is_pending)
    text = _as_text(arguments)
    known = {} if gone else arguments
    return Call(
        text=text,
        gone=gone,
        hides=has_hidden(text.replace("\n", "")),
        left_out=() if gone else sentence.left_out(opened.parts, known),
        is_plain=len(text) <= PLAIN_LENGTH
        and not any(isinstance(value, dict | list) for value in known.values()),
        is_stored=run.digest_matches,
    )
