"""Whom an event is about, and what they are in it."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.domain import audit_people, fact_words
from orchestrator.domain import events as e


@pytest.mark.parametrize(
    ("type_", "payload", "people"),
    [
        ("person.invited", {"person": "rosa", "roles": ["reviewer"]}, {"rosa": "whom it was done to"}),
        ("person.deactivated", {"person": "rosa"}, {"rosa": "whom it was done to"}),
        ("group.members_set", {"group": "risk", "added": ["rosa"]}, {"rosa": "who joined"}),
        ("agent.published", {"owner": "admin", "published_by": "x"}, {"admin": "accountable for it"}),
        (
            "delegation.set",
            {"delegation": {"person": "rosa", "delegate": "dana"}},
            {"rosa": "who does not decide meanwhile", "dana": "who decides meanwhile"},
        ),
        (
            "delegation.ended",
            {"id": "x", "by": "admin", "person": "rosa", "delegate": "dana"},
            {"rosa": "who decides again", "dana": "who decided meanwhile"},
        ),
        ("delegation.ended", {"id": "x", "by": "admin"}, {}),
        (
            "grant.revoked",
            {"id": "x", "by": "admin", "created_by": "a", "approved_by": "b"},
            {"a": "who made the grant", "b": "the second administrator"},
        ),
        ("request.escalated", {"people": ["a", "b"]}, {"a": "to whom it went up", "b": "to whom it went up"}),
        ("request.signed", {"person": "dana", "acting_for": "rosa"}, {"rosa": "for whom it was answered"}),
        (
            "request.opened",
            {
                "started_by": "o",
                "agent_owner": "a",
                "excluded": [{"person": "o", "code": "x"}, {"person": "a", "code": "y"}],
            },
            {
                "o": "who started the run, left out of approving",
                "a": "accountable for the agent, left out of approving",
            },
        ),
        ("action.unconfirmed", {"assigned_to": "rosa"}, {"rosa": "who must find out"}),
        # What an agent writes names nobody.
        ("turn.completed", {"person": "rosa", "owner": "rosa", "output": {"person": "rosa"}}, {}),
        ("action.proposed", {"person": "rosa"}, {}),
        ("person.invited", {"person": 7}, {}),
        ("person.invited", ["rosa"], {}),
        ("request.escalated", {"people": {"a": "b"}}, {}),
        ("person.invited", {"person": "a\x00b"}, {"a\ufffdb": "whom it was done to"}),
    ],
)
def test_a_fact_names_whom_it_is_about(type_: str, payload: Any, people: dict[str, str]) -> None:
    found = audit_people.named(type_, payload)
    assert {name: ", ".join(words) for name, words in found.items()} == people


def test_how_many_people_one_fact_names_is_bounded() -> None:
    people = [f"p{number}" for number in range(10_000)]
    assert len(audit_people.named("request.reminded", {"people": people})) == audit_people.MOST_PEOPLE


@pytest.mark.parametrize(
    ("actor", "type_", "payload", "words"),
    [
        ("user:rosa", "run.paused", {}, "acted"),
        ("user:dana", "person.invited", {"person": "rosa"}, "named: whom it was done to"),
        ("user:rosa", "person.password_changed", {"person": "rosa"}, "acted; named: whom it was done to"),
        ("agent:rosa@1", "turn.completed", {}, ""),
        ("system", "run.paused", {}, ""),
    ],
)
def test_a_line_says_whether_somebody_acted_or_is_named(
    actor: str, type_: str, payload: Any, words: str
) -> None:
    assert audit_people.part_in("rosa", actor=actor, type_=type_, payload=payload) == words


def test_every_type_that_is_read_for_people_is_one_that_is_recorded() -> None:
    types = {*e.TYPES, *fact_words.WORDS}
    subjects = {name.partition(".")[0] for name in types}
    assert {name for name in audit_people.NAMED if name not in types | subjects} == set()
