"""What an event is found by, and what of a search is asked."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.domain import audit_words
from monitoring.domain.audit_words import found_by

STREAM = "4fc976ae-35da-5988-93eb-840d842ec9d1"


def found(**given: Any) -> audit_words.Found:
    return found_by(**{"stream": STREAM, "type_": "run.paused", "actor": "system", "payload": {}, **given})


@pytest.mark.parametrize(
    ("given", "agent", "tool"),
    [
        ({"actor": "user:olivia"}, None, None),
        ({"actor": "agent:intake@3"}, "intake", None),
        ({"actor": "system", "agent": "treasurer", "tool": "payments.pay"}, "treasurer", "payments.pay"),
        ({"payload": {"agent": "intake", "tool": "files.read"}}, "intake", "files.read"),
        ({"type_": "agent.published", "payload": {"slug": "intake"}}, "intake", None),
        ({"type_": "workflow.published", "payload": {"slug": "intake"}}, None, None),
        ({"type_": "tool.published", "payload": {"name": "files.read"}}, None, "files.read"),
        ({"payload": {"agent": 7, "tool": ["x"]}}, None, None),
        ({"payload": ["not", "an", "object"]}, None, None),
        ({"actor": "agent:a\x00b"}, "a\ufffdb", None),
    ],
)
def test_an_event_is_found_by_what_it_is_about(
    given: dict[str, Any], agent: str | None, tool: str | None
) -> None:
    answer = found(**given)
    assert (answer.agent, answer.tool) == (agent, tool)


def test_the_words_are_those_of_all_texts_wherever_they_stand() -> None:
    payload = {"a": {"b": ["ACME GmbH", {"c": 'Pay "82000.00"'}]}, "n": 7, "yes": True, "none": None}
    words = set(found(payload=payload, target="DE89").words)
    assert {"acme", "gmbh", "pay", "82000", "00", "7", "de89", "run", "paused", "4fc976ae"} <= words
    assert "true" not in words
    assert "none" not in words


def test_what_is_searched_of_one_event_is_bounded() -> None:
    words = found(payload=[f"word{number}" for number in range(10_000)] + ["x" * 100_000]).words
    assert len(words) <= audit_words.MOST_WORDS
    assert max(map(len, words)) <= audit_words.LONGEST


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("", ""),
        ("  '&|!():* \\ ", ""),
        ("ACME", "'acme':*"),
        ("pay acme pay", "'pay':* & 'acme':*"),
        ("payments.pay", "'payments':* & 'pay':*"),
        ("it's", "'it':* & 's':*"),
        ("Straße\x00", "'strasse':*"),
    ],
)
def test_what_somebody_types_becomes_words_and_never_operators(typed: str, asked: str) -> None:
    assert audit_words.asked(typed) == asked
