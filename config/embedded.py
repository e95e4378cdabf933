"""Addresses and secrets of the PostgreSQL and Redis that Countersign brings along.

Importing this is cheap and starts nothing: settings only learn where the servers will be. `ensure` starts those
for which no DATABASE_URL or REDIS_URL is set, `stop` ends them; `config.servers` knows how. They listen on
sockets in a private folder, never on a network port.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

if TYPE_CHECKING:
    from config.servers import Started

DATABASE = "countersign"
# The kernel takes 107 bytes for a socket's path (macOS 103); PostgreSQL adds "/.s.PGSQL.5432.lock" to the folder.
LONGEST_SOCKET_FOLDER = 80
SOCKETS_RECORD = "sockets-are-in"


def secret(var: Path, name: str) -> str:
    """The secret of that name, made at random when first asked for, and kept in `var/keys` (mode 600)."""
    if kept := kept_secret(var, name):
        return kept
    # Of two processes that start together, one wins and both read it.
    with contextlib.suppress(FileExistsError):
        _write(_keys(var) / name, secrets.token_urlsafe(40), os.link)
    return kept_secret(var, name)


def kept_secret(var: Path, name: str) -> str:
    """The secret of that name, or nothing when there is none."""
    try:
        return (Path(var) / "keys" / name).read_text()
    except FileNotFoundError:
        return ""


def keep_secret(var: Path, name: str, value: str) -> None:
    """Keep a secret that was chosen by somebody, in place of the one before; an empty one is forgotten."""
    if value:
        _write(_keys(var) / name, value, os.rename)
    else:
        (Path(var) / "keys" / name).unlink(missing_ok=True)


def _keys(var: Path) -> Path:
    folder = Path(var) / "keys"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def _write(path: Path, value: str, put: Callable[[str, Path], None]) -> None:
    """Write it whole under another name (created with mode 600) and put that in place, so that none is half read."""
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w") as out:
            out.write(value)
            out.flush()
            os.fsync(number)
        put(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)


def socket_folder(var: Path) -> Path:
    """Where the servers' sockets are: `var/run`, or a short private folder when that path is too long for one."""
    folder = Path(var).absolute() / "run"
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    # Where it was last time, also when the temporary folder is another now. A copied `var` has another key.
    with contextlib.suppress(OSError):
        recorded = Path((Path(var) / SOCKETS_RECORD).read_text().strip())
        if recorded.name.endswith(key):
            return recorded
    temporary = Path(tempfile.gettempdir())
    if len(os.fsencode(temporary)) > LONGEST_SOCKET_FOLDER - 40:
        temporary = Path("/tmp")
    return temporary / f"countersign-{os.getuid()}-{key}"


def database_url(var: Path) -> str:
    password = secret(var, "database_password")
    return f"postgresql://{DATABASE}:{password}@/{DATABASE}?host={quote(str(socket_folder(var)))}"


def redis_url(var: Path) -> str:
    password = secret(var, "redis_password")
    return f"unix://:{password}@{quote(str(socket_folder(var) / 'redis.sock'))}?db=0"


def celery_broker(redis_url: str) -> str:
    """The same server in the words of Celery, which says `redis+socket://` where others say `unix://`."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={number}"


def ensure(var: Path) -> Started:
    """Start the servers that are wanted and do not answer, wait until they do, and say which were started.

    Raises `config.servers.CannotStart` with what to do next.
    """
    from config import servers

    return servers.ensure(Path(var))


def stop(var: Path) -> list[str]:
    """End the servers of that folder, also those that a killed parent left behind; returns their names."""
    from config import servers

    return servers.stop(Path(var))
