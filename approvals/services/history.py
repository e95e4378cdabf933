"""What came before a live action, read when a rule asks for it: totals and targets from the rows, texts of the run."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils import timezone

from approvals.domain.known import Known
from approvals.domain.provenance import TEXT_LENGTH, Origin, Readied, Sources, Text, trace
from approvals.domain.terms import Facts
from orchestrator import blobs, eventlog
from orchestrator.domain.specs import ToolSpec
from orchestrator.ports import ActionFacts
from orchestrator.queries import contents, recorded, totals

RESULTS = 50
FILES = 50
FILE_BYTES = 1_000_000
ORIGINS = 20
# Parts of a run's input that are no words of the person who started it.
_NO_WORDS = frozenset({"files"})


class RunHistory:
    """The history of one action of one run."""

    def __init__(self, run: str, action: str, words: str = "") -> None:
        self.run, self.action, self.words = run, action, words
        self._sources: Sources | None = None

    def total(
        self, *, currency: str, since: dt.datetime, agent: str = "", target: str = "", tool: str = ""
    ) -> Decimal:
        return totals.reserved(
            currency=currency, since=since, agent=agent, target=target, tool=tool, but=(self.run, self.action)
        )

    def has_reached(self, *, tool: str, target: str) -> bool:
        return totals.has_reached(tool=tool, target=target, but=(self.run, self.action))

    def sources(self) -> Sources:
        if self._sources is None:
            self._sources = self._read()
        return self._sources

    def _read(self) -> Sources:
        given = eventlog.load(self.run).state.input
        value = blobs.value(given) if given is not None else {}
        asked = (
            {name: part for name, part in value.items() if name not in _NO_WORDS}
            if isinstance(value, dict)
            else value
        )
        files = tuple(
            Text(file.name, blobs.read(file.digest)[:FILE_BYTES].decode(errors="ignore"))
            for file in contents.files_of(given)[:FILES]
        )
        return Sources(
            task=_text(asked), files=files, results=tuple(_results(self.run, self.action)), words=self.words
        )


def known_of(facts: ActionFacts, plain: Facts, *, at: dt.datetime | None = None) -> Known:
    """Everything that a condition may ask of an action of a run, read no sooner than it asks."""
    return Known(
        facts=plain,
        at=timezone.localtime(at),
        arguments=facts.arguments,
        operands=operands(facts.tool),
        history=RunHistory(facts.run, facts.action, facts.reason),
    )


def origins(facts: ActionFacts) -> tuple[Origin, ...]:
    """Where the values of a call stand, for those who decide about it: the first ORIGINS of them."""
    sources = RunHistory(facts.run, facts.action, facts.reason).sources()
    return trace(facts.arguments, Readied.of(sources))[:ORIGINS]


def operands(tool: ToolSpec) -> tuple[str, ...]:
    """The arguments of a declared tool that say whom or what a call reaches and how much it moves; all of them when
    the declaration names none."""
    named = (tool.target_field, tool.amount_field, tool.currency_field, tool.person_field)
    return tuple(name for name in named if name)


def _results(run: str, action: str) -> list[Text]:
    """The results of the run's earlier actions, the most recent ones when there are many."""
    return [
        Text(f"{tool}, {earlier}", _text(value))
        for earlier, tool, value in recorded.results(run, before=action, limit=RESULTS)
    ]


def _text(value: Any) -> str:
    """All texts and numbers in a value, one to a line."""
    lines: list[str] = []
    waiting = [value]
    length = 0
    while waiting and length < TEXT_LENGTH:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(reversed(list(one.values())))
        elif isinstance(one, list):
            waiting.extend(reversed(one))
        elif one is not None and not isinstance(one, bool):
            lines.append(str(one))
            length += len(lines[-1])
    return "\n".join(lines)[:TEXT_LENGTH]
