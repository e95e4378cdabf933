"""Hidden characters are always visible, for every string."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.domain.visible import has_hidden, is_hidden, visible

# Also surrogates, which st.text() leaves out by itself.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
ESCAPE = re.compile("⟨U\\+([0-9A-F]{4,6})⟩")


def restored(shown: str) -> str:
    return ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), shown)


@given(ANY_TEXT)
def test_what_is_shown_holds_no_hidden_character(text):
    assert not has_hidden(visible(text))


@given(ANY_TEXT)
def test_what_is_shown_says_exactly_what_the_text_is(text):
    assert restored(visible(text)) == text


@given(ANY_TEXT)
def test_lines_may_be_kept_and_nothing_else(text):
    assert restored(visible(text, keep_lines=True)) == text
    assert not has_hidden(visible(text, keep_lines=True).replace("\n", ""))


def test_every_code_point_of_a_hidden_kind_is_hidden():
    kinds = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}

    shown = [
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in kinds and code != 0x20 and not is_hidden(chr(code))
    ]

    assert shown == []


@pytest.mark.parametrize(
    "code",
    [
        *(
            0x00,
            0x08,
            0x1B,
            0x7F,
            0x85,
            0xA0,
            0xAD,
            0x34F,
            0x61C,
            0x115F,
            0x17B4,
            0x180B,
            0x180E,
            0x200B,
            0x200D,
        ),
        *(
            0x200E,
            0x200F,
            0x2028,
            0x202A,
            0x202E,
            0x2060,
            0x2066,
            0x2069,
            0x2800,
            0x3000,
            0x3164,
            0xFE00,
            0xFE0F,
        ),
        *(
            0xFEFF,
            0xFFA0,
            0xFFF9,
            0xFFFC,
            0xD800,
            0xDFFF,
            0xE000,
            0x1BCA0,
            0x1D173,
            0xE0001,
            0xE0041,
            0xE0100,
        ),
    ],
)
def test_a_known_deceiver_is_written_as_its_code_point(code):
    assert visible(f"pay{chr(code)}ee") == f"pay⟨U+{code:04X}⟩ee"


@pytest.mark.parametrize("text", ["Pay 82,000.00 EUR", "Łódź", "株式会社", "a b", "naïve e\u0301", "🙂"])
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == text


def test_a_written_escape_cannot_pose_as_a_hidden_character():
    assert visible("⟨U+202E⟩") != visible("\u202e")
