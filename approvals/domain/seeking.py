"""Whether a value stands in a text: in any of its spellings, as words of its own and never as a part of an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

import msgspec

from approvals.domain import spellings

VALUE_LENGTH = 500


class Compared:
    """A text as it is compared: its plain spelling, and the numbers, days and times that it names. Read when asked for.

    A text with escapes is compared as it is and as it was meant, one after the other.
    """

    def __init__(self, text: str) -> None:
        meant = spellings.unescaped(text)
        self._text = text if meant == text else f"{text}\n{meant}"
        self.spelled = spellings.plain(self._text)

    @cached_property
    def bare(self) -> str:
        return spellings.without_accents(self.spelled)

    @cached_property
    def numbers(self) -> frozenset[str]:
        return spellings.numbers(self._text)

    @cached_property
    def dates(self) -> frozenset[str]:
        return spellings.dates(self._text)

    @cached_property
    def times(self) -> frozenset[str]:
        return spellings.times(self._text)


@lru_cache(maxsize=128)
def compared(text: str) -> Compared:
    """Each call of a run looks at the same texts again."""
    return Compared(text)


class Sought(msgspec.Struct, frozen=True):
    """A value as it is looked for, in all the ways in which it may be spelled."""

    shown: str
    is_outside: bool
    number: str | None
    moment: tuple[str, str] | None
    account: re.Pattern[str] | None
    words: tuple[str, ...]

    @classmethod
    def of(cls, value: Any) -> Sought:
        return _sought(str(value), isinstance(value, bool))

    @classmethod
    def read(cls, given: str, is_truth: bool) -> Sought:
        text = spellings.address_in(given[:VALUE_LENGTH])
        return cls(
            shown=spellings.plain(text),
            is_outside=is_outside(text),
            number=None if is_truth else spellings.number(given),
            moment=spellings.moment(text),
            account=spellings.account(text),
            words=spellings.words(text),
        )

    def stands_in(self, known: Compared) -> str:
        """How the value is written there, empty when it does not stand there."""
        if self.number is not None and self.number in known.numbers:
            return self.shown
        if self.number is not None and self.shown.isdigit() and len(self.shown) < 3:
            return ""  # as text it would also stand in every date
        if self.shown and stands_in(self.shown, known.spelled, is_outside=self.is_outside):
            return self.shown
        if self.account is not None and (match := self.account.search(known.spelled)):
            return match[0]
        if self.moment is not None:
            day, time = self.moment
            is_there = spellings.names_day(day, known.dates) and (not time or time in known.times)
            return self.shown if is_there else ""
        bare = spellings.without_accents(self.shown)
        is_there = not self.is_outside and bool(bare) and stands_in(bare, known.bare)
        return self.shown if is_there else ""


def is_outside(value: str) -> bool:
    """Whether a value is an address, a link or an account."""
    return spellings.OUTSIDE.search(value) is not None


def stands_in(value: str, text: str, *, is_outside: bool = False) -> bool:
    """Whether the value stands in the text as words of its own, not as a part of a longer word or address."""
    return next(places(value, text, is_outside=is_outside), None) is not None


def places(value: str, text: str, *, is_outside: bool = False) -> Iterator[int]:
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        before, after, next_ = (
            text[start - 1 : start] or " ",
            text[end : end + 1] or " ",
            text[end + 1 : end + 2],
        )
        opens = not (value[0].isalnum() and before.isalnum())
        closes = not (value[-1].isalnum() and after.isalnum())
        if is_outside:
            # An address is no part of another: ann@fern.example is neither mary-ann@… nor …@fern.example.thorn.
            opens = opens and before not in "-._+%@"
            closes = closes and after not in "-_@" and not (after == "." and next_.isalnum())
        if opens and closes:
            yield start
        start = text.find(value, start + 1)


@lru_cache(maxsize=512)
def _sought(given: str, is_truth: bool) -> Sought:
    """The same value is looked for by several rules."""
    return Sought.read(given, is_truth)
