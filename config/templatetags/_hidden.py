"""Finds the characters that a reader cannot see or that change how the rest is shown, and names them.

Owns the list of such characters. It removes nothing: what an agent wrote stays complete, only visible.
"""

from __future__ import annotations

import unicodedata

# Control, format (zero width, bidi, tags), surrogate, private use, unassigned, line and paragraph separators.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that print as nothing although their category says otherwise.
BLANK = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC})
SHOWN_AS_THEY_ARE = frozenset("\n\t ")


def is_hidden(character: str) -> bool:
    """True when a reader would not see this character, or would see its neighbours in another order."""
    if character in SHOWN_AS_THEY_ARE or " " < character <= "~":
        return False
    point = ord(character)
    return (
        unicodedata.category(character) in HIDDEN_CATEGORIES
        or unicodedata.category(character) == "Zs"
        or point in BLANK
        or 0xFE00 <= point <= 0xFE0F
        or 0x180B <= point <= 0x180F
        or 0xE0000 <= point <= 0xE0FFF
    )


def label(character: str) -> str:
    """The character's number, as in U+202E."""
    return f"U+{ord(character):04X}"


def name(character: str) -> str:
    """The character's name in words, or its number where Unicode gives none."""
    return unicodedata.name(character, f"character {label(character)}").lower()
