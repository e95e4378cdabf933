"""Make hidden characters visible, so that what a person reads is what the payload holds.

Every character that shows nothing, changes the direction of text or only looks like a space is written as
its code point between mathematical brackets, ⟨U+202E⟩. The brackets themselves are written so too: two
different texts never look the same because of what is hidden in them. Letters of different scripts that
look alike stay as they are.
"""

from __future__ import annotations

import unicodedata

# Cc control, Cf format (bidirectional marks too), Cs surrogate, Co private use, Cn unassigned, Z* separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})

# Default-ignorable code points that those categories do not cover, and the blank letters.
_HIDDEN_RANGES = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors
    (0x2800, 0x2800),  # braille blank
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xFFFC, 0xFFFC),  # object replacement
    (0xE0000, 0xE0FFF),  # tags and more variation selectors
)
_BRACKETS = "⟨⟩"


def is_hidden(character: str) -> bool:
    """Whether a character could deceive a reader by showing nothing or by moving others."""
    if character == " ":
        return False
    code = ord(character)
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or any(
        first <= code <= last for first, last in _HIDDEN_RANGES
    )


def visible(text: str, *, keep_lines: bool = False) -> str:
    """The text with hidden characters written out. `keep_lines` leaves line feeds as they are."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if not (is_hidden(character) or character in _BRACKETS) or (keep_lines and character == "\n")
        else f"⟨U+{ord(character):04X}⟩"
        for character in text
    )


def has_hidden(text: str) -> bool:
    """Whether a text holds a hidden character; a warning is then shown beside it."""
    return any(is_hidden(character) for character in text)
