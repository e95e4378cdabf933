"""Whom the embedded servers run as, and folders that are theirs alone.

PostgreSQL refuses to run as root: then an existing ordinary user stands in, and may walk to what it needs.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from config import embedded


class CannotStart(RuntimeError):
    """An embedded server did not start; the text says what was tried and what to do."""


@dataclass(frozen=True)
class Owner:
    """Whom the servers run as: the person who starts them, or an existing ordinary user in place of root."""

    uid: int
    gid: int
    name: str
    stands_in: bool

    def options(self) -> dict[str, object]:
        if not self.stands_in:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "umask": 0o077}


def owner_of(var: Path) -> Owner:
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        return Owner(me.pw_uid, me.pw_gid, me.pw_name, stands_in=False)
    # PostgreSQL refuses to run as root. Data that is there keeps its owner.
    data = var / "postgres"
    if (data / "PG_VERSION").exists() and (there := data.stat()).st_uid != 0:
        return Owner(there.st_uid, there.st_gid, str(there.st_uid), stands_in=True)
    for name in (os.environ.get("COUNTERSIGN_SYSTEM_USER", ""), "postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Owner(entry.pw_uid, entry.pw_gid, name, stands_in=True)
    raise CannotStart(
        "PostgreSQL does not run as root and there is no user `postgres` or `nobody` to run it as. "
        "Start Countersign as an ordinary user, or name one in COUNTERSIGN_SYSTEM_USER."
    )


def prepare_folders(var: Path, owner: Owner) -> None:
    var.mkdir(parents=True, exist_ok=True)
    (var / "log").mkdir(exist_ok=True)
    sockets = embedded.socket_folder(var)
    for folder in (sockets, var / "redis"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = folder.lstat()
        if stat.S_ISLNK(there.st_mode) or there.st_uid not in {os.geteuid(), owner.uid}:
            raise CannotStart(
                f"{folder} belongs to somebody else. Remove it, or set COUNTERSIGN_VAR to another folder."
            )
        folder.chmod(0o700)
        if owner.stands_in:
            os.chown(folder, owner.uid, owner.gid)
    if sockets.parent != var.absolute():
        (var / embedded.SOCKETS_RECORD).write_text(f"{sockets}\n")
    if owner.stands_in:
        open_to(var / "redis", owner)


def open_to(path: Path, owner: Owner) -> None:
    """Let the user that stands in for root walk to `path`, and read it when it holds programs. Never lists more."""
    for folder in [*path.absolute().parents][:-1]:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & 0o001 and folder.stat().st_uid != owner.uid:
            folder.chmod(mode | 0o001)
            print(
                f"PostgreSQL runs as {owner.name} in place of root: {folder} was opened to pass through (chmod o+x)."
            )
    if path.is_file() and not path.stat().st_mode & 0o005:
        path.chmod(path.stat().st_mode | 0o005)
    if (path / "bin" / "postgres").exists() and (path / "bin" / "postgres").stat().st_mode & 0o005 != 0o005:
        for below in [path, *path.rglob("*")]:
            below.chmod(
                below.stat().st_mode | (0o005 if below.is_dir() or below.stat().st_mode & 0o100 else 0o004)
            )
