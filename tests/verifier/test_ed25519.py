"""The verifier's own Ed25519 against the vectors of RFC 8032, and against another implementation."""

from __future__ import annotations

import importlib.util
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.services import signing_keys
from tests.verifier.files import PROGRAM

spec = importlib.util.spec_from_file_location("verify_export", PROGRAM)
assert spec is not None
assert spec.loader is not None
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)

# RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd"
        "25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c3"
        "87b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594"
        "a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc(public: str, message: str, signature: str) -> None:
    key, text, signed = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert program.is_signed(key, signed, text)
    assert not program.is_signed(key, signed, text + b"\x00")
    for place in (0, 31, 32, 63):
        changed = bytearray(signed)
        changed[place] ^= 1
        assert not program.is_signed(key, bytes(changed), text)


def test_it_agrees_with_another_implementation() -> None:
    chance = random.Random(8032)
    for length in range(0, 200, 10):
        key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        public, message = signing_keys.public_bytes(key), chance.randbytes(length)
        signature = key.sign(message)
        assert program.is_signed(public, signature, message)
        other = signing_keys.public_bytes(Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)))
        assert not program.is_signed(other, signature, message)


@pytest.mark.parametrize(
    ("public", "signature"),
    [
        (b"", b"\x00" * 64),
        (b"\xff" * 32, b"\x00" * 64),
        (b"\x00" * 31, b"\x00" * 64),
        (b"\x02" + b"\x00" * 31, b"\x00" * 64),
        (bytes.fromhex(VECTORS[0][0]), b""),
        # The same signature with the group's order added to its number: it must have one form only.
        (
            bytes.fromhex(VECTORS[0][0]),
            bytes.fromhex(VECTORS[0][2])[:32]
            + (int.from_bytes(bytes.fromhex(VECTORS[0][2])[32:], "little") + program.ORDER).to_bytes(
                32, "little"
            ),
        ),
    ],
)
def test_what_is_no_key_or_no_signature_is_refused(public: bytes, signature: bytes) -> None:
    assert not program.is_signed(public, signature, b"")
