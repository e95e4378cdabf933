"""The call of a case: what was changed of it, what was checked about it, where its values come from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from approvals.domain import differences, record
from approvals.domain.provenance import KIND_WORDS, Origin
from approvals.queries import work
from orchestrator import blobs
from orchestrator.domain.content import Content


def differences_of(opened: record.Opened) -> tuple[differences.Difference, ...]:
    if opened.edit is None:
        return ()
    return differences.read(
        opened.edit.changes, amount=opened.amount, currency=opened.currency, target=opened.target
    )


def call_of(content: Content, *, is_pending: bool) -> tuple[str, str]:
    """A call as it is shown whole, or why it is not there any more. What people are still to decide about must be
    there: raises Erased, Missing."""
    try:
        return json.dumps(blobs.value(content), ensure_ascii=False, indent=2), ""
    except blobs.Erased as gone:
        if is_pending:
            raise
        return "", gone.message


def origin_words(origins: Sequence[Origin]) -> str:
    """Where the values of a call stand, counted: "3 in an uploaded file, 1 nowhere in what the agent was given"."""
    counted = Counter(KIND_WORDS[one.kind] for one in origins)
    return ", ".join(
        f"{count} {'' if words.startswith('nowhere') else 'in '}{words}"
        for words, count in counted.most_common()
    )


def checks_of(opened: record.Opened, run: work.RunCard) -> tuple[dict[str, str], ...]:
    found = [{"label": check.label, "value": check.found, "source": "verified"} for check in opened.checks]
    if run.digest_matches is not None:
        same = (
            "What is stored for execution has the digest shown here."
            if run.digest_matches
            else ("What is stored for execution is NOT what is shown here. Do not approve it.")
        )
        found.append({"label": "Payload", "value": same, "source": "verified"})
    return tuple(found)
