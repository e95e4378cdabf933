"""Facts that conditions may name, and the providers that know them. A new kind of facts joins as one provider.

A provider reads what is known of one action. It is asked only when a rule names one of its facts, and once for each
action; when it raises, the rules that named it hold the action.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from approvals.domain import money
from approvals.domain.conditions import Language, Type, Unclear
from approvals.domain.known import Known
from approvals.domain.visible import visible
from orchestrator.domain import errors

Unit = Literal["", "money"]

VALUE_LENGTH = 400
_BRACED = re.compile(r"\{([^{}]*)\}")
_CURRENCY = "money.currency"


class FactType(msgspec.Struct, frozen=True):
    """One name for conditions: its type, what it means, and whether it is an amount in minor units.

    `otherwise` is what it means when a yes-or-no fact is not so.
    """

    name: str
    type: Type
    words: str
    unit: Unit = ""
    otherwise: str = ""


class Provider(msgspec.Struct, frozen=True):
    """Facts that are read together. `read` gives a value for each name; a name that it leaves out has no answer."""

    name: str
    facts: tuple[FactType, ...]
    read: Callable[[Known], Mapping[str, Any]]


class Book:
    """All providers, and the language that their facts make."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers: list[Provider] = []
        self.types: dict[str, FactType] = {}
        self._of: dict[str, Provider] = {}
        for provider in providers:
            self._add(provider)
        self.language = self._language()

    def join(self, provider: Provider) -> None:
        """Add a provider for good; conditions may name its facts from now on."""
        self._add(provider)
        self.language = self._language()

    def leave(self, name: str) -> None:
        """Take a provider out again; conditions that name its facts hold from now on."""
        provider = next(one for one in self._providers if one.name == name)
        self._providers.remove(provider)
        for fact in provider.facts:
            del self.types[fact.name], self._of[fact.name]
        self.language = self._language()

    def joined(self, *providers: Provider) -> Book:
        """This book with more providers, for whoever wants to leave this one as it is."""
        return Book([*self._providers, *providers])

    @property
    def providers(self) -> tuple[Provider, ...]:
        return tuple(self._providers)

    def provider_of(self, name: str) -> Provider:
        return self._of[name]

    def faults_of(self, explanation: str) -> list[str]:
        """What is wrong with the sentence of a rule."""
        return [
            f"There is no fact named {name[:60]!r} to fill in."
            for name in _BRACED.findall(explanation)
            if name not in self.types
        ]

    def _add(self, provider: Provider) -> None:
        for fact in provider.facts:
            if fact.name in self.types:
                raise errors.Refused(f"Two providers give the fact {fact.name}. Rename one.")
            self.types[fact.name] = fact
            self._of[fact.name] = provider
        self._providers.append(provider)

    def _language(self) -> Language:
        return Language({fact.name: fact.type for fact in self.types.values()})


class Reading:
    """The facts of one action, each provider asked at most once and only when needed."""

    def __init__(self, known: Known, book: Book) -> None:
        self.known, self.book = known, book
        self._read: dict[str, Mapping[str, Any]] = {}
        self._failed: dict[str, str] = {}

    def matches(self, condition: str) -> bool:
        """Whether the condition is true of this action. Raises Unclear, which says why it has no answer."""
        language = self.book.language
        wanted = language.named(condition)
        facts = {name: value for name in wanted if (value := self.value(name)) is not None}
        try:
            return language.matches(condition, facts)
        except Unclear as unclear:
            asked = {self.book.provider_of(name).name for name in wanted}
            because = [self._failed[name] for name in sorted(asked) if name in self._failed]
            raise Unclear("; ".join(because) or unclear.message) from None

    def value(self, name: str) -> Any:
        """The value of one fact; None when there is none."""
        provider = self.book.provider_of(name)
        if provider.name not in self._read:
            try:
                self._read[provider.name] = provider.read(self.known)
            except errors.CountersignError as error:
                self._fail(provider, error.message)
            except Exception as error:
                # Whatever a provider does, the rules that need it hold the action and say so.
                self._fail(provider, type(error).__name__)
        return self._read[provider.name].get(name)

    def filled(self, explanation: str) -> str:
        """The sentence of a rule with what was found in the places of its facts."""
        return _BRACED.sub(lambda found: self.shown(found[1]), explanation)

    def shown(self, name: str) -> str:
        """A fact as people read it: money grouped with its currency, hidden characters visible, bounded."""
        if name not in self.book.types:
            return "unknown"
        value = self.value(name)
        if value is None:
            return "unknown"
        if self.book.types[name].unit == "money" and isinstance(value, int):
            return in_money(value, self.value(_CURRENCY) or "")
        if isinstance(value, bool):
            return "yes" if value else "no"
        text = visible(str(value))
        return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}…"

    def _fail(self, provider: Provider, because: str) -> None:
        self._read[provider.name] = {}
        self._failed[provider.name] = f"the facts of {provider.name} cannot be had: {because}"


def in_money(minor: int, currency: str) -> str:
    """Minor units as people read them: 8200000 of EUR is "82,000.00 EUR"."""
    places = money.MINOR_UNITS.get(currency, 2)
    return money.shown(Decimal(minor).scaleb(-places), currency).strip()
