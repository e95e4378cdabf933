"""Canonical bytes: equal to RFC 8785 for every value that has a JSON form, refused for every other."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain import content, digests
from orchestrator.domain import events as e

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
whole = st.integers(-digests.SAFE_INTEGER, digests.SAFE_INTEGER)
floats = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda value: not digests.SAFE_INTEGER < abs(value) < 1e21
)
numbers = whole | floats
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=25,
)
plain_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | whole | texts,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), inner, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_canonical_bytes_are_those_of_rfc_8785(value: Any) -> None:
    assert digests.canonical(value) == rfc8785.dumps(value)


@settings(max_examples=200, deadline=None)
@given(plain_values)
def test_the_fast_way_writes_the_same_bytes(value: Any) -> None:
    assert digests._is_plain(value)
    assert digests._fast.encode(value) == rfc8785.dumps(value)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_reading_canonical_bytes_and_writing_them_again_changes_nothing(value: Any) -> None:
    data = digests.canonical(value)
    assert digests.canonical(msgspec.json.decode(data)) == data


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(texts, json_values, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert digests.digest(dict(items)) == digests.digest(value)


@pytest.mark.parametrize(
    "character", [chr(code) for code in range(0x21)] + ["\x7f", '"', "\\", "/", "\u2028"]
)
def test_every_control_character_is_written_in_its_one_way(character: str) -> None:
    assert digests.canonical(character) == rfc8785.dumps(character)


NOT_JSON: dict[str, Any] = {
    "nan": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "2^53": 2**53,
    "-2^53": -(2**53),
    "2^53+1": 2**53 + 1,
    "a large integer": 10**400,
    "a float that reads back as 2^53": 2.0**53,
    "a float that reads back as a large integer": -1e20,
    "a lone surrogate": "\ud800",
    "a lone surrogate as a key": {"\udfff": 1},
    "a key that is a number": {1: 2},
    "bytes": b"x",
    "a set": {1},
    "an object": object(),
}


@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON.keys())
@pytest.mark.parametrize("inside", [lambda v: v, lambda v: [v], lambda v: {"k": [v]}, lambda v: [1.5, v]])
def test_what_has_no_single_json_form_is_refused(value: Any, inside: Any) -> None:
    with pytest.raises(digests.NotCanonical):
        digests.canonical(inside(value))


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(digests.NotCanonical):
        digests.canonical(deep)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (-0.0, b"0"),
        (1.0, b"1"),
        (1e21, b"1e+21"),
        (333333333.33333329, b"333333333.3333333"),
        ([True, None], b"[true,null]"),
        ({"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4}, '{"\\r":2,"1":4,"\u20ac":1,"\ufb33":3}'.encode()),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'.encode()),
    ],
)
def test_known_values_have_their_known_bytes(value: Any, data: bytes) -> None:
    assert digests.canonical(value) == data


def test_digests_and_links_are_sha_256_over_what_they_name() -> None:
    assert digests.digest({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
    expected = hashlib.sha256(digests.GENESIS + b"envelope" + b"payload").digest()
    assert digests.link(digests.GENESIS, b"envelope", b"payload") == expected


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_content_keeps_its_value_inline_while_it_is_small(value: Any) -> None:
    sealed, data = content.seal(value)
    assert (sealed.digest, sealed.size) == (digests.digest(value), len(data))
    assert sealed.is_inline == (len(data) <= content.INLINE_BYTES)
    if sealed.is_inline:
        assert digests.canonical(sealed.value()) == data


def test_large_content_is_carried_by_its_digest() -> None:
    sealed, data = content.seal("x" * content.INLINE_BYTES)
    assert not sealed.is_inline
    assert len(data) == content.INLINE_BYTES + 2


@settings(max_examples=200, deadline=None)
@given(note=texts, value=json_values, tokens=st.integers(0, digests.SAFE_INTEGER))
def test_the_payload_of_an_event_is_canonical(note: str, value: Any, tokens: int) -> None:
    body = e.TurnCompleted(
        turn="t1", output=content.seal(value)[0], note=note, input_tokens=tokens, cost="0.10", more=True
    )
    data = e.encode(body)
    assert data == rfc8785.dumps(msgspec.json.decode(data))
    assert e.decode("turn.completed", 1, data) == body
