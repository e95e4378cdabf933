"""What hooks need and nobody may read, encrypted. The keys lie outside the database.

`COUNTERSIGN_NOTICE_KEYS` (separated by commas, the newest first) comes first, else a file under VAR_DIR/keys with mode
600, one key a line. The first key seals; all of them open, so that a key can be replaced without a pause.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from orchestrator.domain import errors


class KeyLost(errors.Refused):
    """This hook's secret cannot be opened with any key of this installation. Renew the key file or make a new hook."""


class MalformedNoticeKey(errors.Refused):
    """COUNTERSIGN_NOTICE_KEYS must hold keys of 32 bytes in URL-safe base64, separated by commas. Correct it."""


def seal(text: str) -> bytes:
    return _box().encrypt(text.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """Raises KeyLost."""
    try:
        return _box().decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise KeyLost() from None


def reseal(sealed: bytes | memoryview) -> bytes:
    """The same content under the newest key. Raises KeyLost."""
    try:
        return _box().rotate(bytes(sealed))
    except InvalidToken:
        raise KeyLost() from None


def is_given() -> bool:
    """Whether the keys come from COUNTERSIGN_NOTICE_KEYS; whoever set them there replaces them there."""
    return bool(os.environ.get("COUNTERSIGN_NOTICE_KEYS", "").strip())


def add_key() -> None:
    """Put a new key before the others in the file."""
    _write([Fernet.generate_key(), *_from_file()])


def drop_old_keys() -> None:
    """Keep the newest key alone, once everything was sealed with it."""
    if not is_given():
        _write(_from_file()[:1])


def _box() -> MultiFernet:
    given = os.environ.get("COUNTERSIGN_NOTICE_KEYS", "").strip()
    keys = [part.strip().encode() for part in given.split(",") if part.strip()] or _from_file()
    if not keys:
        keys = [Fernet.generate_key()]
        if not _write(keys, only_new=True):
            keys = _from_file()
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise MalformedNoticeKey() from None


def _file() -> Path:
    return Path(settings.VAR_DIR) / "keys" / "notices"


def _from_file() -> list[bytes]:
    file = _file()
    return [line.strip() for line in file.read_bytes().splitlines() if line.strip()] if file.exists() else []


def _write(keys: list[bytes], *, only_new: bool = False) -> bool:
    """Write the file whole; with `only_new`, False when another process was first."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        written.write(b"\n".join(keys) + b"\n")
        written.flush()
        os.fsync(written.fileno())
    if not only_new:
        fresh.replace(file)
        return True
    try:
        os.link(fresh, file)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    return True
