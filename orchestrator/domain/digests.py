"""Canonical JSON (RFC 8785) and the digests made from it.

Everything that is hashed or signed goes through `canonical`: equal values give equal bytes, whatever the order
of their keys. Values that have no single JSON form are refused (NaN, infinities, whole numbers beyond 2^53, lone
surrogates); money is carried as a decimal string with its currency.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import rfc8785

from orchestrator.domain import errors

SAFE_INTEGER = 2**53 - 1
GENESIS = bytes(32)

# Sorted keys, shortest escapes: for structs and ASCII keys msgspec writes exactly what RFC 8785 asks for,
# which `tests/orchestrator/domain/test_digests.py` proves over generated values. Floats are the exception.
_fast = msgspec.json.Encoder(order="sorted")


class NotCanonical(errors.Refused):
    """This value cannot be written as canonical JSON. Carry amounts as text, and leave out NaN and broken text."""


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value (dict, list, str, int, float, bool, None).

    Raises NotCanonical for values that RFC 8785 cannot express.
    """
    try:
        if _is_plain(value):
            return _fast.encode(value)
        _refuse_blurred(value)
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError, TypeError) as error:
        raise NotCanonical(f"This value cannot be written as canonical JSON: {error}") from error


def encode(known: msgspec.Struct | list[str | int]) -> bytes:
    """Canonical bytes of one of our own structs, whose free-form parts are already canonical `msgspec.Raw`, or of
    a list of texts and small integers: what needs no look at each value."""
    return _fast.encode(known)


def sha256(data: bytes) -> str:
    """SHA-256 as 64 hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """SHA-256 over the canonical JSON of a value, as 64 hexadecimal characters."""
    return sha256(canonical(value))


def said(value: Any) -> Any:
    """A struct as plain values, without the fields that say what they would say anyway.

    msgspec leaves a default out by identity: a number that was read from a form and is equal to its default would
    stay, and what says the same would have another digest.
    """
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(type(value))
        given = {field.encode_name: (getattr(value, field.name), _default(field)) for field in fields}
        return {name: said(one) for name, (one, default) in given.items() if one != default}
    if isinstance(value, dict):
        return {key: said(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [said(one) for one in value]
    return msgspec.to_builtins(value)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def link(previous: bytes, envelope: bytes, payload: bytes) -> bytes:
    """The hash of an event: it covers the previous event's hash, so that a chain shows any change.

    `previous` is 32 bytes (GENESIS for the first event).
    """
    return hashlib.sha256(previous + envelope + payload).digest()


def _refuse_blurred(value: Any) -> None:
    """Refuse floats that would be written as whole numbers beyond 2^53: read back, they could not be written again."""
    kind = type(value)
    if kind is float:
        if SAFE_INTEGER < abs(value) < 1e21:
            raise NotCanonical(f"This value cannot be written as canonical JSON: {value!r} is beyond 2^53.")
    elif kind is dict:
        for item in value.values():
            _refuse_blurred(item)
    elif kind is list or kind is tuple:
        for item in value:
            _refuse_blurred(item)


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-SAFE_INTEGER <= value <= SAFE_INTEGER)
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_plain(item) for key, item in value.items())
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return False
