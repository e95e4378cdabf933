"""What an event can be found by: which agent and tool it is about, and the words in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# What of one event is searched: bounded, because agents write it.
MOST_WORDS, MOST_LETTERS, LONGEST = 300, 20_000, 64
MOST_ASKED = 12
_WORD = re.compile(r"\w+")


class Found(NamedTuple):
    """What an event is found by; None where it has none of that."""

    subject: str
    agent: str | None
    tool: str | None
    words: tuple[str, ...]


def found_by(
    *, stream: str, type_: str, actor: str, payload: Any, agent: str = "", tool: str = "", target: str = ""
) -> Found:
    """What one event is found by. `agent`, `tool` and `target` are known where it names them only by an id."""
    facts: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    kind, _, name = actor.partition(":")
    who = name.partition("@")[0]
    about = agent or _text(facts.get("agent")) or (who if kind == "agent" else "")
    if not about and type_.startswith("agent."):
        about = _text(facts.get("slug"))
    using = (
        tool or _text(facts.get("tool")) or (_text(facts.get("name")) if type_.startswith("tool.") else "")
    )
    texts = [stream, type_, name, about, using, target, *_texts(payload)]
    return Found(
        subject=type_.partition(".")[0],
        agent=_key(about),
        tool=_key(using),
        words=tuple(sorted(_words(texts))),
    )


def asked(text: str) -> str:
    """What somebody types, as PostgreSQL's tsquery: every word must begin a word of the event. Empty for none."""
    words = [word[:LONGEST] for word in _WORD.findall(text.casefold())][:MOST_ASKED]
    return " & ".join(f"'{word}':*" for word in dict.fromkeys(words))


def _words(texts: list[str]) -> set[str]:
    words: set[str] = set()
    letters = 0
    for text in texts:
        room = MOST_LETTERS - letters
        if room <= 0 or len(words) >= MOST_WORDS:
            break
        for word in _WORD.findall(text[:room].casefold()):
            words.add(word[:LONGEST])
            if len(words) >= MOST_WORDS:
                break
        letters += len(text)
    return words


def _texts(value: Any) -> Iterator[str]:
    """All texts and numbers in a JSON value, in its order."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(reversed(list(one.values())))
        elif isinstance(one, list):
            waiting.extend(reversed(one))
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield str(one)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _key(text: str) -> str | None:
    """A name as an index key: without what no column can hold, and bounded."""
    return text.replace("\x00", "\ufffd")[:200] or None
