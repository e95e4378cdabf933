"""Events on the log: names, versions, upcasts, and what a reader of an older or newer log meets."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from orchestrator.domain import content, digests
from orchestrator.domain import events as e
from orchestrator.domain.validation import StageVerdict

WORDS = re.compile(r"^[a-z]+\.[a-z_]+$")


def example(kind: type[e.Body]) -> e.Body:
    """A body of this kind with every field set."""
    made: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        made[field.name] = _value(field.type, field.name)
    return kind(**made)


def _value(kind: Any, name: str) -> Any:
    known: dict[Any, Any] = {
        str: name,
        tuple[str, ...]: (name,),
        int: 3,
        bool: True,
        msgspec.Raw: msgspec.Raw(b'{"a":1}'),
        content.Content: content.seal({"n": 1})[0],
        StageVerdict: StageVerdict(outcome="pass"),
        tuple[e.SignedBy, ...]: (
            e.SignedBy(who="r", role="reviewer", verb="approve", at="x", seen_digest="d", seen_version=1),
        ),
    }
    for option in (kind, *getattr(kind, "__args__", ())):
        if option in known:
            return known[option]
    raise AssertionError(f"no example of {kind}")


@pytest.mark.parametrize("kind", e.TYPES.values(), ids=e.TYPES.keys())
def test_every_event_comes_back_from_the_log_as_it_was(kind: type[e.Body]) -> None:
    body = example(kind)
    name, version = e.name_of(body)
    assert e.decode(name, version, e.encode(body)) == body
    assert e.decode(name, version, e.encode(body).decode()) == body


@pytest.mark.parametrize("kind", e.TYPES.values(), ids=e.TYPES.keys())
def test_every_payload_is_canonical(kind: type[e.Body]) -> None:
    data = e.encode(example(kind))
    assert digests.canonical(msgspec.json.decode(data)) == data


def test_events_are_named_after_what_has_happened() -> None:
    assert [name for name in e.TYPES if not WORDS.match(name)] == []


def test_every_older_version_has_its_upcast() -> None:
    missing = [
        (name, version)
        for name, kind in e.TYPES.items()
        for version in range(1, kind.VERSION)
        if (name, version) not in e.UPCASTS
    ]
    assert missing == []


def test_an_older_version_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e.RunPaused, "VERSION", 3)
    monkeypatch.setitem(e.UPCASTS, ("run.paused", 1), lambda value: {"why": value["text"]})
    monkeypatch.setitem(e.UPCASTS, ("run.paused", 2), lambda value: {"reason": value["why"]})
    assert e.decode("run.paused", 1, b'{"text":"wait"}') == e.RunPaused(reason="wait")
    assert e.decode("run.paused", 2, b'{"why":"wait"}') == e.RunPaused(reason="wait")
    assert e.decode("run.paused", 3, b'{"reason":"wait"}') == e.RunPaused(reason="wait")


def test_an_action_proposed_before_agents_could_say_what_follows_a_rejection_says_nothing_of_it() -> None:
    body = msgspec.structs.replace(example(e.ActionProposed), otherwise="")
    value = msgspec.json.decode(e.encode(body))
    value.pop("otherwise", None)
    assert e.decode("action.proposed", 1, msgspec.json.encode(value)) == body


def test_a_fact_of_another_app_is_carried_byte_for_byte() -> None:
    body = e.decode("request.opened", 7, b'{"b":1, "a":2}')
    assert isinstance(body, e.Recorded)
    assert e.name_of(body) == ("request.opened", 7)
    assert e.encode(body) == b'{"b":1, "a":2}'


def test_a_field_that_a_newer_version_added_is_ignored() -> None:
    assert e.decode("run.paused", 1, b'{"reason":"wait","later":1}') == e.RunPaused(reason="wait")


def test_the_envelope_covers_everything_but_the_payload() -> None:
    fields: tuple[Any, ...] = ("s", 1, "run.paused", 1, "system", 0, 5)
    seen = {e.envelope(*fields)}
    changed: tuple[Any, ...] = ("t", 2, "run.resumed", 2, "user:x", 1, 6)
    for place, other in enumerate(changed):
        seen.add(e.envelope(*fields[:place], other, *fields[place + 1 :]))
    assert len(seen) == 8
