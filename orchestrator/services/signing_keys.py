"""The Ed25519 key that signs checkpoints. It lies outside the database: whoever can rewrite the log cannot sign.

`COUNTERSIGN_SIGNING_KEY` (base64 of the 32 secret bytes) comes first, else a file under VAR_DIR/keys with mode 600.
The public keys that were ever used here stay beside it, so that older checkpoints can still be checked.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from orchestrator.domain import errors
from orchestrator.services import journal

SUBJECT = "checkpoints"


class MalformedKey(errors.Refused):
    """COUNTERSIGN_SIGNING_KEY must be the base64 of 32 secret bytes. Nothing was signed; correct it."""


class KeyIsGiven(errors.Refused):
    """The signing key comes from COUNTERSIGN_SIGNING_KEY. Set another one there; its first checkpoint records it."""


def signing_key(*, by: str, now: dt.datetime) -> Ed25519PrivateKey:
    """The key to sign with, made on first use. A key that the record does not know yet is recorded."""
    key = _given() or _from_file() or _make()
    _keep_public(key)
    _record(key, None, by=by, now=now)
    return key


def rotate_key(*, by: str, now: dt.datetime) -> str:
    """Sign with a new key from now on; returns its id. The old key vouches for the new one on the record."""
    if _given() is not None:
        raise KeyIsGiven()
    old = signing_key(by=by, now=now)
    new = _make()
    _keep_public(new)
    _record(new, old, by=by, now=now)
    return key_id(public_bytes(new))


def trusted_keys(extra: tuple[str, ...] = ()) -> dict[str, Ed25519PublicKey]:
    """The public keys that this machine trusts, by id: its own, those it used before, and `extra` (hexadecimal)."""
    found: dict[str, Ed25519PublicKey] = {}
    raw = [bytes.fromhex(file.read_text().strip()) for file in sorted(_folder().glob("checkpoint_*.pub"))]
    try:
        raw += [bytes.fromhex(text) for text in extra]
    except ValueError:
        raise errors.Refused("A public key is 64 hexadecimal characters.") from None
    key = _given() or _from_file()
    if key is not None:
        raw.append(public_bytes(key))
    for data in raw:
        found[key_id(data)] = Ed25519PublicKey.from_public_bytes(data)
    return found


def is_signed(public: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether this key signed these bytes."""
    try:
        public.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def raw(public: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id(public: bytes) -> str:
    """A key's short name: the first 16 characters of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "keys"


def _given() -> Ed25519PrivateKey | None:
    text = os.environ.get("COUNTERSIGN_SIGNING_KEY", "").strip()
    if not text:
        return None
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise MalformedKey() from None


def _from_file() -> Ed25519PrivateKey | None:
    file = _folder() / "checkpoint_ed25519"
    return Ed25519PrivateKey.from_private_bytes(file.read_bytes()) if file.exists() else None


def _make() -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = folder / f"checkpoint_ed25519.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / "checkpoint_ed25519")
    return key


def _keep_public(key: Ed25519PrivateKey) -> None:
    public = public_bytes(key)
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"checkpoint_{key_id(public)}.pub"
    if not file.exists():
        file.write_text(public.hex() + "\n")


def _record(key: Ed25519PrivateKey, old: Ed25519PrivateKey | None, *, by: str, now: dt.datetime) -> None:
    """A new key, and a rotation, are facts. The old key's signature over the new one shows who passed it on."""
    stream = journal.stream_for("keys", SUBJECT)
    public = public_bytes(key)
    known = [payload["key"] for _, _, payload, _, _ in journal.facts(stream)]
    if known and known[-1] == key_id(public):
        return
    fact = {"key": key_id(public), "public_key": public.hex(), "before": known[-1] if known else ""}
    if old is not None:
        fact["vouched"] = old.sign(public).hex()
    name = "key.rotated" if known else "key.introduced"
    journal.record(kind="keys", stream=stream, facts=[(name, fact)], by=by, now=now)
