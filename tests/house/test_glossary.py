"""The glossary binds the names of our own concepts in classes, events, URLs and pages."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.domain import events as e

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "orchestrator", "approvals", "monitoring", "examples")
# Names that say nothing about what a thing is.
EMPTY = {"manager", "helper", "util", "utils", "handler", "base", "data", "info"}
FOLDERS = {"core", "common", "utils", "helpers"}


def table() -> list[tuple[list[str], list[str]]]:
    """(words, words never used for them) of each row."""
    rows = []
    for line in (ROOT / "docs/glossary.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[0] not in {"Word", "---"}:
            rows.append((_listed(cells[0]), _listed(cells[2])))
    return rows


def allowed() -> set[tuple[str, str]]:
    lines = (ROOT / "tests/house/allowed_words.txt").read_text().splitlines()
    found = set()
    for line in lines:
        if line and not line.startswith("#"):
            place, _, rest = line.partition(": ")
            word, _, why = rest.partition(" - ")
            assert why, f"{line!r} gives no reason"
            found.add((place, word))
    return found


def files(*patterns: str) -> list[str]:
    """Tracked and new files of these patterns, without what is ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return sorted(name for name in listed if "/migrations/" not in name and (ROOT / name).exists())


def named() -> Iterator[tuple[str, set[str]]]:
    """Each place and the words in the names that it gives: classes, events, addresses, and the words of pages."""
    for name in files(*(f"{app}/**.py" for app in APPS)):
        tree = ast.parse((ROOT / name).read_text())
        words: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                words |= {word.lower() for word in re.findall(r"[A-Z][a-z]+", node.name)}
            if name.endswith("urls.py") and isinstance(node, ast.Constant) and isinstance(node.value, str):
                words |= set(re.split(r"[^a-z]+", re.sub(r"<[^>]*>", "", node.value.lower())))
        yield name, words
    for name in files("templates/**.html"):
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", (ROOT / name).read_text(), flags=re.S)
        yield name, {word.lower() for word in re.findall(r"[A-Za-z]+", text)}
    yield "events", {part for name in e.TYPES for part in re.split(r"[._]", name)}


def test_the_glossary_is_sorted_and_names_nothing_twice() -> None:
    first = [words[0].lower() for words, _ in table()]
    assert len(first) > 40
    assert first == sorted(first)
    every = [word.lower() for words, _ in table() for word in words]
    assert len(every) == len(set(every))


def test_every_subject_of_an_event_is_in_the_glossary() -> None:
    known = {word.lower() for words, _ in table() for word in words} | {"belief"}
    assert {name.split(".")[0] for name in e.TYPES} <= known


def test_no_concept_of_ours_has_a_word_that_the_glossary_forbids() -> None:
    never = {word: words[0] for words, forbidden in table() for word in forbidden}
    assert len(never) >= 10
    found = {
        (place, word) for place, words in named() for word in never if word in words or f"{word}s" in words
    }
    wrong = sorted(found - allowed())
    assert not wrong, [f"{place}: {word!r}, the glossary says {never[word]!r}" for place, word in wrong]


def test_every_exemption_is_still_needed() -> None:
    present = dict(named())
    stale = [
        (place, word)
        for place, word in allowed()
        if (ROOT / place).exists() and not {word, f"{word}s"} & present.get(place, set())
    ]
    assert stale == []


@pytest.mark.parametrize("app", APPS)
def test_no_class_is_named_for_nothing(app: str) -> None:
    wrong = []
    for name in files(f"{app}/**.py"):
        for node in ast.walk(ast.parse((ROOT / name).read_text())):
            if isinstance(node, ast.ClassDef):
                last = re.findall(r"[A-Z][a-z]+", node.name)[-1:]
                wrong += [(name, node.name) for word in last if word.lower() in EMPTY]
    assert wrong == []


def test_no_folder_is_named_for_nothing() -> None:
    assert [name for name in files(*(f"{app}/**.py" for app in APPS)) if FOLDERS & set(name.split("/"))] == []


def _listed(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(",") if word.strip()]
