"""One value, many spellings: numbers, dates, accounts, addresses and names, as people and programs write them.

What two texts have in common is looked for after spelling that means nothing is taken away. A spelling that can be
read in two ways (05/06, 1.234) is read in both: it serves to find where a value stands, never to calculate.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from approvals.domain.money import MINOR_UNITS

# What stands for somebody or something outside, wherever it is written: addresses, links, accounts.
OUTSIDE = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s<>\"')\]]+|www\.[^\s<>\"')\]]+|\b[A-Z]{2}\d{2}[A-Z0-9]{10,30}\b"
)
_SPACE = re.compile(r"\s+")
# How JSON and YAML write line breaks, quotes and letters inside of quotes; a line that goes on after a backslash.
_ESCAPED = re.compile(r"""\\(?:[ \t]*\n[ \t]*\\?|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrt"'/\\]))|''""")
_ESCAPES = {"n": "\n", "r": "\n", "t": " "}
_SCHEME = re.compile(r"\bhttps?://(?:www\.)?|\bwww\.|\bmailto:")
_THOUSANDS = re.compile(r"(?<=\d)[,'\u2009\u202f](?=\d{3}(?:\D|$))")
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,18}(?:\.\d{1,12})?(?![\w])")
_SIGN = rf"(?:{'|'.join(MINOR_UNITS)}|[$€£¥])"
_GLUED = re.compile(rf"(?<![\w.])(?:{_SIGN})?(\d{{1,18}}(?:\.\d{{1,12}})?)(?:{_SIGN})?(?![\w])")
_CURRENCY = re.compile(rf"^{_SIGN}\s?(?=-?\d)|(?<=\d)\s?{_SIGN}$")
# 1.234,56 and 12,50: a point between thousands, a comma before decimals.
_COMMA = re.compile(
    r"(?<![\w.,])(-?\d{1,3}(?:[.\s\u00a0\u202f]\d{3})*|-?\d{1,18})(?:,(\d{1,2}))?(?![\w,]|\.\d)"
)
_TIMES = re.compile(r"(?<![\w.])(\d{1,6}(?:\.\d{1,6})?)\s?(k|thousand|million)\b", re.IGNORECASE)
_FACTORS = {"k": 1000, "thousand": 1000, "million": 1_000_000}
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
)
_WORDS = {word: value for value, word in enumerate(f"{_SMALL} seventeen eighteen nineteen".split())}
_WORDS |= {
    word: 10 * (at + 2)
    for at, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"])
}
_SCALES = {"hundred": 100, "thousand": 1000}
_IN_WORDS = re.compile(
    rf"\b(?:{'|'.join([*_WORDS, *_SCALES])})(?:[\s-]+(?:and\s+)?(?:{'|'.join([*_WORDS, *_SCALES])})){{0,8}}\b"
)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: at for at, name in enumerate(_MONTH_NAMES, start=1)}
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?!\d)")
_DAY_MONTH = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+(\d{{4}}))?\b", re.IGNORECASE
)
_MONTH_DAY = re.compile(
    rf"\b{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s+(\d{{4}})\b)?", re.IGNORECASE
)
_MOMENT = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[T ](\d{1,2}):(\d{2})(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_CLOCK = re.compile(
    r"(?<![\d:])(\d{1,2})(?:[:.](\d{2}))?\s?(a\.?m\.?|p\.?m\.?|o'clock|h\b)?(?![\d:])", re.IGNORECASE
)
_ACCOUNT = re.compile(r"[A-Za-z]{2}\d{2}[A-Za-z0-9]{10,30}|\+?\d{7,24}")
_BREAKS = r"[\s./()-]{0,2}"
_NAMED = re.compile(r"^[^<>@]{0,200}<([^<>\s]+@[^<>\s]+)>$")


def plain(text: str) -> str:
    """A text without the spelling that means nothing: case, spaces, thousands, how a link begins."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _SPACE.sub(" ", _SCHEME.sub("", _THOUSANDS.sub("", folded))).strip()


def unescaped(text: str) -> str:
    """A text as it was before JSON or YAML wrote it between quotes. For finding where a value stands, never a value."""
    return _ESCAPED.sub(_meant, text) if "\\" in text or "''" in text else text


def without_accents(text: str) -> str:
    """The same letters without their accents. Never for addresses, in which each letter counts."""
    return "".join(
        letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter)
    )


def address_in(value: str) -> str:
    """The address of "Ann Fern <ann@fern.example>", and a link without the slash at its end."""
    named = _NAMED.match(value.strip())
    found = named[1] if named else value
    return found.rstrip("/") if OUTSIDE.match(found) else found


def number(text: str) -> str | None:
    """A text that is one number, in one spelling: 82,000.00 and 82000 are the same."""
    try:
        value = Decimal(_THOUSANDS.sub("", _CURRENCY.sub("", text.strip())))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value.adjusted()) > 30:
        return None
    return format(value.normalize() if value else Decimal(0), "f")


def numbers(text: str) -> frozenset[str]:
    """The numbers that a text holds, each in one spelling, an ambiguous one in both. The parts of a date are none."""
    text = _ISO.sub(" ", text)
    without = _THOUSANDS.sub("", text)
    found = {
        *_NUMBER.findall(without),
        *_GLUED.findall(without),
        *_with_comma(text),
        *_in_words(text.casefold()),
    }
    for amount, factor in _TIMES.findall(without):
        found.add(str(Decimal(amount) * _FACTORS[factor.casefold()]))
    return frozenset(one for text in found if (one := number(text)) is not None)


def dates(text: str) -> frozenset[str]:
    """The days that a text names, as 2026-06-04, and without a year as --06-04."""
    found: set[str] = set()
    for year, month, day in _ISO.findall(text):
        found |= _day(year, month, day)
    for first, second, year in _DAY_FIRST.findall(text):
        full = year if len(year) == 4 else f"20{year}"
        found |= _day(full, second, first) | _day(full, first, second)
    for day, month, year in _DAY_MONTH.findall(text):
        found |= _day(year, str(_MONTHS[month[:3].casefold()]), day)
    for month, day, year in _MONTH_DAY.findall(text):
        found |= _day(year, str(_MONTHS[month[:3].casefold()]), day)
    return frozenset(found)


def times(text: str) -> frozenset[str]:
    """The times of day that a text names, as 14:30."""
    found = set()
    for hour, minute, half in _CLOCK.findall(text):
        if not minute and not half:
            continue
        mark = half.casefold().replace(".", "")
        full = int(hour) % 12 + (12 if mark == "pm" else 0) if mark in ("am", "pm") else int(hour)
        if full < 24 and int(minute or 0) < 60:
            found.add(f"{full:02d}:{minute or '00'}")
    return frozenset(found)


def moment(value: str) -> tuple[str, str] | None:
    """A value that is a day, with its time when it has one: ("2026-06-04", "10:00"). Midnight is no time."""
    match = _MOMENT.fullmatch(value.strip())
    if match is None:
        return None
    day = next(iter(dates(value)), "")
    clock = f"{int(match[1]):02d}:{match[2]}" if match[1] else ""
    return (day, "" if clock == "00:00" else clock) if day else None


def names_day(day: str, known: frozenset[str]) -> bool:
    """Whether a day is among those that a text names, or the same day without a year."""
    return day in known or f"-{day[4:]}" in known


def account(value: str) -> re.Pattern[str] | None:
    """For an account, card or telephone number the pattern that finds it however it is broken into groups."""
    compact = re.sub(_BREAKS.replace("{0,2}", ""), "", value.strip())
    if not _ACCOUNT.fullmatch(compact) or len(value) > 60:
        return None
    return re.compile(rf"(?<!\w){_BREAKS.join(map(re.escape, compact.casefold()))}(?!\w)")


def words(value: str) -> tuple[str, ...]:
    """The words of a name that could be put together from several places; none when it is no such name."""
    found = tuple(re.findall(r"\w+", plain(value)))
    is_name = 2 <= len(found) <= 6 and len(value) <= 80 and all(len(word) > 1 for word in found)
    return found if is_name and not OUTSIDE.search(value) and not any(map(str.isdigit, found)) else ()


def sentences(text: str) -> list[str]:
    """The sentences of a plain text, roughly."""
    return [one for one in re.split(r"[.!?;]\s|\n", text) if one.strip()]


def _meant(escape: re.Match[str]) -> str:
    code, plain_ = escape[1] or escape[2], escape[3]
    if code:
        return chr(int(code, 16))
    return _ESCAPES.get(plain_, plain_) if plain_ else "'" if escape[0] == "''" else ""


def _with_comma(text: str) -> Iterator[str]:
    for whole, decimals in _COMMA.findall(text):
        bare = re.sub(r"[.\s\u00a0\u202f]", "", whole)
        if decimals or bare != whole:
            yield f"{bare}.{decimals}" if decimals else bare


def _in_words(text: str) -> Iterator[str]:
    for match in _IN_WORDS.finditer(text):
        total, part = 0, 0
        for word in re.findall(r"[a-z]+", match[0]):
            if word in _WORDS:
                part += _WORDS[word]
            elif word == "hundred":
                part = max(part, 1) * 100
            elif word == "thousand":
                total, part = total + max(part, 1) * 1000, 0
        if total + part > 1:  # "one" is a pronoun more often than a number
            yield str(total + part)


def _day(year: str, month: str, day: str) -> set[str]:
    try:
        found = dt.date(int(year or 2000), int(month), int(day))
    except ValueError:
        return set()
    return {found.isoformat() if year else f"--{found.month:02d}-{found.day:02d}"}
