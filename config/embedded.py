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
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

if TYPE_CHECKING:
    from config.servers import Started

DATABASE = "countersign"
# The kernel takes 107 bytes for a socket's path (macOS 103); PostgreSQL adds "/.s.PGSQL.5432.lock" to the folder.
LONGEST_SOCKET_FOLDER = 80


def secret(var: Path, name: str) -> str:
    """The secret of that name, made at random when first asked for, and kept in `var/keys` (mode 600)."""
    path = Path(var) / "keys" / name
    with contextlib.suppress(FileNotFoundError):
        return path.read_text("ascii")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    # Written whole under another name and linked: of two processes that start together, one wins and both read it.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{name}.") as draft:
        draft.write(secrets.token_urlsafe(40))
        draft.flush()
        os.fsync(draft.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft.name, path)
    return path.read_text("ascii")


def socket_folder(var: Path) -> Path:
    """Where the servers' sockets are: `var/run`, or a short private folder when that path is too long for one."""
    folder = Path(var).absolute() / "run"
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
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


def is_private(path: Path) -> bool:
    """Whether nobody but its owner can enter or read this."""
    return not stat.S_IMODE(path.stat().st_mode) & 0o077
