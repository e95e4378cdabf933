"""The fields that several forms share: what a person typed is kept, and what is wrong is said."""

from __future__ import annotations

import pytest
from django import forms

from orchestrator.forms import parts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "This is not JSON"),
        ("[1]", "in braces"),
        ("9" * 5000, "too many digits"),
        ("[" * 100_000, "This"),
    ],
)
def test_a_schema_that_cannot_be_read_says_why(text: str, words: str) -> None:
    with pytest.raises(forms.ValidationError, match=words):
        parts.SchemaField(required=False).clean(text)
