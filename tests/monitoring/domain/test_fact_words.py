"""Every kind of event that can be on the record is said as a sentence, whatever its payload holds."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import approvals.domain
from config import people_record
from monitoring.domain import fact_words, lines
from monitoring.queries.audit_lines import PAGES
from monitoring.queries.audit_page import SUBJECTS
from orchestrator.domain import events as e

ROOT = Path(__file__).resolve().parents[3]
KIND = re.compile(r"[a-z]+\.[a-z_]+")
# What is sent to a program that is being tried, and stands on no log.
ONLY_SENT = {"hook.tested"}


def _of_approvals() -> Iterator[str]:
    """What the approver's domain names as the type of a fact, found by looking at all of it."""
    for module in pkgutil.iter_modules(approvals.domain.__path__):
        for found in vars(importlib.import_module(f"approvals.domain.{module.name}")).values():
            if inspect.isclass(found) and issubclass(found, msgspec.Struct):
                name = getattr(found, "TYPE", "")
                if name:
                    yield name


def _constants(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KIND.fullmatch(node.value):
            yield node.value


def _of_journals() -> Iterator[str]:
    """What is written by name where the journal is written to, outside the approver's facts."""
    for app in ("orchestrator/services", "monitoring/services", "approvals/services"):
        for file in sorted((ROOT / app).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            if "journal.record(" in text:
                for name in _constants(ast.parse(text)):
                    if name.partition(".")[0] not in {"hold", "orchestrator", "approvals", "config"}:
                        yield name


def _of_people() -> Iterator[str]:
    """What `config` notes of people and groups: the names in calls, and those that its pages carry."""
    nouns = {"note_person": "person", "note_group": "group", "_note": "person"}
    for file in sorted((ROOT / "config").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                known = node.args[1] if called in nouns and len(node.args) > 1 else None
                if isinstance(known, ast.Constant) and known.value:
                    yield f"{nouns[called]}.{known.value}"
            elif isinstance(node, ast.ClassDef):
                yield from (f"person.{name}" for name in _facts_of(node))


def _facts_of(page: ast.ClassDef) -> Iterator[str]:
    """`fact = "…"`, also as the first of several names."""
    for line in page.body:
        if isinstance(line, ast.Assign):
            target, value = line.targets[0], line.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                target, value = target.elts[0], value.elts[0]
            is_fact = isinstance(target, ast.Name) and target.id == "fact"
            if is_fact and isinstance(value, ast.Constant) and value.value:
                yield str(value.value)


OTHER_STREAMS = sorted({*_of_approvals(), *_of_journals(), *_of_people()} - ONLY_SENT)
OF_PEOPLE = sorted(set(_of_people()))


def test_the_looking_finds_what_is_known_to_be_written() -> None:
    known = {
        "request.opened", "breakglass.called", "hook.created", "token.revoked", "delegation.set", "key.rotated",
        "verification.failed", "export.begun", "content.erased", "person.invited", "person.second_factor_removed",
        "person.recovery_codes_made", "person.mail_address_confirmed", "person.mail_tested", "group.members_set",
    }  # fmt: skip
    assert known <= set(OTHER_STREAMS)


@pytest.mark.parametrize("kind", OTHER_STREAMS)
def test_a_fact_of_another_stream_has_a_sentence_a_filter_and_a_page(kind: str) -> None:
    said = fact_words.said_of(kind, {})
    assert said is not None, f"Say {kind} in monitoring/domain/fact_words.py."
    assert said.title
    assert kind not in said.title
    noun = kind.partition(".")[0]
    assert noun in SUBJECTS
    assert noun in PAGES


@pytest.mark.parametrize("kind", sorted(set(e.TYPES) - {"recorded"}))
def test_an_event_of_a_run_or_of_the_catalogue_has_a_sentence_and_a_filter(kind: str) -> None:
    assert e.TYPES[kind] in lines._SAY, f"Say {kind} in monitoring/domain/lines.py."
    assert kind.partition(".")[0] in SUBJECTS


@pytest.mark.parametrize("kind", OF_PEOPLE)
def test_the_history_of_a_person_or_group_says_it_too(kind: str) -> None:
    assert kind in people_record.WORDS


def test_nothing_is_said_of_what_nobody_writes() -> None:
    assert set(fact_words.WORDS) - set(OTHER_STREAMS) == set()
    assert set(people_record.WORDS) - set(OF_PEOPLE) == set()


ODD: list[Any] = [
    "0001-01-01T00:00:00+14:00",
    None,
    7,
    -1,
    True,
    "",
    "x" * 9000,
    "\u202e<b>",
    [1, None, {}],
    {"reason": [1]},
    {},
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_a_payload_that_is_not_as_it_should_be_costs_words_and_never_the_line(odd: Any) -> None:
    for kind, say in fact_words.WORDS.items():
        fields = "person group delegation grant reason people roles sessions until parts verb kind removed of server"
        said = say(
            dict.fromkeys([*fields.split(), "text", "by", "expires_at", "agent", "events", "before"], odd)
        )
        assert isinstance(said.title, str), kind
        assert isinstance(said.detail, str), kind


@pytest.mark.parametrize(
    ("kind", "facts", "title", "detail"),
    [
        (
            "request.signed",
            {"person": "rosa", "verb": "approve", "acting_for": "ben", "reason": "fine"},
            "rosa approved",
            "in place of ben, “fine”",
        ),
        (
            "delegation.set",
            {"delegation": {
                "person": "rosa", "delegate": "ben", "is_leave": True, "reason": "ill",
                "starts_at": "2026-11-25T13:00:00Z", "until": "2026-11-28T13:00:00Z",
            }},
            "ben decides for rosa",
            "who is away, from 25 Nov 2026 13:00 UTC, until 28 Nov 2026 13:00 UTC, “ill”",
        ),
        (
            "grant.created",
            {"grant": {"agent": "treasurer", "tool": "payments.pay", "max_amount": "10", "currency": "EUR", "max_uses": 1}},
            "Standing grant asked for: treasurer may call payments.pay",
            "up to 10 EUR, at most 1 time",
        ),
        (
            "token.created",
            {"prefix": "cs_ab", "agent": "courier", "agent_revision": 2, "scopes": ["act", "read"]},
            "API token cs_ab… made for agent courier, revision 2",
            "may act, read",
        ),
        (
            "breakglass.called",
            {"person": "adam", "releases": True, "reason": "fire"},
            "adam broke the glass: the action is released",
            "“fire”",
        ),
        (
            "person.roles_set",
            {"person": "rosa", "roles": ["admin", "reviewer"], "before": ["reviewer"]},
            "The roles of rosa were set",
            "now admin, reviewer, before reviewer",
        ),
        (
            "person.password_reset",
            {"person": "rosa", "sessions": 1},
            "rosa was given a new password",
            "signed out at 1 place",
        ),
        ("group.members_set", {"group": "risk", "added": ["rosa"]}, "The members of group risk were set", "in: rosa"),
        ("export.begun", {"whole": True, "contents": True}, "The whole record was exported", "with contents"),
    ],
)  # fmt: skip
def test_what_happened_is_said_with_who_and_how_much(
    kind: str, facts: dict[str, Any], title: str, detail: str
) -> None:
    said = fact_words.said_of(kind, facts)
    assert said is not None
    assert (said.title, said.detail) == (title, detail)
